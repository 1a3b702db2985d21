import { afterEach, describe, expect, test } from 'vitest';
import { cacheProxySchema, type ConfigOf } from '../../src/config/cache-proxies.ts';
import { messageOf } from '../../src/errors.ts';
import { customResource } from '../../src/proxies/custom-resource.ts';
import { describeCacheProxy } from '../conformance/cache-proxy.ts';
import { describePatchAdapter } from './patch-behaviour.ts';
import { type Bench, made, openBench, patchFixture, type PlayedProduct, shared } from './patch-fixture.ts';
import { COPY, onEachWorld } from './patch-worlds.ts';
import { describeRelease } from './release-behaviour.ts';

type Config = ConfigOf<'custom-resource'>;
/** What a pull Secret is called here and there; the CRDs of known products lend their forms. */
const make =
  (
    object: Omit<Config['object'], 'namespace'>,
    rest: Pick<Config, 'path' | 'form'> & Partial<Config>,
    scope: 'namespaced' | 'cluster' = 'namespaced',
  ) =>
  (namespace: string) =>
    made(customResource, {
      ...shared,
      kind: 'custom-resource',
      object: { ...object, ...(scope === 'namespaced' && { namespace }) },
      ...rest,
      ...(scope === 'cluster' && { copyNamespace: namespace }),
    });

const puller = { apiVersion: 'che.eclipse.org/v1alpha1', resource: 'kubernetesimagepullers', name: 'puller' };
const byName = (rest: Partial<Config> = {}): PlayedProduct => ({
  make: make(puller, { path: '/spec/imagePullSecrets', form: 'name', ...rest }),
  object: () => ({
    apiVersion: puller.apiVersion,
    kind: 'KubernetesImagePuller',
    metadata: { name: 'puller' },
    spec: { images: 'a=b' },
  }),
  reads: ({ spec }: { spec: { imagePullSecrets?: string } }, namespace) =>
    spec.imagePullSecrets === undefined ? [] : [{ namespace, name: spec.imagePullSecrets }],
});

const TRIGGER = 'example.com/refresh';
const cache = { apiVersion: 'kubefledged.io/v1alpha2', resource: 'imagecaches', name: 'base-images' };
const byList: PlayedProduct = {
  make: make(cache, { path: '/spec/imagePullSecrets', form: 'list', trigger: { annotation: TRIGGER } }),
  object: () => ({
    apiVersion: cache.apiVersion,
    kind: 'ImageCache',
    metadata: { name: 'base-images', annotations: { 'example.com/owner': 'team' } },
    spec: { cacheSpec: [], imagePullSecrets: [{ name: 'theirs' }] },
  }),
  reads: ({ spec }: { spec: { imagePullSecrets?: { name: string }[] } }, namespace) =>
    (spec.imagePullSecrets ?? []).map(({ name }) => ({ namespace, name })),
  told: { by: (before, now) => before.metadata.annotations?.[TRIGGER] !== now.metadata.annotations?.[TRIGGER] },
};

const set = { apiVersion: 'kuik.enix.io/v1alpha1', resource: 'clusterreplicatedimagesets' };
interface ImageSet {
  spec: { upstreams: { registry: string; credentialSecret?: { name?: string; namespace?: string } }[] };
}
const byReference: PlayedProduct = {
  make: (namespace) =>
    make(
      { ...set, name: `set-${namespace}` },
      { path: '/spec/upstreams/1/credentialSecret', form: 'reference' },
      'cluster',
    )(namespace),
  object: (namespace) => ({
    apiVersion: set.apiVersion,
    kind: 'ClusterReplicatedImageSet',
    metadata: { name: `set-${namespace}` },
    spec: {
      upstreams: [
        { registry: 'quay.io', path: '/a' },
        { registry: 'docker.io', path: '/b' },
      ],
    },
  }),
  reads: ({ spec }: ImageSet) =>
    spec.upstreams.flatMap(({ credentialSecret: secret }) =>
      secret?.name === undefined || secret.namespace === undefined
        ? []
        : [{ name: secret.name, namespace: secret.namespace }],
    ),
};

let bench: Bench | undefined;
afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

