/** Pods that were made before the reference: a real kubelet says why they cannot pull, and their owners make them anew. */
import type { V1Job, V1Pod } from '@kubernetes/client-node';
import { beforeAll, expect, test } from 'vitest';
import { eventually } from '../../integration/env/cluster.ts';
import { COPY, HOME, onNodes } from '../world.ts';

const LIMIT_MS = 240_000;

onNodes((world) => {
  beforeAll(() =>
    world().install({
      sources: [
        {
          name: 'upstream',
          secret: { namespace: HOME, name: COPY },
          copyName: COPY,
          namespaces: { allow: ['team-*'] },
          healing: { mode: 'evict' },
        },
      ],
    }),
  );

  test(
    'a Deployment and a Job from before the opt-in run after it, and a bare pod is left alone',
    async () => {
      const { cli, cluster, namespace, pods, push } = world();
      await namespace('team-early');
      const image = await push('corp/app');
      const spec = {
        ...{ automountServiceAccountToken: false, dnsPolicy: 'Default', terminationGracePeriodSeconds: 1 },
        containers: [{ name: 'app', image, imagePullPolicy: 'Always' }],
      };
      await cli.apply({
        ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'team-early' } },
        spec: {
          selector: { matchLabels: { app: 'web' } },
          template: { metadata: { labels: { app: 'web' } }, spec },
        },
      });
      await cli.apply({
        ...{ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'once', namespace: 'team-early' } },
        spec: { template: { metadata: { labels: { app: 'once' } }, spec: { ...spec, restartPolicy: 'Never' } } },
      });
      expect(await pods.run('team-early', 'bare', image)).toBe('refused');
      const of = async (app: string): Promise<V1Pod[]> =>
        (
          await cluster.admin.get<{ items: V1Pod[] }>('/api/v1/namespaces/team-early/pods', {
            query: { labelSelector: `app=${app}` },
          })
        ).items.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
      for (const app of ['web', 'once'])
        await eventually(async () => {
          const [pod] = await of(app);
          expect(pod?.status?.containerStatuses?.[0]?.state?.waiting?.reason).toMatch(/ErrImagePull|ImagePullBackOff/);
          expect(pod?.spec?.imagePullSecrets).toBeUndefined();
        }, LIMIT_MS);

      await cluster.annotateNamespace('team-early', { 'pullpass.dev/sync': 'enabled' });
      await eventually(async () => {
        const [web] = await of('web');
        expect(web?.spec?.imagePullSecrets).toEqual([{ name: COPY }]);
        const { state, restartCount = 0 } = web?.status?.containerStatuses?.[0] ?? {};
        expect(state?.terminated ?? state?.running ?? (restartCount > 0 ? {} : undefined)).toBeDefined();
        const { status } = await cluster.admin.get<V1Job>('/apis/batch/v1/namespaces/team-early/jobs/once');
        expect([status?.succeeded, status?.failed]).toEqual([1, 1]);
      }, LIMIT_MS);
      expect(await pods.outcome('team-early', 'bare')).toBe('refused');
      const told = (await cluster.events('team-early'))
        .filter(({ reason }) => /^Pod(Not)?Evicted$/.test(reason))
        .map(({ reason, regarding }) => `${reason} ${regarding.name.replace(/-.*/, '')}`);
      expect(told.sort()).toEqual(['PodEvicted once', 'PodEvicted web', 'PodNotEvicted bare']);
    },
    2 * LIMIT_MS,
  );
});
