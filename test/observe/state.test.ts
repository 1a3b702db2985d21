/** The state, in the Secret of a sandbox where it is about races, and of a scripted server where that must fail. */
import { KubeConfig } from '@kubernetes/client-node';
import type { V1Secret } from '@kubernetes/client-node';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { isNotFound } from '../../src/kube/api-error.ts';
import { createClient } from '../../src/kube/client.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { connect } from '../../src/kube/connection.ts';
import type { Connection } from '../../src/kube/connection.ts';
import { paths } from '../../src/kube/paths.ts';
import { STATE_NAME } from '../../src/names.ts';
import { configurationSchema } from '../../src/config/schema.ts';
import { createState } from '../../src/observe/state.ts';
import type { State } from '../../src/observe/state.ts';
import { refusal, scriptedClient } from '../kube/scripted-client.ts';
import { startSandbox } from '../sandbox/kube-api/index.ts';
import type { Sandbox } from '../sandbox/kube-api/index.ts';
import type { SourceRecord } from '../../src/observe/records.ts';

const AT = '2030-01-01T00:00:00.000Z';
const NAMESPACE = 'default';
const PATH = paths.secrets(NAMESPACE, STATE_NAME);
const signal = new AbortController().signal;
const held: SourceRecord = {
  secret: 'n/hub',
  removals: 2,
  letGo: ['x'],
  passed: ['d2', 'd1'],
  logins: { id: 'm' },
  unproven: ['id'],
  held: [{ key: 'a.test', cause: 'refused', why: 'no', keeps: true, login: 'm', since: AT }],
  since: AT,
};
const base64 = (text: string): string => Buffer.from(text).toString('base64');

let sandbox: Sandbox;
let connection: Connection;
let client: KubeClient;
beforeAll(async () => {
  sandbox = await startSandbox();
  const config = new KubeConfig();
  config.loadFromString(sandbox.adminKubeconfig());
  connection = connect(config);
  client = createClient(connection);
});
afterAll(async () => {
  await connection.close();
  await sandbox.stop();
});
beforeEach(async () => {
  await client.delete(PATH, {}).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
  });
});

const secret = (): Promise<V1Secret> => client.get<V1Secret>(PATH);
const decoded = async (key: string): Promise<string> =>
  Buffer.from((await secret()).data?.[key] ?? '', 'base64').toString();
const version = async (): Promise<string | undefined> => (await secret()).metadata?.resourceVersion;
async function loaded(): Promise<State> {
  const state = createState(client, NAMESPACE);
  await state.load(signal);
  return state;
}
/** What the state holds, changed by hand. */
const spoil = (data: Record<string, string | null>): Promise<object> =>
  client.patch(PATH, 'application/merge-patch+json', { data });

