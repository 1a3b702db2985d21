/** What an audit learns from the state of the controller: verdicts of registries and cache proxies, and nothing that it cannot know. */
import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { knownTo } from '../../../src/audit/observe/known.ts';
import { configurationSchema } from '../../../src/config/schema.ts';
import { createProxies } from '../../../src/proxies/kinds.ts';
import { loginMac } from '../../../src/reconcile/proxy.ts';
import { createRefusals } from '../../../src/observe/refusals.ts';
import { peekState, snapshotOf } from '../../../src/sources/snapshot.ts';
import { entryMac, keyId } from '../../../src/sources/record.ts';
import { refusal, scriptedClient, type Call } from '../../kube/scripted-client.ts';
import { createMemory } from '../../sources/memory.ts';
import { recordOf } from '../../sources/records.ts';
import { base64, dockerConfig, putSource, rawSecret, worldFor } from '../../sources/worlds.ts';

const AT = '2030-01-01T00:00:00.000Z';
const KEY = Buffer.alloc(32, 7);
const mac = (text: string): string => createHmac('sha256', KEY).update(text).digest('hex');
const CACHE = {
  name: 'cache',
  kind: 'webhook',
  source: 'hub',
  registry: 'registry.test',
  url: 'https://cache.test',
  admin: { secret: { namespace: 'n', name: 'a' } },
};
const configurationWith = (verify: 'auto' | 'off', cache: object = CACHE) =>
  configurationSchema.parse({
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Configuration',
    sources: [{ name: 'hub', secret: { namespace: 'pullpass-system', name: 'hub' }, copyName: 'c', verify }],
    cacheProxies: [cache],
  });
const CONTENT = dockerConfig('one');
function worldOf(
  verify: 'auto' | 'off',
  { read = true, content = CONTENT, cache = CACHE }: { read?: boolean; content?: string; cache?: object } = {},
) {
  const configuration = configurationWith(verify, cache);
  const world = worldFor(configuration);
  if (read) putSource(world, rawSecret({ namespace: 'pullpass-system', name: 'hub', uid: 'u', content }));
  return { configuration, world, isRead: () => read };
}

async function known(
  state: object | number,
  {
    verify = 'auto',
    answer = () => undefined,
    mayAsk = true,
    only,
    ...parts
  }: {
    verify?: 'auto' | 'off';
    answer?: (call: Call) => unknown;
    mayAsk?: boolean;
    only?: string[];
  } & Parameters<typeof worldOf>[1] = {},
) {
  const { client, calls } = scriptedClient((call) => {
    const { path } = call;
    const own = answer(call);
    if (own !== undefined) return own;
    if (path.includes('/namespaces/not-ours/')) throw refusal(403);
    if (typeof state === 'number' && path.includes('pullpass-state')) throw refusal(state);
    return { metadata: {}, data: { 'mac-key': KEY.toString('base64'), 'state.json': base64(JSON.stringify(state)) } };
  });
  const given = worldOf(verify, parts);
  const snapshot = await snapshotOf({ client, ...given, ...(await peekState(client, 'pullpass-system')) });
  const found = await knownTo({ client, configuration: given.configuration, snapshot, mayAsk, only });
  expect(calls.every(({ verb }) => verb === 'get')).toBe(true);
  return found;
}
const record = (parts: Parameters<typeof recordOf>[2] = {}, content = CONTENT) => ({
  sources: { hub: recordOf({ mac }, content, parts) },
});
const refusals = (why = '401 Unauthorized') => {
  const memory = createMemory({ mac });
  createRefusals(memory).refused({ host: 'registry.test', username: 'robot', password: 'one' }, why);
  return {
    refusals: Object.fromEntries(
      [...memory.refusals()].map(([account, logins]) => [account, Object.fromEntries(logins)]),
    ),
  };
};

test('a login that the registry took is accepted, since then', async () => {
  expect((await known(record()))?.registries).toEqual([
    { source: 'hub', key: 'registry.test', state: 'accepted', why: 'the registry took it', since: AT },
  ]);
});

test('a login in force that was refused since is refused', async () => {
  expect((await known({ ...record(), ...refusals() }))?.registries).toEqual([
    { source: 'hub', key: 'registry.test', state: 'refused', why: '401 Unauthorized' },
  ]);
});

