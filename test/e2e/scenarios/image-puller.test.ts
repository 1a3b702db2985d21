/** kubernetes-image-puller's own operator: the DaemonSet of its puller pulls with the copy that Pullpass names in the custom resource. */
import { beforeAll, expect, test } from 'vitest';
import { eventually } from '../../integration/env/cluster.ts';
import { busybox, onNodesWith, productNamespace, pulledBy, servingDirectory } from '../products.ts';
import { COPY, FIRST, SECOND } from '../world.ts';

const TEAM = 'team-puller';
const PULLER = `/apis/che.eclipse.org/v1alpha1/namespaces/${TEAM}/kubernetesimagepullers/image-puller`;
const PODS = `/api/v1/namespaces/${TEAM}/pods`;
const LIMIT_MS = 120_000;

interface Puller {
  readonly spec: { readonly imagePullSecrets?: string };
}

interface Pod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly spec: { readonly imagePullSecrets?: { name: string }[]; readonly containers: { image: string }[] };
  readonly status: {
    readonly containerStatuses?: { ready: boolean; state: { waiting?: { reason: string; message?: string } } }[];
  };
}

onNodesWith(
  {
    programs: ['kubernetes-image-puller-operator', 'kubernetes-image-puller', 'busybox'],
    crds: ['kubernetesimagepullers.che.eclipse.org'],
  },
  (world, product) => {
    beforeAll(async () => {
      const { install, settings } = world();
      // The puller itself runs as the second.
      await productNamespace(world(), TEAM, 'default', 'k8s-image-puller');
      const object = { namespace: TEAM, name: 'image-puller' };
      await install({
        cacheProxies: [
          { name: 'puller', kind: 'image-puller', source: 'upstream', registry: settings.registry, object },
        ],
      });
      product().start(
        'kubernetes-image-puller-operator',
        ['--metrics-bind-address=0', '--health-probe-bind-address=0'],
        { WATCH_NAMESPACE: TEAM, TMPDIR: (await servingDirectory(world())).directory },
      );
    });

    const puller = (): Promise<Puller> => world().cluster.admin.get<Puller>(PULLER);
    /** Of the DaemonSet. */
    const pods = async (): Promise<Pod[]> => {
      const query = { labelSelector: 'app.kubernetes.io/name=image-puller' };
      const { items } = await world().cluster.admin.get<{ items: Pod[] }>(PODS, { query });
      return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    };
    /** Resolves when each node has a pod of the DaemonSet that runs these images. */
    const hasPulled = (...images: string[]): Promise<void> =>
      eventually(async () => {
        const all = await pods();
        expect(all).not.toEqual([]);
        for (const { spec, status } of all) {
          expect(spec.containers.map(({ image }) => image).sort()).toEqual([...images].sort());
          expect((status.containerStatuses ?? []).map(({ ready }) => ready)).toEqual(images.map(() => true));
        }
      }, LIMIT_MS);
    let image = '';

    test('its pods are refused before their namespace opts in, and pull after', async () => {
      const { cli, cluster, push, upstream } = world();
      image = await push('corp/base');
      const programs = {
        'kubernetes-image-puller': product().program('kubernetes-image-puller'),
      };
      const own = busybox(product().program('busybox'), ['sh', 'cp', 'sleep'], {
        programs,
        config: { Entrypoint: ['/kubernetes-image-puller'] },
      });
      await cli.apply({
        apiVersion: 'che.eclipse.org/v1alpha1',
        kind: 'KubernetesImagePuller',
        metadata: { name: 'image-puller', namespace: TEAM },
        spec: { images: `base=${image}`, imagePullerImage: await push('tools/image-puller', own) },
      });
      await eventually(async () => {
        const waiting = (await pods()).map(({ status }) => status.containerStatuses?.[0]?.state.waiting?.reason);
        expect(waiting).toEqual([expect.stringMatching(/^(ErrImagePull|ImagePullBackOff)$/)]);
      }, LIMIT_MS);
      expect((await puller()).spec.imagePullSecrets).toBeUndefined();

      await cluster.annotateNamespace(TEAM, { 'pullpass.dev/sync': 'enabled' });
      await hasPulled(image);
      expect((await puller()).spec.imagePullSecrets).toBe(COPY);
      expect((await pods())[0]?.spec.imagePullSecrets).toEqual([{ name: COPY }]);
      expect(pulledBy(upstream, 'corp/base')).toEqual([FIRST.username]);
    });

    test('its pods pull with the new login after a rotation, when the old one is revoked', async () => {
      const { cli, cluster, config, login, push, upstream } = world();
      await login(SECOND);
      const waited = await cli.pullpass('wait', '--config', config, '--source', 'upstream', '--timeout', '2m');
      expect(waited.output).toContain('complete: the old credential can be revoked');
      upstream.revoke(FIRST.username);

      // A pod as on a new node: the puller always pulls.
      const revoked = upstream.requests.length;
      for (const { metadata } of await pods()) await cluster.admin.delete(`${PODS}/${metadata.name}`);
      await hasPulled(image);
      expect(pulledBy(upstream, 'corp/base', revoked)).toEqual([SECOND.username]);

      const newer = await push('corp/newer');
      await cluster.admin.patch(PULLER, 'application/merge-patch+json', {
        spec: { images: `base=${image};newer=${newer}` },
      });
      await hasPulled(image, newer);
      expect(pulledBy(upstream, 'corp/newer')).toEqual([SECOND.username]);
    });

    test('opting out takes the name out of the custom resource before the copy goes', async () => {
      const { cluster } = world();
      await cluster.annotateNamespace(TEAM, { 'pullpass.dev/sync': null });
      await eventually(async () => {
        expect(await cluster.getSecret(TEAM, COPY)).toBeUndefined();
      }, 60_000);
      expect((await puller()).spec.imagePullSecrets ?? '').toBe('');
    });
  },
);
