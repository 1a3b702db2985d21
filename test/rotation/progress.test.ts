/** Rotations as they stand in a cluster that a test plays: the state Secret, and what the targets show. */
import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { isComplete, observeRotations } from '../../src/rotation/progress.ts';
import { configurationSchema } from '../../src/config/schema.ts';
import { planNamespace } from '../../src/plan/namespace.ts';
import { createProxies } from '../../src/proxies/kinds.ts';
import { loginMac } from '../../src/reconcile/proxy.ts';
import { peekState, snapshotOf } from '../../src/sources/snapshot.ts';
import { createRefusals } from '../../src/observe/refusals.ts';
import type { State } from '../../src/observe/state.ts';
import { entryMac } from '../../src/sources/record.ts';
import { refusal, scriptedClient } from '../kube/scripted-client.ts';
import { copy, scope, source } from '../plan/observations.ts';
import { createMemory } from '../sources/memory.ts';
import { recordOf } from '../sources/records.ts';
import { namespace } from '../plan/observations.ts';
import { base64, digest, dockerConfig, putCopy, putSource, rawSecret, worldFor } from '../sources/worlds.ts';

const AT = '2030-01-01T00:00:00.000Z';
const KEY = Buffer.alloc(32, 7);
const mac = (text: string): string => createHmac('sha256', KEY).update(text).digest('hex');
const admin = { secret: { namespace: 'n', name: 'a' } };
const configurationWith = (parts: object) =>
  configurationSchema.parse({
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Configuration',
    sources: [{ name: 'hub', secret: { namespace: 'pullpass-system', name: 'hub' }, copyName: 'c', ...parts }],
    cacheProxies: [
      { name: 'cache', kind: 'webhook', source: 'hub', registry: 'registry.test', url: 'https://cache.test', admin },
    ],
  });
const CONTENT = dockerConfig('one');

async function observe(content: string | undefined, state: (own: string) => object | number, parts: object = {}) {
  const configuration = configurationWith(parts);
  const world = worldFor(configuration);
  if (content !== undefined)
    putSource(world, rawSecret({ namespace: 'pullpass-system', name: 'hub', uid: 'u', content }));
  const [proxy] = createProxies(configuration);
  if (proxy === undefined) throw new Error('no proxy');
  const said = state(
    loginMac({ state: { mac }, proxy, login: { registry: 'registry.test', username: 'robot', password: 'one' } }),
  );
  const { client, calls } = scriptedClient(() => {
    if (typeof said === 'number') throw refusal(said);
    return { metadata: {}, data: { 'mac-key': KEY.toString('base64'), 'state.json': base64(JSON.stringify(said)) } };
  });
  const snapshot = await snapshotOf({ client, world, configuration, ...(await peekState(client, 'pullpass-system')) });
  const [rotation] = await observeRotations({ client, configuration, snapshot });
  expect(calls.every(({ verb }) => verb === 'get')).toBe(true);
  return rotation && { ...rotation, complete: isComplete(rotation) };
}
const verified = (own: string, state = 'verified', more: object = {}) => ({
  proxies: {
    cache: {
      applied: { mac: own, at: AT },
      settled: { mac: own, at: AT },
      verified: { mac: own, state, why: 'w', at: AT },
      ...more,
    },
  },
});

test('complete: every proxy carries the login and was looked at', async () => {
  expect(await observe(CONTENT, (own) => verified(own))).toEqual({
    source: 'hub',
    heldBack: [],
    held: [],
    current: ['registry.test'],
    copies: { total: 0, behind: [], foreign: [] },
    complete: true,
    proxies: [
      {
        name: 'cache',
        kind: 'webhook',
        source: 'hub',
        applied: true,
        appliedAt: AT,
        settled: true,
        proven: false,
        verified: 'verified',
        checked: true,
        probed: false,
        why: 'w',
        since: AT,
      },
    ],
  });
});

test.each<[string, (own: string) => object | number, object]>([
  ['nothing was given yet', () => ({}), { applied: false, why: 'does not carry the current login yet' }],
  ['it has the login before', () => verified('old'), { applied: false }],
  [
    'it was given and not looked at',
    (own) => ({ proxies: { cache: { applied: { mac: own, at: AT } } } }),
    { applied: true, checked: false, why: 'applied; it was not verified yet' },
  ],
  [
    'its last look was at the login before',
    (own) => ({
      proxies: {
        cache: { applied: { mac: own, at: AT }, verified: { mac: 'old', state: 'verified', why: '', at: AT } },
      },
    }),
    { applied: true, checked: false, verified: 'unknown' },
  ],
  [
    'it may still work with the login before',
    (own) =>
      verified(own, 'unknown', {
        settled: { mac: 'old', at: AT },
        verified: { mac: own, state: 'unknown', reason: 'settling', why: 'w', at: AT },
      }),
    { applied: true, settled: false, checked: true, verified: 'unknown', reason: 'settling' },
  ],
  [
    'it was proven with the login before only',
    (own) => verified(own, 'refused', { proven: { mac: 'old', why: 'w', at: AT } }),
    { applied: true, proven: false },
  ],
  ['its pull is refused', (own) => verified(own, 'refused'), { applied: true, verified: 'refused' }],
  [
    'the controller has not run',
    () => 404,
    { applied: undefined, why: expect.stringContaining('state of the controller cannot be read') as string },
  ],
  ['the state may not be read', () => 403, { applied: undefined }],
])('not complete: %s', async (_, state, proxy) => {
  expect(await observe(CONTENT, state)).toMatchObject({ complete: false, proxies: [proxy] });
});