test('one that could not be tried is unknown', async () => {
  expect((await known(record({ unproven: [keyId({ mac }, 'registry.test')] })))?.registries).toEqual([
    { source: 'hub', key: 'registry.test', state: 'unknown', why: 'it could not be tried' },
  ]);
});

test('an entry that is held back says why, and since when', async () => {
  const held = [
    {
      key: 'registry.test',
      cause: 'refused' as const,
      why: '401 Unauthorized',
      keeps: false,
      login: entryMac({ mac }, { username: 'robot', password: 'one' }),
      since: AT,
    },
  ];
  expect(await known(record({ held, logins: {}, passed: [] }))).toMatchObject({
    heldBack: [
      {
        source: 'hub',
        why: 'registry "registry.test": held back: 401 Unauthorized. It is left out until then',
        since: AT,
      },
    ],
    registries: [],
  });
});

test('of a source of which nothing is remembered, nothing is said of its logins', async () => {
  expect((await known({}))?.registries).toEqual([]);
});

test('nothing is said of a source whose logins are not to be tried', async () => {
  expect((await known({ ...record(), ...refusals() }, { verify: 'off' }))?.registries).toEqual([]);
});

test('a state that may not be read is a gap, one that is not there is none', async () => {
  expect((await known(403))?.gaps).toEqual([
    expect.stringMatching(
      /^What the controller remembers, so nothing is said about refused logins and about cache proxies: /,
    ),
  ]);
  expect((await known(404))?.gaps).toEqual([]);
});

test('without the state nothing is said of logins, nor of what cache proxies have', async () => {
  const found = await known(404);
  expect([found?.registries, found?.proxies]).toEqual([undefined, []]);
});

test('a source that was not read says nothing of its cache proxies', async () => {
  expect((await known(record(), { read: false }))?.proxies).toEqual([]);
});

test('a login that is part of the key does not show', async () => {
  const content = JSON.stringify({
    auths: { 'https://ann:hunter2@registry.test': { username: 'robot', password: 'one' } },
  });
  const found = await known(record({}, content), { content });
  expect(found?.registries).toMatchObject([{ key: 'https://***@registry.test', state: 'accepted' }]);
  expect(JSON.stringify(found)).not.toContain('hunter2');
});

test('a cache proxy is told with its registry, when it was given the login, and when a pull through it was tried where', async () => {
  const cache = { ...CACHE, probe: { url: 'https://cache.test', repository: 'r', reference: '1' } };
  const [proxy] = createProxies(configurationWith('auto', cache));
  if (proxy === undefined) throw new Error('no proxy');
  const own = loginMac({
    state: { mac },
    proxy,
    login: { registry: 'registry.test', username: 'robot', password: 'one' },
  });
  const later = '2030-01-01T00:05:00.000Z';
  expect(
    (
      await known(
        {
          proxies: {
            cache: {
              applied: { mac: own, at: AT },
              settled: { mac: own, at: AT },
              proven: { mac: own, why: 'pulled r:1', at: later },
              verified: { mac: own, state: 'verified', why: 'pulled r:1', at: later },
            },
          },
        },
        { cache },
      )
    )?.proxies,
  ).toEqual([
    {
      name: 'cache',
      kind: 'webhook',
      source: 'hub',
      registry: 'registry.test',
      applied: true,
      appliedAt: AT,
      verified: 'verified',
      done: true,
      why: 'pulled r:1',
      since: later,
      url: 'https://cache.test',
    },
  ]);
});

test('where what a cache proxy has may not be read, that is a gap, and nothing else is said', async () => {
  expect(
    await known(record(), {
      cache: {
        name: 'cache',
        kind: 'zot',
        source: 'hub',
        registry: 'registry.test',
        secret: { namespace: 'not-ours', name: 'login' },
      },
    }),
  ).toEqual({
    gaps: [
      expect.stringMatching(
        /^What registries said of logins, and cache proxies, so nothing is said about them: no right to read /,
      ),
    ],
  });
});

