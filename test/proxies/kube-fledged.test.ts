import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NotYetError } from '../../src/proxies/adapter.ts';
import { kubeFledged } from '../../src/proxies/kube-fledged.ts';
import { describeCacheProxy } from '../conformance/cache-proxy.ts';
import { describePatchAdapter } from './patch-behaviour.ts';
import { type Bench, login, made, openBench, patchFixture, type PlayedProduct, shared } from './patch-fixture.ts';
import { COPY, onEachWorld } from './patch-worlds.ts';
import { describeRelease } from './release-behaviour.ts';

const REFRESH = 'kubefledged.io/refresh-imagecache';

interface ImageCache {
  metadata: { annotations?: Record<string, string> };
  spec: { imagePullSecrets?: { name: string }[]; cacheSpec: object[] };
}

/** kube-fledged pulls again when the refresh annotation comes up, and takes it away when that is done. */
const played: PlayedProduct = {
  make: (namespace) =>
    made(kubeFledged, { ...shared, kind: 'kube-fledged', object: { namespace, name: 'base-images' } }),
  object: () => ({
    apiVersion: 'kubefledged.io/v1alpha2',
    kind: 'ImageCache',
    metadata: { name: 'base-images' },
    spec: { cacheSpec: [{ images: ['docker.io/corp/app:1.0'], nodeSelector: { 'corp/tier': 'web' } }] },
  }),
  reads: ({ spec }: ImageCache, namespace) => (spec.imagePullSecrets ?? []).map(({ name }) => ({ namespace, name })),
  told: {
    by: (before, now) =>
      before.metadata.annotations?.[REFRESH] === undefined && now.metadata.annotations?.[REFRESH] !== undefined,
    after: { metadata: { annotations: { [REFRESH]: null } }, status: status('Succeeded', 'ImageCacheRefresh') },
  },
};

function status(state: string, reason: string): object {
  return { status: state, reason, message: 'a message', startTime: '2030-01-01T00:00:00Z' };
}

