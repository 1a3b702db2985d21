/** kube-fledged's own controller: its jobs pull with the copy that Pullpass names in the ImageCache. */
import { beforeAll, expect, test } from 'vitest';
import { eventually } from '../../integration/env/cluster.ts';
import { busybox, onNodesWith, productNamespace, pulledBy } from '../products.ts';
import { COPY, FIRST, SECOND } from '../world.ts';

const TEAM = 'team-fledged';
const CACHE = `/apis/kubefledged.io/v1alpha2/namespaces/${TEAM}/imagecaches/base-images`;
const DEADLINE_SECONDS = 20;

interface ImageCache {
  readonly spec: { readonly imagePullSecrets?: { name: string }[] };
  readonly status?: { readonly status: string; readonly reason: string; readonly failures?: Record<string, object[]> };
}

onNodesWith(
  { programs: ['kubefledged-controller', 'busybox'], crds: ['imagecaches.kubefledged.io'] },
  (world, product) => {
    beforeAll(async () => {
      const { install, push, settings } = world();
      await productNamespace(world(), TEAM, 'default');
      const object = { namespace: TEAM, name: 'base-images' };
      await install({
        cacheProxies: [
          { name: 'fledged', kind: 'kube-fledged', source: 'upstream', registry: settings.registry, object },
        ],
      });
      product().start(
        'kubefledged-controller',
        [
          '--stderrthreshold=INFO',
          `--kubeconfig=${settings.kubeconfig}`,
          // A refresh pulls again what the node has; and none comes but by Pullpass.
          '--image-pull-policy=Always',
          '--image-cache-refresh-frequency=0s',
          `--image-pull-deadline-duration=${DEADLINE_SECONDS}s`,
        ],
        { BUSYBOX_IMAGE: await push('tools/busybox', busybox(product().program('busybox'), ['cp', 'echo'])) },
      );
    });

    const cache = (): Promise<ImageCache> => world().cluster.admin.get<ImageCache>(CACHE);
    const until = async (status: string, reason?: string): Promise<ImageCache> => {
      let seen: ImageCache | undefined;
      await eventually(
        async () => {
          seen = await cache();
          expect(seen.status).toMatchObject({ status, ...(reason !== undefined && { reason }) });
        },
        4 * DEADLINE_SECONDS * 1000,
      );
      return seen as ImageCache;
    };

    let image = '';

    test('its jobs are refused before their namespace opts in, and pull after', async () => {
      const { cli, cluster, push, upstream } = world();
      image = await push('corp/base');
      await cli.apply({
        apiVersion: 'kubefledged.io/v1alpha2',
        kind: 'ImageCache',
        metadata: { name: 'base-images', namespace: TEAM },
        spec: { cacheSpec: [{ images: [image] }] },
      });
      const refused = await until('Failed');
      expect(Object.keys(refused.status?.failures ?? {})).toEqual([image]);
      expect(refused.spec.imagePullSecrets).toBeUndefined();

      await cluster.annotateNamespace(TEAM, { 'pullpass.dev/sync': 'enabled' });
      const pulled = await until('Succeeded', 'ImageCacheRefresh');
      expect(pulled.spec.imagePullSecrets).toEqual([{ name: COPY }]);
      expect(pulledBy(upstream, 'corp/base')).toEqual([FIRST.username]);
      expect(await cluster.pullSecrets(TEAM)).toEqual(['tools']);
    });

    test('it refreshes with the new login after a rotation, and pulls what is new with it when the old one is revoked', async () => {
      const { cli, cluster, config, login, push, upstream } = world();
      const rotated = upstream.requests.length;
      await login(SECOND);
      const waited = await cli.pullpass('wait', '--config', config, '--source', 'upstream', '--timeout', '2m');
      expect(waited.output).toContain('complete: the old credential can be revoked');
      upstream.revoke(FIRST.username);
      // The refresh that Pullpass asked for, by the annotation: the list is as it was.
      await eventually(
        async () => {
          expect(pulledBy(upstream, 'corp/base', rotated)).toEqual([SECOND.username]);
        },
        4 * DEADLINE_SECONDS * 1000,
      );
      await until('Succeeded', 'ImageCacheRefresh');

      const revoked = upstream.requests.length;
      await cluster.admin.patch(CACHE, 'application/merge-patch+json', {
        spec: { cacheSpec: [{ images: [image, await push('corp/newer')] }] },
      });

      await until('Succeeded', 'ImageCacheUpdate');
      expect(pulledBy(upstream, 'corp/newer', revoked)).toEqual([SECOND.username]);
    });

    test('opting out takes the name out of the ImageCache before the copy goes', async () => {
      const { cluster } = world();
      await cluster.annotateNamespace(TEAM, { 'pullpass.dev/sync': null });
      await eventually(async () => {
        expect(await cluster.getSecret(TEAM, COPY)).toBeUndefined();
      }, 60_000);
      expect((await cache()).spec.imagePullSecrets ?? []).toEqual([]);
    });
  },
);
