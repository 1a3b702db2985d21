/** Patches of an object that others write, too. */
import { expect, test } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { LostRaceError } from '../../src/kube/races.ts';
import type { ApiObject } from '../../src/kube/list.ts';
import type { JsonPatchOperation } from '../../src/plan/service-account.ts';
import type { ProxyKube } from '../../src/proxies/adapter.ts';
import { converge } from '../../src/proxies/converge.ts';
import { createObjectServer } from '../sandbox/products/custom-objects.ts';

const COLLECTION = '/apis/example.com/v1/namespaces/team/caches';
const PATH = `${COLLECTION}/main`;
type Cache = ApiObject & { spec: { pullSecrets: { name: string }[] } };

/** A cache object that names these Secrets. `before` runs in front of each patch: it is quicker. */
async function openCache(names: string[], before: (write: (names: string[]) => Promise<void>) => unknown = () => 0) {
  const server = createObjectServer([]);
  await server.create(COLLECTION, {
    metadata: { name: 'main' },
    spec: { pullSecrets: names.map((name) => ({ name })) },
  });
  const write = (next: string[]): Promise<void> =>
    server.patch(PATH, 'application/merge-patch+json', { spec: { pullSecrets: next.map((name) => ({ name })) } });
  const no = async (): Promise<never> => {
    throw new Error('it reads and patches');
  };
  const patches: object[] = [];
  const kube: ProxyKube = {
    get: server.get,
    applySecret: no,
    readSecret: no,
    async patch(...patch) {
      patches.push(patch[2]);
      await before(write);
      await server.patch(...patch);
    },
  };
  const stopping = new AbortController();
  const { signal } = stopping;
  const run = (next: (names: string[]) => JsonPatchOperation[], path = PATH, absent?: Error) =>
    converge(kube, signal, {
      path,
      what: 'Cache team/main',
      next: (object) => next((object as Cache).spec.pullSecrets.map(({ name }) => name)),
      absent: async () => absent,
    });
  const now = async (): Promise<string[] | undefined> =>
    (await server.get<Cache>(PATH))?.spec.pullSecrets.map(({ name }) => name);
  return { run, now, patches, kube, stopping };
}

/** Takes the first `ours` out of the list, by its index. */
const remove = (names: string[]): JsonPatchOperation[] => {
  const index = names.indexOf('ours');
  return index < 0 ? [] : [{ op: 'remove', path: `/spec/pullSecrets/${index}` }];
};
const add = (names: string[]): JsonPatchOperation[] =>
  names.includes('ours') ? [] : [{ op: 'add', path: '/spec/pullSecrets/-', value: { name: 'ours' } }];

test('says whether it wrote, and writes nothing where nothing is missing', async () => {
  const cache = await openCache(['theirs']);
  expect([await cache.run(add), await cache.now()]).toEqual([true, ['theirs', 'ours']]);
  expect([await cache.run(add), cache.patches.length]).toEqual([false, 1]);
});

test('an index is good for the object that it was read from: what others put there meanwhile stays', async () => {
  let quicker = 1;
  const cache = await openCache(['ours'], async (write) => {
    if (quicker-- > 0) await write(['theirs', 'ours']);
  });
  expect([await cache.run(remove), await cache.now(), cache.patches.length]).toEqual([true, ['theirs'], 2]);
});

test('what somebody else did meanwhile is not done again', async () => {
  const cache = await openCache([], (write) => write(['ours']));
  expect([await cache.run(add), await cache.now()]).toEqual([true, ['ours']]);
});

test('after five others that were quicker it gives up, and may come back', async () => {
  let n = 0;
  const cache = await openCache([], (write) => write([`theirs-${n++}`]));
  const error: unknown = await cache.run(add).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(LostRaceError);
  expect(error).toMatchObject({ message: 'Cache team/main: others wrote it 5 times while we tried to' });
  expect((error as Error).cause).toMatchObject({ code: 422 });
  expect([cache.patches.length, await cache.now()]).toEqual([5, ['theirs-4']]);
});

test('a change that was taken and is not there is not tried again and again', async () => {
  const cache = await openCache(['theirs']);
  const forgetful: JsonPatchOperation[] = [{ op: 'add', path: '/spec/other', value: 1 }];
  await expect(cache.run(() => forgetful)).rejects.toThrow(UserError);
  await expect(cache.run(() => forgetful)).rejects.toThrow(/a change was accepted and is not there/);
});

test('a change that is refused although nobody was quicker is not tried again', async () => {
  const cache = await openCache(['theirs']);
  const impossible: JsonPatchOperation[] = [{ op: 'remove', path: '/spec/pullSecrets/7' }];
  await expect(cache.run(() => impossible)).rejects.toThrow(/the API server refuses the change/);
  expect([cache.patches.length, await cache.now()]).toEqual([1, ['theirs']]);
});

test('an object that is not there is an error, or nothing to do, as the caller says', async () => {
  const cache = await openCache([]);
  await expect(cache.run(add, `${COLLECTION}/none`, new UserError('install it'))).rejects.toThrow('install it');
  expect(await cache.run(add, `${COLLECTION}/none`)).toBe(false);
});

test('an object that goes away while it is changed is gone: what was written was written', async () => {
  const cache = await openCache([]);
  let gone = false;
  const get: ProxyKube['get'] = async (path) => (gone ? undefined : cache.kube.get(path));
  const run = converge(
    {
      ...cache.kube,
      get,
      patch: async (...patch) => {
        await cache.kube.patch(...patch);
        gone = true;
      },
    },
    cache.stopping.signal,
    {
      path: PATH,
      what: 'Cache',
      next: () => [{ op: 'add', path: '/spec/other', value: 1 }],
      absent: async () => undefined,
    },
  );
  expect(await run).toBe(true);
});

test('after a stop nothing is written, and what is as wanted is no failure', async () => {
  const cache = await openCache(['ours']);
  cache.stopping.abort(new Error('not leading'));
  expect(await cache.run(add)).toBe(false);
  await expect(cache.run(remove)).rejects.toThrow('not leading');
  expect(cache.patches).toEqual([]);
});

test('an annotation that goes with a change, and is there at the second try, makes it no other change', async () => {
  const cache = await openCache([]);
  let tries = 0;
  const next = (): JsonPatchOperation[] => [
    { op: 'add', path: '/spec/other', value: 1 },
    ...(tries++ === 0 ? [{ op: 'add' as const, path: '/metadata/annotations', value: { note: 'x' } }] : []),
  ];
  await expect(cache.run(next)).rejects.toThrow(/a change was accepted and is not there/);
  expect(cache.patches).toHaveLength(1);
});

test('where only annotations are written each of them counts', async () => {
  const cache = await openCache([]);
  const notes = ['a', 'b'];
  const next = (): JsonPatchOperation[] => {
    const note = notes.shift();
    return note === undefined ? [] : [{ op: 'add', path: '/metadata/annotations', value: { [note]: 'x' } }];
  };
  expect(await cache.run(next)).toBe(true);
  expect(cache.patches).toHaveLength(2);
});
