import { afterEach, describe, expect, test } from 'vitest';
import { cacheProxySchema, type ConfigOf } from '../../src/config/cache-proxies.ts';
import { kubeImageKeeper } from '../../src/proxies/kube-image-keeper.ts';
import { describeCacheProxy } from '../conformance/cache-proxy.ts';
import { describePatchAdapter } from './patch-behaviour.ts';
import { type Bench, login, mac, made, openBench, patchFixture, type PlayedProduct, shared } from './patch-fixture.ts';
import { COPY, onEachWorld } from './patch-worlds.ts';
import { describeRelease } from './release-behaviour.ts';

type Kind = ConfigOf<'kube-image-keeper'>['object']['kind'];
interface Element {
  registry: string;
  path?: string;
  priority?: number;
  imageFilter?: { include: string[] };
  credentialSecret?: { name?: string; namespace?: string };
}
interface ImageSet {
  spec: { upstreams?: Element[]; mirrors?: Element[] };
}

const KINDS: readonly Kind[] = [
  'ReplicatedImageSet',
  'ClusterReplicatedImageSet',
  'ImageSetMirror',
  'ClusterImageSetMirror',
];
const listOf = (kind: Kind): 'upstreams' | 'mirrors' => (kind.includes('Replicated') ? 'upstreams' : 'mirrors');
const isCluster = (kind: Kind): boolean => kind.startsWith('Cluster');

const quay: Element = { registry: 'quay.io', path: '/corp', credentialSecret: { name: 'theirs' } };
const hub: Element = { registry: 'docker.io', path: '/corp', priority: 2 };

const played = (kind: Kind, elements: Element[] = [quay, hub], host?: string): PlayedProduct => ({
  make: (namespace) =>
    made(kubeImageKeeper, {
      ...shared,
      kind: 'kube-image-keeper',
      object: { kind, name: `set-${namespace}`, ...(!isCluster(kind) && { namespace }) },
      copyNamespace: namespace,
      ...(host !== undefined && { host }),
    }),
  // The filter is awkward on purpose: the API server escapes these characters, and a JSON Patch that tests them fails.
  object: (namespace) => ({
    apiVersion: 'kuik.enix.io/v1alpha1',
    kind,
    metadata: { name: `set-${namespace}` },
    spec: {
      priority: -1,
      [listOf(kind)]: elements.map((element) =>
        listOf(kind) === 'upstreams' ? { ...element, imageFilter: { include: ['^docker\\.io/(a|b)<&>.*'] } } : element,
      ),
    },
  }),
  // A namespaced kind reads its own namespace, whatever the reference says.
  reads: ({ spec }: ImageSet, own) =>
    (spec[listOf(kind)] ?? [])
      .filter(({ registry }) => registry === 'docker.io')
      .flatMap(({ credentialSecret: secret }) =>
        secret?.name === undefined
          ? []
          : [{ name: secret.name, namespace: isCluster(kind) ? (secret.namespace ?? 'nowhere') : own }],
      ),
});