describe('the Secret', () => {
  test('is made where it is not there, and labelled as ours', async () => {
    const state = await loaded();
    expect((await secret()).metadata?.labels).toEqual({
      'app.kubernetes.io/managed-by': 'pullpass',
      'pullpass.dev/role': 'state',
    });
    expect(Buffer.from((await secret()).data?.['mac-key'] ?? '', 'base64')).toHaveLength(32);
    expect([state.proxy('a'), state.source('a')]).toEqual([{}, undefined]);
  });

  test('of the first version, which had no label of its own, gets it with its next write', async () => {
    const state = await loaded();
    await client.patch(PATH, 'application/merge-patch+json', { metadata: { labels: { 'pullpass.dev/role': null } } });
    const next = await loaded();
    expect(next.mac('text')).toBe(state.mac('text'));
    next.setSource('hub', held);
    await next.save(signal);
    expect((await secret()).metadata?.labels).toEqual({
      'app.kubernetes.io/managed-by': 'pullpass',
      'pullpass.dev/role': 'state',
    });
  });

  test('made by replicas at the same moment has the key of one of them, and all go on with that one', async () => {
    const replicas = await Promise.all(Array.from({ length: 5 }, loaded));
    expect(new Set(replicas.map(({ mac }) => mac('text'))).size).toBe(1);
    expect((await loaded()).mac('text')).toBe(replicas[0]?.mac('text'));
  });

  test('brings all that was remembered to the next replica', async () => {
    const state = await loaded();
    const record = {
      applied: { mac: 'a', at: AT },
      verified: { mac: 'a', state: 'unknown', why: 'w', at: AT },
    } as const;
    state.setProxy('cache', record);
    state.setSource('hub', held);
    const refusals = new Map([['account', new Map([['login', { times: 2, at: AT, why: 'no' }]])]]);
    state.setRefusals(refusals);
    await state.save(signal);
    const next = await loaded();
    expect([next.proxy('cache'), next.source('hub'), next.refusals()]).toEqual([record, held, refusals]);
    expect(next.mac('x')).toBe(state.mac('x'));
    next.setProxy('cache', undefined);
    next.setSource('hub', undefined);
    await next.save(signal);
    expect((await loaded()).proxy('cache')).toEqual({});
  });

  test('is not written when nothing changed', async () => {
    const state = await loaded();
    await state.save(signal);
    state.setProxy('cache', { applied: { mac: 'a', at: AT } });
    state.setSource('hub', held);
    await state.save(signal);
    const before = await version();
    await state.save(signal);
    state.setSource('hub', { ...held });
    await state.save(signal);
    await (await loaded()).save(signal);
    expect(await version()).toBe(before);
  });

  test('holds no text that a mac was made of', async () => {
    const state = await loaded();
    state.setProxy('cache', { applied: { mac: state.mac('hunter2'), at: AT } });
    await state.save(signal);
    expect(await decoded('state.json')).toContain(state.mac('hunter2'));
    expect(JSON.stringify(await secret()) + (await decoded('state.json'))).not.toContain('hunter2');
    expect(JSON.stringify(await secret())).not.toContain(base64('hunter2'));
  });

  test('takes saves that are asked for at once, and ends with the newest', async () => {
    const state = await loaded();
    await Promise.all(
      Array.from({ length: 8 }, (_, i) => {
        state.setProxy('cache', { applied: { mac: `m${i}`, at: AT } });
        return state.save(signal);
      }),
    );
    expect((await loaded()).proxy('cache').applied?.mac).toBe('m7');
  });

  test('keeps names that mean something to JavaScript apart from what they mean', async () => {
    const state = await loaded();
    for (const name of ['constructor', 'valueof'])
      expect([state.source(name), state.proxy(name)]).toEqual([undefined, {}]);
    state.setSource('constructor', held);
    await state.save(signal);
    expect((await loaded()).source('constructor')).toEqual(held);
  });
});

test('a source record of an older form is left out, and nothing else with it', async () => {
  const state = await loaded();
  state.setProxy('cache', { applied: { mac: 'a', at: AT } });
  state.setSource('hub', held);
  await state.save(signal);
  const text = JSON.parse(await decoded('state.json')) as { sources: object };
  await spoil({
    'state.json': base64(
      JSON.stringify({
        ...text,
        sources: { ...text.sources, older: { mac: 'm', state: 'accepted', why: [], since: AT, refused: {} } },
      }),
    ),
  });
  const next = await loaded();
  expect([next.source('hub'), next.source('older'), next.proxy('cache')]).toEqual([
    held,
    undefined,
    { applied: { mac: 'a', at: AT } },
  ]);
});

test('what the configuration no longer names goes with the next save', async () => {
  const state = await loaded();
  const record = { applied: { mac: 'a', at: AT } };
  for (const name of ['cache', 'old-cache']) state.setProxy(name, record);
  for (const name of ['hub', 'old-hub']) state.setSource(name, held);
  await state.save(signal);
  state.retain(
    configurationSchema.parse({
      apiVersion: 'pullpass.dev/v1alpha1',
      kind: 'Configuration',
      sources: [{ name: 'hub', secret: { namespace: 'n', name: 'hub' }, copyName: 'c' }],
      cacheProxies: [
        {
          name: 'cache',
          kind: 'webhook',
          source: 'hub',
          registry: 'registry.test',
          url: 'https://cache.test',
          admin: { secret: { namespace: 'n', name: 'a' } },
        },
      ],
    }),
  );
  await state.save(signal);
  const next = await loaded();
  expect([next.proxy('cache'), next.proxy('old-cache'), next.source('hub'), next.source('old-hub')]).toEqual([
    record,
    {},
    held,
    undefined,
  ]);
});

