/** What an audit learns from the state of the controller: verdicts of registries and cache proxies, and nothing that it cannot know. */
import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { knownTo } from '../../src/audit/known.ts';
import { configurationSchema } from '../../src/config/schema.ts';
import { loginId } from '../../src/reconcile/preflight.ts';
import { snapshotOf } from '../../src/reconcile/snapshot.ts';
import { refusal, scriptedClient } from '../kube/scripted-client.ts';
import { base64, dockerConfig, putSource, rawSecret, worldFor } from '../reconcile/worlds.ts';

const AT = '2030-01-01T00:00:00.000Z';
const KEY = Buffer.alloc(32, 7);
const mac = (text: string): string => createHmac('sha256', KEY).update(text).digest('hex');
const configurationWith = (verify: 'auto' | 'off') => configurationSchema.parse({
  apiVersion: 'pullpass.dev/v1alpha1', kind: 'Configuration',
  sources: [{ name: 'hub', secret: { namespace: 'pullpass-system', name: 'hub' }, copyName: 'c', verify }],
  cacheProxies: [{ name: 'cache', kind: 'webhook', source: 'hub', registry: 'registry.test', url: 'https://cache.test', admin: { secret: { namespace: 'n', name: 'a' } } }],
});
const CONTENT = dockerConfig('one');
/** As the source book renders it: what the state's mac is of. */
function snapshot(verify: 'auto' | 'off', read = true) {
  const configuration = configurationWith(verify);
  const world = worldFor(configuration);
  if (read) putSource(world, rawSecret({ namespace: 'pullpass-system', name: 'hub', uid: 'u', content: CONTENT }));
  return { configuration, snapshot: snapshotOf(world, configuration, () => read) };
}

async function known(state: object | number, { verify = 'auto', read = true }: { verify?: 'auto' | 'off'; read?: boolean } = {}) {
  const { client, calls } = scriptedClient(({ path }) => {
    if (typeof state === 'number' && path.includes('pullpass-state')) throw refusal(state);
    return { metadata: {}, data: { 'mac-key': KEY.toString('base64'), 'state.json': base64(JSON.stringify(state)) } };
  });
  const found = await knownTo({ client, namespace: 'pullpass-system', ...snapshot(verify, read) });
  expect(calls.every(({ verb }) => verb === 'get')).toBe(true);
  return found;
}
const login = { key: 'registry.test', username: 'robot', password: 'one' };
const current = mac(snapshot('auto').snapshot.book.content('hub') ?? '');
const record = (parts: object) => ({ sources: { hub: { mac: current, state: 'accepted', why: [], since: AT, refused: {}, ...parts } } });
const refused = { [loginId(mac, login)]: { times: 1, at: AT, why: '401 Unauthorized' } };

test('a login that the registry took is accepted, since then', async () => {
  expect((await known(record({})))?.registries).toEqual([{ source: 'hub', key: 'registry.test', state: 'accepted', why: 'the registry took it', since: AT }]);
});

test('a login in force that was refused since is refused; the last try is not called the first', async () => {
  expect((await known(record({ refused })))?.registries).toEqual([{ source: 'hub', key: 'registry.test', state: 'refused', why: '401 Unauthorized' }]);
});

test('a content that is held back says why, and which login', async () => {
  expect(await known(record({ state: 'held back', why: ['401 Unauthorized'], refused }))).toMatchObject({
    heldBack: [{ source: 'hub', why: '401 Unauthorized' }], registries: [{ state: 'refused', since: AT }],
  });
});

test.each([
  ['another content was accepted', record({ mac: 'another' })],
  ['a registry could not be asked', record({ why: ['registry.test: no answer'] })],
  ['nothing was tried', {}],
])('nothing is said of a login when %s', async (_, state) => {
  expect((await known(state))?.registries).toEqual([]);
});

test('nothing is said of a source whose logins are not to be tried', async () => {
  expect((await known(record({ refused }), { verify: 'off' }))?.registries).toEqual([]);
});

test('without the state nothing is said of logins, nor of what cache proxies have', async () => {
  const found = await known(404);
  expect([found?.registries, found?.proxies]).toEqual([undefined, []]);
});

test('a source that was not read says nothing of its cache proxies', async () => {
  expect((await known(record({}), { read: false }))?.proxies).toEqual([]);
});
