/** kube-image-keeper's own controller and webhook: pods that it reroutes pull with the copy that Pullpass names in its object. */
import { connect, createServer } from 'node:net';
import { beforeAll, expect, test } from 'vitest';
import { freePort } from '../../sandbox/registry/distribution.ts';
import { eventually } from '../../integration/env/cluster.ts';
import { onNodesWith, pulledBy, servingDirectory } from '../products.ts';
import { settings } from '../settings.ts';
import { COPY, FIRST, HOME, SECOND } from '../world.ts';

/** Opted in: it has the copy that the object names. */
const KEEPER = 'team-keeper';
/** Not opted in: what its pods pull with is kube-image-keeper's doing. */
const TENANT = 'team-tenant';
const OBJECT = '/apis/kuik.enix.io/v1alpha1/clusterreplicatedimagesets/corp';
/** Where the pods' images were, before their registry was gone. */
const GONE = 'gone.invalid';
const WEBHOOK_PORT = 9443;

interface ReplicatedImageSet {
  readonly spec: { readonly upstreams: { registry: string; credentialSecret?: object }[] };
}

interface Pod {
  readonly spec: { readonly containers: { image: string }[]; readonly imagePullSecrets?: { name: string }[] };
}

interface Secrets {
  readonly items: { readonly metadata: { name: string }; readonly data: Record<string, string> }[];
}

const given = settings();
if (given !== undefined && given.node === undefined)
  test.skip('kube-image-keeper: the nodes must find a registry under a second name, which takes their hosts.toml', () =>
    undefined);