describe('spoiled by hand', () => {
  test.each([
    '',
    '{',
    'null',
    '5',
    '[]',
    '{"proxies":5}',
    '{"sources":{"hub":{}}}',
    '{"sources":{"hub":null}}',
    '{"proxies":{"cache":{"refused":{"mac":"m","times":"many","at":"x","why":""}}}}',
    '{"proxies":{"cache":{"applied":{"mac":"a","at":"never"}}}}',
  ])('it starts anew, with the same key: %s', async (text) => {
    const before = await loaded();
    await spoil({ 'state.json': base64(text) });
    const state = await loaded();
    expect([state.proxy('cache'), state.source('hub'), state.mac('x')]).toEqual([{}, undefined, before.mac('x')]);
    state.setSource('hub', held);
    await state.save(signal);
    expect((await loaded()).source('hub')).toEqual(held);
  });

  test.each([null, '', base64('short')])(
    'a key that is gone or weak is made anew, and what was remembered stays: %j',
    async (key) => {
      const before = await loaded();
      before.setSource('hub', held);
      await before.save(signal);
      await spoil({ 'mac-key': key });
      const [state, other] = await Promise.all([loaded(), loaded()]);
      expect(state.mac('x')).not.toBe(before.mac('x'));
      expect(other.mac('x')).toBe(state.mac('x'));
      expect(state.source('hub')).toEqual(held);
    },
  );
});

describe('somebody else', () => {
  test('who wrote meanwhile does not undo what we know: it is written again', async () => {
    const state = await loaded();
    state.setProxy('cache', { applied: { mac: 'old', at: AT } });
    await state.save(signal);
    await client.patch(PATH, 'application/merge-patch+json', { data: { 'state.json': base64('{}') } });
    state.setProxy('cache', { applied: { mac: 'new', at: AT } });
    await state.save(signal);
    expect((await loaded()).proxy('cache').applied?.mac).toBe('new');
  });

  test('who leads now keeps its records: one that led before, and does not know it yet, writes nothing until it loads', async () => {
    const before = await loaded();
    before.setProxy('cache', { applied: { mac: 'first', at: AT } });
    await before.save(signal);
    const after = await loaded();
    after.setProxy('cache', { applied: { mac: 'second', at: AT } });
    await after.save(signal);

    for (const mac of ['third', 'fourth']) {
      before.setProxy('cache', { applied: { mac, at: AT } });
      await expect(before.save(signal)).rejects.toMatchObject({ kind: 'superseded' });
    }
    expect((await loaded()).proxy('cache').applied?.mac).toBe('second');
    // Its term goes on, so it was renewed since: it leads after all.
    const later = performance.now() + 16_000;
    const clock = vi.spyOn(performance, 'now').mockReturnValue(later);
    await before.save(signal);
    clock.mockRestore();
    expect((await loaded()).proxy('cache').applied?.mac).toBe('fourth');
    await before.load(signal);
    before.setProxy('cache', { applied: { mac: 'fifth', at: AT } });
    await before.save(signal);
    expect((await loaded()).proxy('cache').applied?.mac).toBe('fifth');
  });

  test('who wrote it before a backup was restored does not keep the leader from saving', async () => {
    const before = await loaded();
    before.setProxy('cache', { applied: { mac: 'first', at: AT } });
    await before.save(signal);
    const backup = await secret();
    const leader = await loaded();
    leader.setProxy('cache', { applied: { mac: 'second', at: AT } });
    await leader.save(signal);

    // As after a restore: the Secret has an older version, and what it held then.
    let restored: V1Secret | undefined = backup;
    const state = createState(
      {
        ...client,
        get: <T>(path: string) => (restored === undefined ? client.get<T>(path) : Promise.resolve(restored as T)),
        patch: (path, type, body, options) => {
          const { resourceVersion } = (body as V1Secret).metadata ?? {};
          if (restored === undefined || resourceVersion === restored.metadata?.resourceVersion)
            return client.patch(
              path,
              type,
              { ...body, metadata: { ...(body as V1Secret).metadata, resourceVersion: undefined } },
              options,
            );
          return Promise.reject(refusal(409));
        },
      },
      NAMESPACE,
    );
    restored = undefined;
    await state.load(signal);
    state.setProxy('cache', { applied: { mac: 'third', at: AT } });
    await state.save(signal);
    restored = backup;
    state.setProxy('cache', { applied: { mac: 'fourth', at: AT } });
    await state.save(signal);
    expect((await loaded()).proxy('cache').applied?.mac).toBe('fourth');
  });

  test('a replica that makes the Secret anew as it starts does not keep the leader from saving', async () => {
    const leader = await loaded();
    leader.setSource('hub', held);
    await leader.save(signal);
    await client.delete(PATH, {});
    await loaded();
    leader.setProxy('cache', { applied: { mac: 'new', at: AT } });
    await leader.save(signal);
    const next = await loaded();
    expect([next.source('hub'), next.proxy('cache').applied?.mac]).toEqual([held, 'new']);
  });

  test('who made it immutable is told so in one line, and has it made anew once it is deleted', async () => {
    const state = await loaded();
    const mac = state.mac('x');
    await client.patch(PATH, 'application/merge-patch+json', { immutable: true });
    state.setSource('hub', held);
    const line = `Secret ${NAMESPACE}/${STATE_NAME} is immutable, so nothing can be remembered in it: delete it, and Pullpass makes it anew`;
    for (let i = 0; i < 2; i++) await expect(state.save(signal)).rejects.toThrow(line);
    await client.delete(PATH, {});
    await state.save(signal);
    const next = await loaded();
    expect(next.source('hub')).toEqual(held);
    expect(next.mac('x')).toBe(mac);
  });

  test('who deleted it loses us neither the records nor the key', async () => {
    const state = await loaded();
    const mac = state.mac('x');
    await client.delete(PATH, {});
    state.setSource('hub', held);
    await state.save(signal);
    expect(state.mac('x')).toBe(mac);
    const next = await loaded();
    expect([next.mac('x'), next.source('hub')]).toEqual([mac, held]);
  });
});