onEachWorld(
  KINDS.map((kind) => `${kind.toLowerCase()}s.kuik.enix.io`),
  'kuik.enix.io/v1alpha1',
  (open, server) => {
    describe.each(KINDS)('kube-image-keeper, %s', (kind) => {
      describeCacheProxy(kind, async () => patchFixture(await open(), played(kind)));

      let bench: Bench | undefined;
      afterEach(async () => bench?.close());
      const start = async (...product: Parameters<typeof played>): Promise<Bench> =>
        (bench = await openBench(await open(), played(...product)));
      const secrets = async (at: Bench): Promise<unknown[]> =>
        ((await at.object<ImageSet>()).spec[listOf(kind)] ?? []).map(({ registry, credentialSecret }) => [
          registry,
          credentialSecret?.name,
        ]);

      test('points only the element of its registry at the copy', async () => {
        const at = await start(kind);
        await at.apply('pw-1');
        expect(await secrets(at)).toEqual([
          ['quay.io', 'theirs'],
          ['docker.io', COPY],
        ]);
        const [target, copy] = at.proxy.targets;
        const element = (await at.object<ImageSet>()).spec[listOf(kind)]?.[1];
        expect(element?.credentialSecret).toEqual(
          isCluster(kind) ? { name: COPY, namespace: copy?.path.split('/')[4] } : { name: COPY },
        );
        expect(target?.path.includes('/namespaces/')).toBe(!isCluster(kind));
      });

      test('takes the place of another Secret, in every element of the registry, whatever Docker Hub is called there', async () => {
        const at = await start(kind, [
          { ...hub, credentialSecret: { name: 'old', namespace: 'elsewhere' } },
          quay,
          { registry: 'index.docker.io', path: '/other' },
        ]);
        await at.apply('pw-1');
        expect(await secrets(at)).toEqual([
          ['docker.io', COPY],
          ['quay.io', 'theirs'],
          ['index.docker.io', COPY],
        ]);
        expect(at.writes).toHaveLength(1);
      });

      test('finds its element again when others reorder the list at the same moment', async () => {
        const at = await start(kind);
        at.interrupt(async () => {
          const [first, second] = (await at.object<ImageSet>()).spec[listOf(kind)] ?? [];
          await at.edit({ spec: { [listOf(kind)]: [second, { ...quay, registry: 'ghcr.io' }, first] } });
        });
        await at.apply('pw-1');
        expect(await secrets(at)).toEqual([
          ['docker.io', COPY],
          ['ghcr.io', 'theirs'],
          ['quay.io', 'theirs'],
        ]);
      });

      test('uses "host" where the product calls the registry otherwise', async () => {
        const at = await start(kind, [quay, { registry: 'harbor.corp:8443', path: '/hub' }], 'harbor.corp:8443');
        await at.apply('pw-1', { 'harbor.corp:8443': 'pw-1' });
        expect(await secrets(at)).toEqual([
          ['quay.io', 'theirs'],
          ['harbor.corp:8443', COPY],
        ]);
      });

      test('is not done where the copy has the login, but not for the host that kube-image-keeper asks', async () => {
        const at = await start(kind, [quay, { registry: 'harbor.corp', path: '/hub' }], 'harbor.corp');
        const [, copy] = at.proxy.targets;
        if (copy === undefined) throw new Error('no copy');
        const shows = async (): Promise<boolean> =>
          copy.fingerprint(await at.adapter.observe(copy), mac) === copy.expected(login('pw-1'), mac);
        await expect(at.apply('pw-1')).rejects.toThrow(
          `" holds no login that kube-image-keeper finds for images of harbor.corp: it would pull them anonymously. ` +
            'Add the alias { host: "harbor.corp", from: "docker.io" } to source "upstream"',
        );
        expect([await shows(), at.writes]).toEqual([false, []]);
        await expect(at.apply('pw-1', { 'harbor.corp': 'pw-other' })).rejects.toThrow(
          'holds another login for harbor.corp, for which kube-image-keeper asks, than for docker.io: set registry',
        );
        expect([await shows(), at.writes]).toEqual([false, []]);
        // The source was rotated, and the copy is still as it was: that will come.
        const late = at.proxy.apply(login('pw-2'), at.context);
        await expect(late).rejects.toThrow('does not hold the current login of docker.io yet');
        await at.apply('pw-1', { 'harbor.corp/hub': 'pw-1' });
        expect([await shows(), await secrets(at)]).toEqual([
          true,
          [
            ['quay.io', 'theirs'],
            ['harbor.corp', COPY],
          ],
        ]);
      });

      test("takes the host of Docker Hub's API for another registry, as kube-image-keeper does", async () => {
        const api = { registry: 'registry-1.docker.io', path: '/corp' };
        const at = await start(kind, [api]);
        await expect(at.apply('pw-1')).rejects.toThrow('has nothing for registry docker.io');
        const other = await start(kind, [api, hub], 'registry-1.docker.io');
        await other.apply('pw-1', { 'registry-1.docker.io': 'pw-1' });
        expect(await secrets(other)).toEqual([
          ['registry-1.docker.io', COPY],
          ['docker.io', undefined],
        ]);
      });

      test('says what to do where the registry is not in the list', async () => {
        const at = await start(kind, [quay]);
        await expect(at.apply('pw-1')).rejects.toThrow(
          `has nothing for registry docker.io under spec.${listOf(kind)} (it has quay.io): add it there, or correct "host" of the cache proxy`,
        );
        await at.edit({ spec: { [listOf(kind)]: null } });
        await expect(at.apply('pw-1')).rejects.toThrow('(it is empty)');
        expect(at.writes).toEqual([]);
      });

      const going = (at: Bench, name = COPY) => at.proxy.consumer?.release(name, 'going', at.context);

      test('names its copy no longer when that goes, in no element of the registry', async () => {
        const at = await start(kind, [hub, quay, { registry: 'index.docker.io', path: '/other' }]);
        await at.apply('pw-1');
        // Others move the elements and edit their paths.
        const [first, second, third] = (await at.object<ImageSet>()).spec[listOf(kind)] ?? [];
        await at.edit({ spec: { [listOf(kind)]: [third, second, { ...first, path: '/elsewhere' }] } });
        await going(at);
        expect(await secrets(at)).toEqual([
          ['index.docker.io', undefined],
          ['quay.io', 'theirs'],
          ['docker.io', undefined],
        ]);
      });

      test('is held up by an element of another registry that somebody pointed at the same copy', async () => {
        const at = await start(kind);
        const namespace = at.proxy.consumer?.namespace ?? '';
        await at.edit({ spec: { [listOf(kind)]: [{ ...quay, credentialSecret: { name: COPY, namespace } }, hub] } });
        await at.apply('pw-1');
        await expect(going(at)).rejects.toThrow(
          `names it at /spec/${listOf(kind)} quay.io, and Pullpass did not write that`,
        );
        expect(await secrets(at)).toEqual([
          ['quay.io', COPY],
          ['docker.io', COPY],
        ]);
      });

      test('two cache proxies on one object: one that is dropped takes its own, the copy that goes takes both', async () => {
        const at = await start(kind, [{ registry: 'quay.io', path: '/corp' }, hub]);
        const { object } = at.proxy.consumer ?? {};
        const [, own] = /"(?:[^/"]+\/)?([^"]+)"$/.exec(object ?? '') ?? [];
        const namespace = at.proxy.consumer?.namespace ?? '';
        const other = kubeImageKeeper(
          {
            ...shared,
            name: 'quay-cache',
            registry: 'quay.io',
            kind: 'kube-image-keeper',
            object: { kind, name: own ?? '', ...(!isCluster(kind) && { namespace }) },
            copyNamespace: namespace,
          },
          { copyName: COPY },
        );
        await at.apply('pw-1');
        await other.apply({ registry: 'quay.io', username: 'other', password: 'pw-other' }, at.context);
        expect(await secrets(at)).toEqual([
          ['quay.io', COPY],
          ['docker.io', COPY],
        ]);
        await other.consumer?.release(COPY, 'dropped', at.context);
        expect(await secrets(at)).toEqual([
          ['quay.io', undefined],
          ['docker.io', COPY],
        ]);
        await other.apply({ registry: 'quay.io', username: 'other', password: 'pw-other' }, at.context);
        await going(at);
        expect(await secrets(at)).toEqual([
          ['quay.io', undefined],
          ['docker.io', undefined],
        ]);
      });

      test('writes nothing for a rotation: the copy is read when it is needed', async () => {
        const at = await start(kind);
        await at.apply('pw-1');
        await at.apply('pw-2');
        expect(at.writes).toHaveLength(1);
      });
    });

    describe('kube-image-keeper', () => {
      for (const kind of ['ReplicatedImageSet', 'ClusterImageSetMirror'] as const) {
        describePatchAdapter(open, server, played(kind));
        describeRelease(open, server, played(kind));
      }
    });
  },
);

