/** Rotations as they stand in a cluster that a test plays: the state Secret, and what the targets show. */
import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { observeRotations } from '../../src/reconcile/progress.ts';
import { configurationSchema } from '../../src/config/schema.ts';
import { createProxies } from '../../src/proxies/index.ts';
import { loginMac } from '../../src/reconcile/proxy.ts';
import { createSourceBook } from '../../src/reconcile/sources.ts';
import { refusal, scriptedClient } from '../kube/scripted-client.ts';
import { base64, dockerConfig, putSource, rawSecret, worldFor } from '../reconcile/worlds.ts';

const AT = '2030-01-01T00:00:00.000Z';
const KEY = Buffer.alloc(32, 7);
const mac = (text: string): string => createHmac('sha256', KEY).update(text).digest('hex');
const admin = { secret: { namespace: 'n', name: 'a' } };
const configuration = configurationSchema.parse({
  apiVersion: 'pullpass.dev/v1alpha1', kind: 'Configuration',
  sources: [{ name: 'hub', secret: { namespace: 'pullpass-system', name: 'hub' }, copyName: 'c' }],
  cacheProxies: [{ name: 'cache', kind: 'webhook', source: 'hub', registry: 'registry.test', url: 'https://cache.test', admin }],
});
const CONTENT = dockerConfig('one');

async function observe(content: string | undefined, state: (own: string) => object | number) {
  const world = worldFor(configuration);
  if (content !== undefined) putSource(world, rawSecret({ namespace: 'pullpass-system', name: 'hub', uid: 'u', content }));
  const book = createSourceBook(world);
  book.configure(configuration);
  book.refresh();
  const [proxy] = createProxies(configuration);
  if (proxy === undefined) throw new Error('no proxy');
  const said = state(loginMac({ state: { mac }, proxy, login: { registry: 'registry.test', username: 'robot', password: 'one' } }));
  const { client, calls } = scriptedClient(() => {
    if (typeof said === 'number') throw refusal(said);
    return { metadata: {}, data: { 'mac-key': KEY.toString('base64'), 'state.json': base64(JSON.stringify(said)) } };
  });
  const [rotation] = await observeRotations({ client, configuration, namespace: 'pullpass-system', snapshot: { world, book, scopes: [] } });
  expect(calls.every(({ verb }) => verb === 'get')).toBe(true);
  return rotation;
}
const verified = (own: string, state = 'verified') => ({ proxies: { cache: { applied: { mac: own, at: AT }, verified: { mac: own, state, why: 'w', at: AT } } } });

test('complete: every proxy carries the login and was looked at', async () => {
  expect(await observe(CONTENT, (own) => verified(own))).toEqual({
    source: 'hub', heldBack: [], refused: [], copies: { total: 0, behind: [], foreign: [] }, complete: true,
    proxies: [{ name: 'cache', kind: 'webhook', source: 'hub', applied: true, appliedAt: AT, verified: 'verified', checked: true, probed: false, why: 'w', since: AT }],
  });
});

test.each<[string, (own: string) => object | number, object]>([
  ['nothing was given yet', () => ({}), { applied: false, why: 'does not carry the current login yet' }],
  ['it has the login before', () => verified('old'), { applied: false }],
  ['it was given and not looked at', (own) => ({ proxies: { cache: { applied: { mac: own, at: AT } } } }), { applied: true, checked: false, why: 'applied; it is still being rolled, or was not verified yet' }],
  ['its last look was at the login before', (own) => ({ proxies: { cache: { applied: { mac: own, at: AT }, verified: { mac: 'old', state: 'verified', why: '', at: AT } } } }), { applied: true, checked: false, verified: 'unknown' }],
  ['it refuses the login', (own) => ({ proxies: { cache: { refused: { mac: own, times: 1, at: AT, why: 'wrong' } } } }), { applied: false, why: 'the login is refused: wrong' }],
  ['its pull is refused', (own) => verified(own, 'refused'), { applied: true, verified: 'refused' }],
  ['the controller has not run', () => 404, { applied: undefined, why: expect.stringContaining('state of the controller cannot be read') as string }],
  ['the state may not be read', () => 403, { applied: undefined }],
])('not complete: %s', async (_, state, proxy) => {
  expect(await observe(CONTENT, state)).toMatchObject({ complete: false, proxies: [proxy] });
});

test('a content that is held back says why, and another content does not', async () => {
  const record = (content: string) => (own: string) => ({ ...verified(own), sources: { hub: { mac: mac(base64(content)), state: 'held back', why: ['registry.test: refused'], since: AT, refused: {} } } });
  expect(await observe(CONTENT, record(CONTENT))).toMatchObject({ complete: false, heldBack: ['registry.test: refused'] });
  expect(await observe(CONTENT, record(dockerConfig('other')))).toMatchObject({ complete: true, heldBack: [] });
});

test('a source without a good content is said, and its proxy waits', async () => {
  expect(await observe(undefined, (own) => verified(own))).toMatchObject({ complete: false, heldBack: [expect.stringContaining('does not exist')], proxies: [{ why: 'the source has no usable content' }] });
});

test('a server that breaks is an error, not "nothing yet"', async () => {
  await expect(observe(CONTENT, () => 500)).rejects.toThrow();
});