describe('where it may not be read', () => {
  test('forget() goes on in memory, with a key, and writes nothing', async () => {
    const { client: forbidden, calls } = scriptedClient(() => {
      throw refusal(403);
    });
    const state = createState(forbidden, NAMESPACE);
    await expect(state.load(signal)).rejects.toThrow();
    expect(() => state.mac('x')).toThrow(/was not loaded/);
    state.forget();
    const mac = state.mac('x');
    state.setSource('hub', held);
    await state.save(signal);
    expect([state.mac('x'), state.source('hub')]).toEqual([mac, held]);
    expect(calls.map(({ verb }) => verb)).toEqual(['get']);
  });

  test('a load that works later is followed by saves again', async () => {
    let allowed = false;
    const state = createState(
      {
        ...client,
        get: async (path, options) => {
          if (!allowed) throw refusal(403);
          return client.get(path, options);
        },
      },
      NAMESPACE,
    );
    await state.load(signal).catch(() => state.forget());
    allowed = true;
    await state.load(signal);
    state.setSource('hub', held);
    await state.save(signal);
    expect((await loaded()).source('hub')).toEqual(held);
  });

  test('peek says so, and makes nothing', async () => {
    const { client: forbidden } = scriptedClient(() => {
      throw refusal(403);
    });
    expect(await createState(forbidden, NAMESPACE).peek()).toEqual({
      remembered: false,
      unreadable: expect.stringContaining('403') as string,
    });
    expect(await createState(client, NAMESPACE).peek()).toEqual({ remembered: false });
    await expect(secret()).rejects.toThrow();
    const state = await loaded();
    const reader = createState(client, NAMESPACE);
    expect(await reader.peek()).toEqual({ remembered: true });
    expect(reader.mac('x')).toBe(state.mac('x'));
    const { client: broken } = scriptedClient(() => {
      throw refusal(500);
    });
    await expect(createState(broken, NAMESPACE).peek()).rejects.toThrow();
  });

  test('peek takes a Secret without a key for none: nothing in it could be compared', async () => {
    const { client: keyless } = scriptedClient(() => ({ metadata: {}, data: { 'state.json': base64('{}') } }));
    expect(await createState(keyless, NAMESPACE).peek()).toEqual({ remembered: false });
  });
});

test('a save that fails is told, and the next one writes', async () => {
  const state = createState(
    {
      ...client,
      patch: async (...args) => {
        if (failing) throw refusal(500);
        return client.patch(...args);
      },
    },
    NAMESPACE,
  );
  let failing = false;
  await state.load(signal);
  failing = true;
  state.setSource('hub', held);
  await expect(state.save(signal)).rejects.toThrow();
  failing = false;
  await state.save(signal);
  expect((await loaded()).source('hub')).toEqual(held);
});

test('what is sent is marked as a credential, so that no error repeats it', async () => {
  const { client: scripted, calls } = scriptedClient(({ verb, body }) => {
    if (verb === 'get') throw refusal(404);
    return body;
  });
  const state = createState(scripted, NAMESPACE);
  await state.load(signal);
  expect(calls.map(({ verb, sensitive, query }) => [verb, sensitive, query['force']])).toEqual([
    ['get', true, undefined],
    ['patch', true, false],
  ]);
});