test('a state without its key is none: no verdict in it can be told from another', async () => {
  const { client } = scriptedClient(() => ({
    metadata: {},
    data: { 'state.json': base64(JSON.stringify({ ...record(), ...refusals() })) },
  }));
  const given = worldOf('auto');
  const snapshot = await snapshotOf({ client, ...given, ...(await peekState(client, 'pullpass-system')) });
  const found = await knownTo({ client, configuration: given.configuration, snapshot, mayAsk: true });
  expect([found?.registries, found?.heldBack, found?.proxies]).toEqual([undefined, [], []]);
});

const KUIK = {
  name: 'kuik',
  kind: 'kube-image-keeper',
  source: 'hub',
  registry: 'registry.test',
  object: { kind: 'ClusterReplicatedImageSet', name: 'set' },
  copyNamespace: 'kuik-system',
};

describe('what kube-image-keeper made of its login', () => {
  const secret = (namespace: string, password: string, name = 'kuik-c-182d49977813a14c') => ({
    metadata: { namespace, name, labels: { 'kuik.enix.io/owner-uid': 'u-1' } },
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': base64(dockerConfig(password)) },
  });
  const playing =
    (copy: string, secrets: () => unknown) =>
    ({ path }: Call): unknown => {
      if (path.endsWith('/clusterreplicatedimagesets/set'))
        return {
          metadata: {
            name: 'set',
            uid: 'u-1',
            annotations: { 'pullpass.dev/copies': '{"/spec/upstreams registry.test":["c"]}' },
          },
          spec: {
            upstreams: [{ registry: 'registry.test', credentialSecret: { name: 'c', namespace: 'kuik-system' } }],
          },
        };
      if (path === '/api/v1/namespaces/kuik-system/secrets/c') return secret('kuik-system', copy, 'c');
      return path.endsWith('/secrets') ? secrets() : undefined;
    };
  const two = () => ({ metadata: {}, items: [secret('a', 'one'), secret('b', 'before')] });

  test('is told, with those that hold another one and where they are', async () => {
    const found = await known(record(), { cache: KUIK, answer: playing('one', two) });
    expect(found?.proxies).toMatchObject([{ applied: true }]);
    expect(found?.derived).toEqual([
      {
        proxy: 'kuik',
        source: 'hub',
        registry: 'registry.test',
        line: '1 of 2 Secrets that kube-image-keeper made of the copy holds another login: namespace b',
        selector: 'kuik.enix.io/owner-uid=u-1',
      },
    ]);
    expect(found?.gaps).toEqual([]);
    expect(JSON.stringify(found)).not.toContain('before');
  });

  test('is no finding where all of it is current, or where the product does not have the login itself', async () => {
    const current = () => ({ metadata: {}, items: [secret('a', 'one')] });
    expect((await known(record(), { cache: KUIK, answer: playing('one', current) }))?.derived).toBeUndefined();
    const late = await known(record(), { cache: KUIK, answer: playing('before', two) });
    expect([late?.proxies?.[0]?.applied, late?.derived, late?.gaps]).toEqual([false, undefined, []]);
  });

  test('is a gap where it may not be read', async () => {
    const no = (): never => {
      throw refusal(403);
    };
    const found = await known(record(), { cache: KUIK, answer: playing('one', no) });
    expect(found?.gaps).toEqual([
      'What cache proxy "kuik" made of its login, so it is unknown what holds an old one: no right to list Secrets in all namespaces',
    ]);
    expect(found).toMatchObject({ proxies: [{ applied: true }] });
    expect(found?.derived).toBeUndefined();
  });

  test('is not asked for by the controller, and is a gap there', async () => {
    const asked: string[] = [];
    const found = await known(record(), {
      cache: KUIK,
      mayAsk: false,
      answer: (call) => {
        asked.push(call.path);
        return playing('one', two)(call);
      },
    });
    expect(asked).not.toContain('/api/v1/secrets');
    expect(found?.gaps).toEqual([expect.stringMatching(/the controller has no right to list Secrets that kube-image/)]);
  });

  test('is looked for in the namespaces of the audit only', async () => {
    const asked: string[] = [];
    await known(record(), {
      cache: KUIK,
      only: ['a'],
      answer: (call) => {
        if (call.path.endsWith('/secrets')) asked.push(call.path);
        return playing('one', two)(call);
      },
    });
    expect(asked).toEqual(['/api/v1/namespaces/a/secrets']);
  });
});