onEachWorld(['kubernetesimagepullers.che.eclipse.org'], puller.apiVersion, (open, kind) => {
  describeCacheProxy('a field with a name', async () => patchFixture(await open(), byName()));
  describePatchAdapter(open, kind, byName());
  describeRelease(open, kind, byName());

  test('a name that somebody else wrote is replaced', async () => {
    bench = await openBench(await open(), byName());
    await bench.edit({ spec: { imagePullSecrets: 'old' } });
    await bench.apply('pw-1');
    expect(await bench.object()).toMatchObject({ spec: { imagePullSecrets: COPY, images: 'a=b' } });
  });

  test.each([
    [
      'a parent that is not there',
      { path: '/spec/registry/secret' },
      'has no /spec/registry: create it first; or correct "path" and "form" of the cache proxy',
    ],
    [
      'a field that is no list',
      { path: '/spec/images', form: 'list' as const },
      'has no list at /spec/images; or correct',
    ],
    [
      'a field that is no reference',
      { path: '/spec/images', form: 'reference' as const },
      'has no reference at /spec/images; or correct',
    ],
    ['a field that is no name', { path: '/spec' }, 'has no plain name at /spec; or correct'],
  ])('%s is an error in one line that says what to do', async (_, rest, message) => {
    bench = await openBench(await open(), byName(rest));
    await expect(bench.apply('pw-1')).rejects.toThrow(message);
    expect(bench.writes).toEqual([]);
  });

  test('a field that the CRD does not have is noticed after one write', async (context) => {
    bench = await openBench(await open(), byName({ path: '/spec/pullSecret' }));
    const error = await bench.apply('pw-1').catch((e: unknown) => messageOf(e));
    // Without the CRD nothing is pruned.
    if (error === undefined) return context.skip('no CRD');
    expect(error).toContain('a change was accepted and is not there: its CRD has no such field');
    expect(bench.writes).toHaveLength(1);
  });

  test('a field that has another form in the CRD is noticed after one refused write', async (context) => {
    bench = await openBench(await open(), byName({ path: '/spec/affinity', form: 'reference' }));
    const error = await bench.apply('pw-1').catch((e: unknown) => messageOf(e));
    if (error === undefined) return context.skip('no CRD');
    expect(error).toContain('the API server refuses the change: its CRD has another form for the field');
    expect(bench.writes).toHaveLength(1);
  });
});

onEachWorld(['imagecaches.kubefledged.io'], cache.apiVersion, (open, kind) => {
  describeCacheProxy('a list, and a trigger', async () => patchFixture(await open(), byList));
  describePatchAdapter(open, kind, byList);
  describeRelease(open, kind, byList);

  test('others keep their entries and annotations', async () => {
    bench = await openBench(await open(), byList);
    bench.interrupt(async () => bench?.edit({ spec: { imagePullSecrets: [{ name: 'new' }, { name: 'theirs' }] } }));
    await bench.apply('pw-1');
    await bench.apply('pw-2');
    expect(await bench.object()).toMatchObject({
      metadata: { annotations: { 'example.com/owner': 'team' } },
      spec: { imagePullSecrets: [{ name: 'new' }, { name: 'theirs' }, { name: COPY }] },
    });
  });
});

onEachWorld(['clusterreplicatedimagesets.kuik.enix.io'], set.apiVersion, (open, kind) => {
  describeCacheProxy('a reference in a cluster-scoped object', async () => patchFixture(await open(), byReference));
  describePatchAdapter(open, kind, byReference);
  describeRelease(open, kind, byReference);

  test('of a reference that others gave more members, only the name goes', async () => {
    bench = await openBench(await open(), byReference);
    await bench.apply('pw-1');
    const { spec } = await bench.object<ImageSet>();
    // The CRD would prune it; what decides is the pure part.
    const object = {
      metadata: {
        name: 'x',
        annotations: { 'pullpass.dev/copies': JSON.stringify({ '/spec/upstreams/1/credentialSecret': [COPY] }) },
      },
      spec: {
        upstreams: spec.upstreams.map((each) => ({
          ...each,
          ...(each.credentialSecret && { credentialSecret: { ...each.credentialSecret, key: 'k' } }),
        })),
      },
    };
    const patches: object[] = [];
    const kube = {
      ...bench.context.kube,
      get: <T>() => Promise.resolve((patches.length === 0 ? object : undefined) as T | undefined),
      patch: (_: string, __: string, body: object) => Promise.resolve(void patches.push(body)),
    };
    await bench.proxy.consumer?.release(COPY, 'going', { ...bench.context, kube });
    expect(patches[0]).toContainEqual({ op: 'add', path: '/spec/upstreams/1/credentialSecret', value: { key: 'k' } });
  });

  test('a path through a list is not followed to another item when the list changes at the same moment', async () => {
    bench = await openBench(await open(), byReference);
    bench.interrupt(async () =>
      bench?.edit({
        spec: {
          upstreams: [
            { registry: 'docker.io', path: '/b' },
            { registry: 'ghcr.io', path: '/c' },
          ],
        },
      }),
    );
    await bench.apply('pw-1');
    // The path is what the configuration says; what counts is that it was looked at anew.
    expect(bench.writes).toHaveLength(2);
    expect(bench.writes[0]?.[0]).not.toEqual(bench.writes[1]?.[0]);
    expect((await bench.object<ImageSet>()).spec.upstreams).toEqual([
      { registry: 'docker.io', path: '/b' },
      { registry: 'ghcr.io', path: '/c', credentialSecret: { name: COPY, namespace: expect.any(String) as string } },
    ]);
  });
});

describe('the configuration of custom-resource', () => {
  test('wants to know whose copy a cluster-scoped object reads', () => {
    const parse = (rest: object) =>
      cacheProxySchema.safeParse({
        ...shared,
        kind: 'custom-resource',
        object: { ...set, name: 'set' },
        path: '/spec/secret',
        ...rest,
      });
    expect(parse({}).error?.issues).toMatchObject([
      {
        path: ['copyNamespace'],
        message: expect.stringContaining('name the one whose copy the product reads') as string,
      },
    ]);
    expect(parse({ copyNamespace: 'team' }).success).toBe(true);
  });
});