const sources = (content: string, parts: Parameters<typeof recordOf>[2] = {}) => ({
  sources: { hub: recordOf({ mac }, content, parts) },
});
const held = (password: string) => ({
  held: [
    {
      key: 'registry.test',
      cause: 'refused' as const,
      why: 'no',
      keeps: false,
      login: entryMac({ mac }, { username: 'robot', password }),
      since: AT,
    },
  ],
});

test('an entry that is held back says why, and a verdict on another login does not hold this one', async () => {
  expect(await observe(CONTENT, (own) => ({ ...verified(own), ...sources('{}', held('one')) }))).toMatchObject({
    complete: false,
    heldBack: [expect.stringMatching(/registry "registry\.test": held back: no/)],
    held: [{ key: 'registry.test' }],
    current: [],
  });
  expect(await observe(CONTENT, (own) => ({ ...verified(own), ...sources(CONTENT, held('another')) }))).toMatchObject({
    complete: true,
    heldBack: [],
    current: ['registry.test'],
  });
});

test('what the controller has not taken over yet is not complete, whatever the copies hold', async () => {
  expect(await observe(CONTENT, (own) => ({ ...verified(own), ...sources(dockerConfig('before')) }))).toMatchObject({
    complete: false,
    heldBack: ['the controller has not taken over what the source holds now'],
  });
});

test('what only the canaries have is not complete', async () => {
  const trying = {
    digest: digest(base64(CONTENT)),
    state: 'canary' as const,
    namespaces: [],
    proxies: ['cache'],
    before: [],
    why: [],
  };
  const canary = { namespaces: 1, proxies: 1, seconds: 60 };
  expect(
    await observe(
      CONTENT,
      (own) => ({
        ...verified(own),
        ...sources(dockerConfig('before'), { trying, logins: sources(CONTENT).sources.hub.logins }),
      }),
      { canary },
    ),
  ).toMatchObject({ complete: false, heldBack: [expect.stringMatching(/^only the canaries have it so far/)] });
});

test('a login that was refused just now is said where a product does not have it', async () => {
  const refusals = (state: State) => {
    createRefusals(state).refused({ host: 'registry.test', username: 'robot', password: 'one' }, 'wrong');
    return Object.fromEntries([...state.refusals()].map(([account, logins]) => [account, Object.fromEntries(logins)]));
  };
  expect(await observe(CONTENT, () => ({ refusals: refusals(createMemory({ mac })) }))).toMatchObject({
    complete: false,
    proxies: [{ applied: false, why: 'the login is refused: wrong' }],
  });
});

test('a source without a good content is said, and its proxy waits', async () => {
  expect(await observe(undefined, (own) => verified(own))).toMatchObject({
    complete: false,
    heldBack: [expect.stringContaining('does not exist')],
    proxies: [{ why: 'the source has no usable content' }],
  });
});

test('a copy that another writer wrote is behind, and it is said who wrote it', async () => {
  const configuration = configurationSchema.parse({
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Configuration',
    sources: [{ name: 'hub', secret: { namespace: 'pullpass-system', name: 'hub' }, copyName: 'c', verify: 'off' }],
  });
  const world = worldFor(configuration);
  putSource(world, rawSecret({ namespace: 'pullpass-system', name: 'hub', uid: 'u', content: CONTENT }));
  world.namespaces.put(namespace());
  const copy = rawSecret({ namespace: 'team-a', name: 'c', uid: 'u', content: dockerConfig('theirs'), source: 'hub' });
  const managedFields = [{ manager: 'replicator', fieldsV1: { 'f:data': { 'f:.dockerconfigjson': {} } } }];
  putCopy(world, { ...copy, metadata: { ...copy.metadata, managedFields } as typeof copy.metadata });
  const { client } = scriptedClient(() => {
    throw refusal(404);
  });
  const snapshot = await snapshotOf({ client, world, configuration, state: createMemory({ mac }), remembered: false });
  const [rotation] = await observeRotations({ client, configuration, snapshot });
  expect(rotation?.copies).toEqual({
    total: 1,
    behind: ['team-a'],
    foreign: [],
    undone: [{ namespace: 'team-a', by: 'field manager "replicator"' }],
  });
});

test('a server that breaks is an error, not "nothing yet"', async () => {
  await expect(observe(CONTENT, () => 500)).rejects.toThrow();
});

test('a copy that finalizers keep counts as blocked only if it cannot be brought up to date', async () => {
  const configuration = configurationWith({});
  const plans = (digest: string) => [
    planNamespace(
      scope({
        sources: [source({ config: { name: 'hub', copyName: 'c' } })],
        copies: [copy({ name: 'c', source: 'hub', terminating: true, finalizers: ['x/y'], immutable: true, digest })],
      }),
    ),
  ];
  const { client } = scriptedClient(() => {
    throw refusal(404);
  });
  const world = worldFor(configuration);
  const snapshot = await snapshotOf({ client, world, configuration, ...(await peekState(client, 'pullpass-system')) });
  const copies = async (digest: string) =>
    (await observeRotations({ client, configuration, snapshot, plans: plans(digest) }))[0]?.copies;
  expect(await copies('old')).toEqual({
    total: 1,
    behind: [],
    foreign: [],
    blocked: [{ namespace: 'team-a', by: 'finalizer "x/y"' }],
  });
  expect(await copies('new')).toEqual({ total: 1, behind: [], foreign: [] });
  const blocked = {
    heldBack: [],
    copies: { total: 1, behind: [], foreign: [], blocked: [{ namespace: 'a', by: 'x' }] },
  };
  expect(isComplete({ ...blocked, proxies: [] })).toBe(false);
});