describe('the configuration of kube-image-keeper', () => {
  const problems = (object: object, copyNamespace = 'team'): string[] => {
    const result = cacheProxySchema.safeParse({ ...shared, kind: 'kube-image-keeper', object, copyNamespace });
    return result.success ? [] : result.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
  };

  test('wants a namespace exactly where the kind has one', () => {
    expect(problems({ kind: 'ImageSetMirror', namespace: 'team', name: 'set' })).toEqual([]);
    expect(problems({ kind: 'ClusterImageSetMirror', name: 'set' })).toEqual([]);
    expect(problems({ kind: 'ReplicatedImageSet', name: 'set' })).toEqual([
      'object needs "namespace": a ReplicatedImageSet is in one',
    ]);
    expect(problems({ kind: 'ClusterReplicatedImageSet', namespace: 'team', name: 'set' })).toEqual([
      'object.namespace must not be there: a ClusterReplicatedImageSet is cluster-scoped',
    ]);
  });

  test('knows that a namespaced kind reads Secrets of its own namespace only', () => {
    expect(problems({ kind: 'ImageSetMirror', namespace: 'team', name: 'set' }, 'other')).toEqual([
      'copyNamespace must be "team": a ImageSetMirror reads Secrets of its own namespace only',
    ]);
  });
});
