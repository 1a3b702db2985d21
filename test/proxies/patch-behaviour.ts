/** What holds for every patch adapter, beyond the conformance suite. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { paths } from '../../src/kube/paths.ts';
import { NotYetError } from '../../src/proxies/adapter.ts';
import { eventsOf } from '../kube/events-of.ts';
import type { World } from './patch-worlds.ts';
import { type Bench, login, openBench, type PlayedProduct } from './patch-fixture.ts';

export function describePatchAdapter(
  open: () => Promise<World>,
  kind: 'memory' | 'kube-apiserver',
  product: PlayedProduct,
): void {
  describe('a patch adapter', () => {
    let bench: Bench;
    beforeEach(async () => {
      bench = await openBench(await open(), product);
    });
    afterEach(async () => bench.close());
    const failure = async (password = 'pw-1'): Promise<Error> => {
      const error: unknown = await bench.proxy.apply(login(password), bench.context).catch((e: unknown) => e);
      if (!(error instanceof Error)) throw new Error('it did not fail');
      expect(error.message).toMatch(/^[^\n]+$/);
      return error;
    };

    test('writes once, and not again while nothing changes', async () => {
      await bench.apply('pw-1');
      expect(bench.writes).toHaveLength(1);
      const before = await bench.object();
      await bench.apply('pw-1');
      expect(bench.writes).toHaveLength(1);
      expect(await bench.object()).toEqual(before);
    });

    test('points at no copy that is not there', async () => {
      const error = await failure();
      expect(error).toBeInstanceOf(NotYetError);
      expect(error.message).toContain('pullpass.dev/sync=enabled');
      expect(bench.writes).toEqual([]);
    });

    test('waits for a copy that holds the old login still', async () => {
      await bench.giveCopy('pw-0');
      const error = await failure();
      expect(error).toBeInstanceOf(NotYetError);
      expect(error.message).toContain('does not hold the current login of docker.io');
      expect(bench.writes).toEqual([]);
    });

    test('says what to do when the object does not exist', async () => {
      await bench.giveCopy('pw-1');
      const kube = {
        ...bench.context.kube,
        get: async <T>(path: string) => (path === bench.path ? undefined : bench.context.kube.get<T>(path)),
      };
      await expect(bench.proxy.apply(login('pw-1'), { ...bench.context, kube })).rejects.toThrow(
        /does not exist: create it, or correct "object"/,
      );
    });

    test('says what to install when the API server does not know the kind', async () => {
      await bench.giveCopy('pw-1');
      const kube = {
        ...bench.context.kube,
        get: async <T>(path: string) => (path.startsWith('/apis/') ? undefined : bench.context.kube.get<T>(path)),
      };
      await expect(bench.proxy.apply(login('pw-1'), { ...bench.context, kube })).rejects.toThrow(
        /^the API server does not know .*: install .*, or remove the cache proxy/,
      );
    });

    test('writes again after somebody else changed the object meanwhile, and keeps the change', async () => {
      await bench.giveCopy('pw-1');
      bench.interrupt(() => bench.edit({ metadata: { annotations: { 'example.com/owner': 'team' } } }));
      await bench.apply('pw-1');
      expect((await bench.object<{ metadata: { annotations: object } }>()).metadata.annotations).toMatchObject({
        'example.com/owner': 'team',
      });
      expect(await bench.holds()).toEqual({ username: 'robot', password: 'pw-1' });
    });

    test.runIf(kind === 'kube-apiserver')(
      'may get, list, watch and patch its object by name, and touch nothing else',
      async () => {
        const [target] = bench.proxy.targets;
        const { client } = bench.adapter;
        if (target === undefined || client === undefined) throw new Error('no client');
        const byName = { fieldSelector: `metadata.name=${target.name}` };
        await expect(client.get(target.path, { query: byName })).resolves.toMatchObject({
          items: [{ metadata: { name: target.name } }],
        });

        const stop = new AbortController();
        type Named = { metadata: { name: string; annotations?: Record<string, string> } };
        const watch = eventsOf<Named>(client, target.path, {
          query: { ...byName, timeoutSeconds: 30 },
          signal: stop.signal,
        });
        expect((await watch.next()).value).toMatchObject({
          type: 'ADDED',
          object: { metadata: { name: target.name } },
        });
        await bench.edit({ metadata: { annotations: { 'example.com/seen': 'yes' } } });
        expect((await watch.next()).value).toMatchObject({
          type: 'MODIFIED',
          object: { metadata: { annotations: { 'example.com/seen': 'yes' } } },
        });
        stop.abort();

        const forbidden = { code: 403 };
        await expect(client.get(target.path)).rejects.toMatchObject(forbidden);
        await expect(client.get(`${target.path}/another`)).rejects.toMatchObject(forbidden);
        await expect(client.patch(`${target.path}/another`, 'application/merge-patch+json', {})).rejects.toMatchObject(
          forbidden,
        );
        await expect(client.delete(bench.path)).rejects.toMatchObject(forbidden);
        await expect(client.create(target.path, { metadata: { name: 'another' } })).rejects.toMatchObject(forbidden);
        await expect(client.get(paths.secrets('default', 'another'))).rejects.toMatchObject(forbidden);
      },
    );
  });
}