onEachWorld(['imagecaches.kubefledged.io'], 'kubefledged.io/v1alpha2', (open, kind) => {
  describeCacheProxy('kube-fledged', async () => patchFixture(await open(), played));
  describePatchAdapter(open, kind, played);
  describeRelease(open, kind, played);

  describe('kube-fledged', () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await openBench(await open(), played);
    });
    afterEach(async () => bench.close());
    const names = async (): Promise<string[] | undefined> =>
      (await bench.object<ImageCache>()).spec.imagePullSecrets?.map(({ name }) => name);

    test('makes the list where there is none', async () => {
      await bench.apply('pw-1');
      expect(await names()).toEqual([COPY]);
    });

    test('adds to the list behind the entries of others', async () => {
      await bench.edit({ spec: { imagePullSecrets: [{ name: 'theirs' }, { name: 'zz' }] } });
      await bench.apply('pw-1');
      expect(await names()).toEqual(['theirs', 'zz', COPY]);
    });

    test('keeps an entry that somebody adds at the same moment', async () => {
      await bench.edit({ spec: { imagePullSecrets: [{ name: 'theirs' }] } });
      bench.interrupt(() => bench.edit({ spec: { imagePullSecrets: [{ name: 'new' }, { name: 'theirs' }] } }));
      await bench.apply('pw-1');
      expect(await names()).toEqual(['new', 'theirs', COPY]);
      expect(bench.writes).toHaveLength(2);
    });

    test('keeps a list that somebody makes at the same moment', async () => {
      bench.interrupt(() => bench.edit({ spec: { imagePullSecrets: [{ name: 'new' }] } }));
      await bench.apply('pw-1');
      expect(await names()).toEqual(['new', COPY]);
    });

    test('asks for one refresh a rotation, and leaves the list alone', async () => {
      await bench.apply('pw-1');
      const before = await bench.object<ImageCache>();
      await bench.apply('pw-2');
      expect(bench.writes).toHaveLength(2);
      expect((await bench.object<ImageCache>()).spec).toEqual(before.spec);
      expect(await bench.holds()).toMatchObject({ password: 'pw-2' });
    });

    test('asks anew where a refresh left its annotation behind', async () => {
      await bench.edit({ metadata: { annotations: { [REFRESH]: '', 'example.com/owner': 'team' } } });
      await bench.apply('pw-1');
      expect(await bench.holds()).toMatchObject({ password: 'pw-1' });
      expect((await bench.object<ImageCache>()).metadata.annotations).toMatchObject({ 'example.com/owner': 'team' });
    });

    test('waits while a cache is being processed, for kube-fledged ignores changes then', async () => {
      await bench.edit({ status: status('Processing', 'ImageCacheCreate') });
      await bench.giveCopy('pw-1');
      await expect(bench.proxy.apply(login('pw-1'), bench.context)).rejects.toThrow(NotYetError);
      expect(bench.writes).toEqual([]);
      await bench.edit({ status: status('Succeeded', 'ImageCacheCreate') });
      await bench.apply('pw-1');
      expect(await bench.holds()).toMatchObject({ password: 'pw-1' });
    });

    test('waits for processing that starts at the same moment', async () => {
      bench.interrupt(() => bench.edit({ status: status('Processing', 'ImageCacheCreate') }));
      await expect(bench.apply('pw-1')).rejects.toThrow(/"[\w-]+\/base-images" is being processed/);
      expect(await names()).toBeUndefined();
    });

    test('does not fill a cache again that was purged on purpose', async () => {
      await bench.edit({ status: status('Succeeded', 'ImageCachePurge') });
      await expect(bench.apply('pw-1')).rejects.toThrow(
        /was purged and is left alone: delete it, or refresh it yourself/,
      );
      expect(bench.writes).toEqual([]);
    });

    const going = (name = COPY) => bench.proxy.consumer?.release(name, 'going', bench.context);

    test('takes its own entry out and no other, and where there are two by its name, one', async () => {
      await bench.edit({ spec: { imagePullSecrets: [{ name: 'theirs' }] } });
      await bench.apply('pw-1');
      await bench.edit({
        spec: {
          imagePullSecrets: [{ name: 'new' }, { name: 'theirs' }, { name: COPY }, { name: 'last' }, { name: COPY }],
        },
      });
      await expect(going()).rejects.toThrow('Pullpass did not write that');
      expect(await names()).toEqual(['new', 'theirs', 'last', COPY]);
    });

    test.each(['before', 'at the same moment as'])('waits with that for processing that starts %s it', async (when) => {
      await bench.apply('pw-1');
      const start = () => bench.edit({ status: status('Processing', 'ImageCacheUpdate') });
      if (when === 'before') await start();
      else bench.interrupt(start);
      await expect(going()).rejects.toThrow(NotYetError);
      expect(await names()).toEqual([COPY]);
      await bench.edit({ status: status('Succeeded', 'ImageCacheUpdate') });
      await going();
      expect(await names()).toEqual([]);
    });

    test('does not fill a cache again that was purged on purpose, for that alone', async () => {
      await bench.apply('pw-1');
      await bench.edit({ status: status('Succeeded', 'ImageCachePurge') });
      await expect(going()).rejects.toThrow(/was purged and is left alone/);
      expect(await names()).toEqual([COPY]);
    });

    test.runIf(kind === 'kube-apiserver')(
      'a cache that the first version pointed, and that was purged since, gets its record and is left alone otherwise',
      async () => {
        await bench.apply('pw-1');
        await bench.edit({
          metadata: { annotations: { 'pullpass.dev/copies': null } },
          spec: { imagePullSecrets: [] },
          status: status('Succeeded', 'ImageCachePurge'),
        });
        await bench.adapter.client?.patch(
          bench.path,
          'application/merge-patch+json',
          { spec: { imagePullSecrets: [{ name: COPY }] } },
          { query: { fieldManager: 'pullpass' } },
        );
        bench.writes.length = 0;
        await bench.proxy.apply(login('pw-1'), bench.context);
        expect(bench.writes).toMatchObject([
          [{ op: 'test' }, { op: 'add', path: '/metadata/annotations/pullpass.dev~1copies' }],
        ]);
      },
    );

    test('a copy that is called otherwise now is named first, and then its old name goes', async () => {
      await bench.edit({ spec: { imagePullSecrets: [{ name: 'theirs' }] } });
      const old = kubeFledged(
        { ...shared, kind: 'kube-fledged', object: { namespace: bench.path.split('/')[5] ?? '', name: 'base-images' } },
        { copyName: 'old-copy' },
      );
      const { patch } = await refer(old);
      const renamed = kubeFledged(
        { ...shared, kind: 'kube-fledged', object: { namespace: bench.path.split('/')[5] ?? '', name: 'base-images' } },
        { copyName: COPY, retired: ['old-copy'] },
      );
      expect(await names()).toEqual(['theirs', 'old-copy']);
      await expect(renamed.consumer?.release('old-copy', 'moving', bench.context)).rejects.toThrow(
        `is to name the copy "${COPY}" first`,
      );
      expect(patch).toBe(1);
      await bench.giveCopy('pw-1');
      await renamed.apply(login('pw-1'), bench.context);
      expect(await names()).toEqual(['theirs', COPY]);
      await renamed.consumer?.release('old-copy', 'moving', bench.context);
      expect(await names()).toEqual(['theirs', COPY]);
    });

    /** Has `proxy` write its name, whose copy nobody has rights to read here. */
    async function refer(proxy: ReturnType<typeof kubeFledged>): Promise<{ patch: number }> {
      const before = bench.writes.length;
      const kube = {
        ...bench.context.kube,
        get: async <T>(path: string) => bench.context.kube.get<T>(path.replace('/old-copy', `/${COPY}`)),
      };
      await bench.giveCopy('pw-1');
      await proxy.apply(login('pw-1'), { ...bench.context, kube });
      return { patch: bench.writes.length - before };
    }

    test('two cache proxies on one cache do not take turns for ever', async () => {
      await bench.apply('pw-1');
      const other = kubeFledged(
        {
          ...shared,
          name: 'quay-cache',
          registry: 'quay.io',
          kind: 'kube-fledged',
          object: { namespace: bench.path.split('/')[5] ?? '', name: 'base-images' },
        },
        { copyName: COPY },
      );
      await other.apply({ registry: 'quay.io', username: 'other', password: 'pw-other' }, bench.context);
      expect(bench.writes).toHaveLength(2);
      await bench.apply('pw-1');
      expect(bench.writes).toHaveLength(2);
    });
  });
});