else
  onNodesWith(
    {
      programs: ['kube-image-keeper'],
      crds: [
        'clusterimagesetavailabilities.kuik.enix.io',
        'clusterimagesetmirrors.kuik.enix.io',
        'clusterreplicatedimagesets.kuik.enix.io',
        'imagesetmirrors.kuik.enix.io',
        'replicatedimagesets.kuik.enix.io',
      ],
    },
    (world, product) => {
      /** kube-image-keeper speaks plain HTTP to loopback and private addresses only, so the private registry gets such a name. */
      let replica = '';

      beforeAll(async () => {
        const { alias, cleanUp, cli, install, namespace, settings } = world();
        const [host = '', port] = settings.registry.split(':');
        const listening = await freePort();
        const forward = createServer((socket) => {
          const onward = connect(Number(port), host);
          socket.pipe(onward).pipe(socket);
          socket.on('error', () => onward.destroy());
          onward.on('error', () => socket.destroy());
        }).listen(listening, '127.0.0.1');
        cleanUp.defer(() => void forward.close());
        replica = `127.0.0.1:${listening}`;
        await alias(replica);

        await namespace(KEEPER);
        await namespace(TENANT);
        await cli.apply({
          apiVersion: 'kuik.enix.io/v1alpha1',
          kind: 'ClusterReplicatedImageSet',
          metadata: { name: 'corp' },
          spec: {
            upstreams: [GONE, replica].map((registry) => ({
              registry,
              path: '/corp',
              imageFilter: { include: ['/corp/.+'] },
            })),
          },
        });
        await install({
          sources: [
            {
              name: 'upstream',
              secret: { namespace: HOME, name: COPY },
              copyName: COPY,
              namespaces: { allow: [KEEPER] },
              aliases: [{ host: replica, from: settings.registry }],
            },
          ],
          cacheProxies: [
            {
              name: 'keeper',
              kind: 'kube-image-keeper',
              source: 'upstream',
              registry: settings.registry,
              host: replica,
              object: { kind: 'ClusterReplicatedImageSet', name: 'corp' },
              copyNamespace: KEEPER,
            },
          ],
        });

        const serving = await servingDirectory(world());
        product().start('kube-image-keeper', ['--health-probe-bind-address=0'], { TMPDIR: serving.directory });
        await eventually(
          () =>
            new Promise((resolve, reject) => {
              const socket = connect(WEBHOOK_PORT, serving.host, () => resolve(void socket.destroy()));
              socket.once('error', reject);
            }),
          60_000,
        );
        // As its chart writes it, for one namespace.
        const webhook = {
          apiVersion: 'admissionregistration.k8s.io/v1',
          kind: 'MutatingWebhookConfiguration',
          metadata: { name: 'e2e-kube-image-keeper' },
          webhooks: [
            {
              name: 'mpod-v1.kb.io',
              admissionReviewVersions: ['v1'],
              clientConfig: {
                url: `https://${serving.host}:${WEBHOOK_PORT}/mutate--v1-pod`,
                caBundle: Buffer.from(serving.caPem).toString('base64'),
              },
              failurePolicy: 'Ignore',
              reinvocationPolicy: 'IfNeeded',
              namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': TENANT } },
              rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
              sideEffects: 'NoneOnDryRun',
            },
          ],
        };
        cleanUp.defer(async () => {
          await cli.kubectl(['delete', 'mutatingwebhookconfiguration', webhook.metadata.name]);
          // It has a finalizer of kube-image-keeper, which ends after this.
          await cli.kubectl(['delete', 'clusterreplicatedimageset', 'corp', '--timeout=60s']);
        });
        await cli.apply(webhook);
      });

      const credentials = async (): Promise<(object | undefined)[]> => {
        const { spec } = await world().cluster.admin.get<ReplicatedImageSet>(OBJECT);
        return spec.upstreams.map(({ credentialSecret }) => credentialSecret);
      };
      /** The image of the private registry, as pods name it. */
      const formerly = async (repository: string): Promise<string> => {
        const { push, settings } = world();
        return (await push(repository)).replace(settings.registry, GONE);
      };
      const podOf = (name: string): Promise<Pod> =>
        world().cluster.admin.get<Pod>(`/api/v1/namespaces/${TENANT}/pods/${name}`);
      /** Of the private registry, in the Secrets that kube-image-keeper made in the pods' namespace. */
      const derivedUsers = async (): Promise<string[]> => {
        const { items } = await world().cluster.admin.get<Secrets>(`/api/v1/namespaces/${TENANT}/secrets`);
        return items.flatMap(({ metadata, data }) => {
          if (!metadata.name.startsWith('kuik-')) return [];
          const text = Buffer.from(data['.dockerconfigjson'] ?? '', 'base64').toString();
          const { auths } = JSON.parse(text) as { auths: Record<string, { username?: string }> };
          return [auths[replica]?.username ?? ''];
        });
      };

      test('a pod is rerouted, and pulls, only after the namespace of the copy opts in', async () => {
        const { cluster, pods, synced, upstream } = world();
        const image = await formerly('corp/app');
        expect(await pods.run(TENANT, 'before', image)).toBe('refused');
        expect((await podOf('before')).spec.containers[0]?.image).toBe(image);

        await cluster.annotateNamespace(KEEPER, { 'pullpass.dev/sync': 'enabled' });
        await synced(KEEPER);
        await eventually(async () => {
          expect(await credentials()).toEqual([undefined, { name: COPY, namespace: KEEPER }]);
        }, 60_000);
        expect(await pods.run(TENANT, 'after', image)).toBe('ran');
        const { spec } = await podOf('after');
        expect(spec.containers[0]?.image).toBe(image.replace(GONE, replica));
        expect(spec.imagePullSecrets).toEqual([{ name: expect.stringMatching(/^kuik-/) as string }]);
        expect(pulledBy(upstream, 'corp/app')).toEqual([FIRST.username]);
      });

      test('a rotation is not complete before its derived Secret follows, with the next pod; then pods pull when the old login is revoked', async () => {
        const { cli, config, login, pods, upstream } = world();
        const wait = (timeout: string): ReturnType<typeof cli.pullpass> =>
          cli.pullpass('wait', '--config', config, '--source', 'upstream', '--timeout', timeout);
        expect(await derivedUsers()).toEqual([FIRST.username]);
        await login(SECOND);
        const early = await wait('30s');
        expect(early.output).toContain(
          `1 of 1 Secrets that kube-image-keeper made of the copy holds another login: namespace ${TENANT}`,
        );
        expect(early.status).toBe(1);
        expect(await derivedUsers()).toEqual([FIRST.username]);

        expect(await pods.run(TENANT, 'rotated', await formerly('corp/new'))).toBe('ran');
        expect(await derivedUsers()).toEqual([SECOND.username]);
        const waited = await wait('2m');
        expect(waited.output).toContain('complete: the old credential can be revoked');
        upstream.revoke(FIRST.username);
        expect(await pods.run(TENANT, 'revoked', await formerly('corp/newer'))).toBe('ran');
        expect(pulledBy(upstream, 'corp/newer')).toEqual([SECOND.username]);
      });

      test('opting out takes the reference out of the object before the copy goes, so that no pod is denied', async () => {
        const { cluster, pods } = world();
        await cluster.annotateNamespace(KEEPER, { 'pullpass.dev/sync': null });
        await eventually(async () => {
          expect(await cluster.getSecret(KEEPER, COPY)).toBeUndefined();
        }, 60_000);
        expect(await credentials()).toEqual([undefined, undefined]);
        // Admitted, and refused by the registry: nothing gives it a login any more.
        expect(await pods.run(TENANT, 'opted-out', await formerly('corp/last'))).toBe('refused');
      });
    },
  );
