import { describe, expect, onTestFinished, test } from 'vitest';
import { renderChecks, runChecks } from '../../src/commands/verify.ts';
import type { Check } from '../../src/commands/verify.ts';
import { configurationSchema } from '../../src/config/schema.ts';
import { createRefusals } from '../../src/observe/refusals.ts';
import { loginMac } from '../../src/reconcile/proxy.ts';
import { snapshotOf } from '../../src/sources/snapshot.ts';
import { createHttpClient } from '../../src/registry/http.ts';
import type { ProxyRecord, UnknownReason } from '../../src/plan/proxy.ts';
import { createProxies } from '../../src/proxies/kinds.ts';
import { createReach } from '../../src/proxies/reach.ts';
import type { Reach } from '../../src/proxies/reach.ts';
import { scriptedClient } from '../kube/scripted-client.ts';
import { createMemory } from '../sources/memory.ts';
import type { Memory } from '../sources/memory.ts';
import { base64, putSource, rawSecret, worldFor } from '../sources/worlds.ts';
import { ann, inFrontOf, proving, REPOSITORY, strangers } from '../proxies/proving.ts';
import type { Proving } from '../proxies/proving.ts';
import { startHarbor } from '../sandbox/products/harbor.ts';
import { failure } from '../sandbox/registry/server.ts';

const configuration = configurationSchema.parse({
  apiVersion: 'pullpass.dev/v1alpha1',
  kind: 'Configuration',
  sources: ['hub', 'gone'].map((name) => ({
    name,
    secret: { namespace: 'pullpass-system', name },
    copyName: `${name}-copy`,
  })),
  cacheProxies: [
    { name: 'cache', kind: 'zot', source: 'hub', registry: 'docker.io', secret: { namespace: 'n', name: 's' } },
  ],
});

async function verify(
  config: object,
  { memory = createMemory(), says = 'refused' }: { memory?: Memory; says?: 'refused' | 'accepted' } = {},
) {
  const world = worldFor(configuration);
  putSource(world, rawSecret({ namespace: 'pullpass-system', name: 'hub', uid: 'u', content: JSON.stringify(config) }));
  const asked: string[] = [];
  const reach: Reach = {
    http: () => createHttpClient(),
    close: () => Promise.resolve(),
    check: (_, { key }) => {
      asked.push(key);
      return Promise.resolve({ state: says, why: `${key}: ${says}` });
    },
    registry: (_, host) => ({ base: host, http: createHttpClient(), repository: undefined }),
  };
  const { client } = scriptedClient();
  const snapshot = await snapshotOf({ client, world, configuration, state: memory, remembered: true });
  const checks = await runChecks({ client, configuration, snapshot, reach, signal: new AbortController().signal });
  return {
    asked: asked.sort(),
    checks,
    said: checks.map(({ what, source, name, state }) => [what, source, name, state].join(' ')),
  };
}

test('each login is tried once; a pattern is not tried, and an unusable source is said', async () => {
  const login = { username: 'u', password: 'hunter2' };
  const { asked, checks, said } = await verify({ auths: { 'a.corp': login, '*.corp': login, 'b[12].corp': login } });
  expect(asked).toEqual(['a.corp']);
  expect(said).toEqual([
    'credential hub a.corp refused',
    'credential hub *.corp unknown',
    'credential hub b[12].corp unusable',
    'credential gone gone unknown',
    'cache proxy hub cache unknown',
  ]);
  expect(renderChecks(checks, 'table', false)).toMatchObject({
    exitCode: 3,
    text: expect.stringContaining('\n\n2 of 5 refused, unusable or without an answer. 3 unknown.\n') as string,
  });
  for (const output of ['table', 'json', 'yaml'] as const)
    expect(renderChecks(checks, output, false).text).not.toContain('hunter2');
});

test('six keys with one login are one try, with one verdict for all', async () => {
  const login = { auth: Buffer.from('first:mistyped').toString('base64') };
  const { asked, said } = await verify({
    auths: Object.fromEntries(
      ['a', 'b', 'c', 'd', 'e', 'f'].map((path) => [`registry.example.com/corp/${path}`, login]),
    ),
  });
  expect(asked).toEqual(['registry.example.com/corp/a']);
  expect(said.filter((line) => line.endsWith('refused'))).toHaveLength(6);
});

test('what the controller was refused with just now is not tried once more', async () => {
  const memory = createMemory();
  createRefusals(memory).refused({ host: 'a.corp', username: 'u', password: 'p' }, 'a.corp: the login is refused');
  const { asked, checks } = await verify(
    { auths: { 'a.corp': { username: 'u', password: 'p' } } },
    { memory, says: 'accepted' },
  );
  expect(asked).toEqual([]);
  expect(checks[0]).toMatchObject({ state: 'refused', why: 'a.corp: the login is refused' });
});

test('what is no usable login is not tried: it is named, and fails the command', async () => {
  const { asked, checks } = await verify({
    auths: {
      'corp.azurecr.io': { auth: Buffer.from('0000:').toString('base64'), identitytoken: 'TOKEN' },
      'https://index.docker.io/v1/': {},
      'a.corp': { username: 'robot', password: 'NEW', auth: Buffer.from('robot:OLD').toString('base64') },
    },
    credsStore: 'desktop',
  });
  expect(asked).toEqual([]);
  expect(checks.slice(0, 3).map(({ state, why }) => `${state}: ${why}`)).toEqual([
    expect.stringMatching(/^unusable: has only an identity token/),
    expect.stringMatching(/^unusable: has no login, for the file names a credential store/),
    expect.stringMatching(/^unusable: "auth" holds another login/),
  ]);
  const { exitCode, text } = renderChecks(checks, 'table', false);
  expect(exitCode).toBe(3);
  expect(text).not.toMatch(/TOKEN|OLD|NEW/);
});

describe('the result', () => {
  const check = (state: Check['state'], more: Partial<Check> = {}): Check => ({
    what: 'credential',
    source: 'hub',
    name: 'a.corp',
    state,
    why: 'w',
    ...more,
  });
  test.each<[Check['state'][], number, number, string]>([
    [['accepted', 'verified'], 0, 0, 'All 2 good.'],
    [['accepted', 'unknown'], 0, 3, 'None refused; 1 of 2 unknown.'],
    [['accepted', 'refused'], 3, 3, '1 of 2 refused, unusable or without an answer.'],
    [['unknown', 'unusable'], 3, 3, '1 of 2 refused, unusable or without an answer. 1 unknown.'],
  ])('of %j exits with %i, with --fail-on unknown with %i: %s', (states, exitCode, strict, summary) => {
    const checks = states.map((state) => check(state));
    expect(renderChecks(checks, 'table', false)).toEqual({
      exitCode,
      text: expect.stringMatching(new RegExp(`^WHAT +SOURCE +NAME +STATE +WHY\\n[^]*\\n\\n${summary}\\n$`)) as string,
    });
    expect(renderChecks(checks, 'table', false, 'unknown').exitCode).toBe(strict);
  });

  test.each<[UnknownReason, number]>([
    ['cache', 3],
    ['upstream', 0],
    ['held already', 0],
    ['no probe', 0],
    ['settling', 0],
  ])('unknown: %s has its reason, and exits with %i', (reason, exitCode) => {
    const checks = [check('unknown', { what: 'cache proxy', reason })];
    expect(renderChecks(checks, 'table', false)).toMatchObject({
      exitCode,
      text: expect.stringContaining(` unknown: ${reason} `) as string,
    });
    expect(renderChecks(checks, 'table', false, 'unknown').exitCode).toBe(3);
  });

  test.each([
    [undefined, 'the token ends'],
    ['token', 'the token ends'],
    ['annotation', 'by its annotation it ends'],
    ['maxAge', 'by maxAge it ends'],
  ] as const)('says when a login ends, by %s', (expiresBy, says) => {
    const end = { expires: '2030-01-01T00:00:00.000Z', ...(expiresBy && { expiresBy }) };
    expect(renderChecks([check('accepted', end)], 'table', false).text).toContain(
      `w; ${says} 2030-01-01T00:00:00.000Z`,
    );
  });

  test('is the same data as JSON', () => {
    expect(JSON.parse(renderChecks([check('accepted')], 'json', true).text)).toEqual({
      apiVersion: 'pullpass.dev/v1alpha1',
      kind: 'Verification',
      checks: [check('accepted')],
    });
  });
});

/** With real requests: the state is what the controller has left there. */
describe('a cache proxy', () => {
  interface Look {
    /** What the controller remembers of it, of the login that it has. */
    readonly record?: (mac: string) => ProxyRecord;
    readonly secrets?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  }
  const at = '2030-01-01T00:00:00.000Z';
  const settled = (mac: string): ProxyRecord => ({
    applied: { mac, at },
    settled: { mac, at },
    verified: { mac, state: 'unknown', reason: 'upstream', why: 'w', at },
  });
  async function look(p: Proving, cache: object, { record = settled, secrets = {} }: Look = {}) {
    const config = configurationSchema.parse({
      apiVersion: 'pullpass.dev/v1alpha1',
      kind: 'Configuration',
      registries: [{ host: p.upstream.host, plainHttp: true }],
      sources: [{ name: 'hub', secret: { namespace: 'pullpass-system', name: 'hub' }, copyName: 'c' }],
      cacheProxies: [{ name: 'cache', source: 'hub', registry: p.upstream.host, ...cache }],
    });
    const world = worldFor(config);
    const content = JSON.stringify({ auths: { [p.upstream.host]: ann } });
    putSource(world, rawSecret({ namespace: 'pullpass-system', name: 'hub', uid: 'u', content }));
    let saves = 0;
    const memory = createMemory({ save: () => Promise.resolve(void saves++) });
    const [proxy] = createProxies(config);
    if (proxy === undefined) throw new Error('no proxy');
    memory.setProxy('cache', record(loginMac({ state: memory, proxy, login: { registry: p.upstream.host, ...ann } })));
    const before = JSON.stringify(memory.proxy('cache'));
    const { client, calls } = scriptedClient(({ path }) => {
      const data = secrets[path.split('/').at(-1) ?? ''] ?? {};
      return { metadata: {}, data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, base64(text)])) };
    });
    const reach = createReach({ userAgent: 'test' });
    onTestFinished(() => reach.close());
    const checks = await runChecks({
      client,
      configuration: config,
      snapshot: await snapshotOf({ client, world, configuration: config, state: memory, remembered: true }),
      reach,
      signal: new AbortController().signal,
    });
    // It looks, and changes nothing.
    expect([saves, JSON.stringify(memory.proxy('cache')), calls.filter(({ verb }) => verb !== 'get')]).toEqual([
      0,
      before,
      [],
    ]);
    const check = checks.find(({ what }) => what === 'cache proxy');
    if (check === undefined) throw new Error('no check');
    const strict = renderChecks(checks, 'table', false, 'unknown').exitCode;
    const { text, exitCode } = renderChecks(checks, 'table', false);
    expect(text).not.toContain(ann.password);
    return {
      check,
      text,
      exitCode,
      strict,
      state: check.reason === undefined ? check.state : `${check.state}: ${check.reason}`,
    };
  }
  const webhook = { kind: 'webhook', url: 'https://cache.test', admin: { secret: { namespace: 'n', name: 'admin' } } };
  const probed = (p: Proving, url = p.cache.url) => ({ ...webhook, probe: { url, repository: REPOSITORY } });

  test('is asked itself, where the product can tell: the code of the controller, with the login of the administrator', async () => {
    const p = await proving();
    const product = await startHarbor();
    onTestFinished(() => product.goDown());
    const endpoint = {
      id: 7,
      name: 'hub',
      type: 'docker-registry',
      url: p.upstream.url,
      insecure: false,
      description: '',
      credential: { type: 'basic', access_key: ann.username, access_secret: 'old' },
    };
    product.endpoints.push(endpoint);
    const harbor = {
      kind: 'harbor',
      url: product.url,
      admin: { secret: { namespace: 'n', name: 'admin' } },
      endpoint: 'hub',
      endpointUrl: p.upstream.url,
    };
    const secrets = { admin: { username: product.admin.username, password: product.admin.password } };
    expect(await look(p, harbor, { secrets })).toMatchObject({ state: 'verified', exitCode: 0 });
    product.upstream.refused.add('old');
    const { state, exitCode, check } = await look(p, harbor, { secrets });
    expect([state, exitCode, check.why]).toEqual(['refused', 3, expect.stringContaining('refuses the stored login')]);
    expect(product.writes).toBe(0);
    await product.goDown();
    expect(await look(p, harbor, { secrets })).toMatchObject({ state: 'unknown: cache', exitCode: 3 });
  });

  test('that holds all is not asked for an image: nothing is burnt for the controller', async () => {
    const p = await proving();
    p.upstream.putImage(REPOSITORY, '1');
    expect(await look(p, probed(p))).toMatchObject({ state: 'unknown: held already', exitCode: 0, strict: 3 });
    const images = p.cache.requests.filter(({ path }) => path.includes('/manifests/'));
    expect(images).toEqual([]);
    const proven = await look(p, probed(p), {
      record: (mac) => ({ ...settled(mac), proven: { mac, why: 'it came through', at } }),
    });
    expect([proven.state, proven.check.why]).toEqual(['verified', `proven ${at}: it came through`]);
    // The controller has asked for another image since.
    const since = await look(p, probed(p), {
      record: (mac) => ({
        ...settled(mac),
        proven: { mac, why: 'it came through', at },
        verified: { mac, state: 'refused', why: 'not found', at },
      }),
    });
    expect(since).toMatchObject({
      state: 'refused',
      exitCode: 3,
      check: { why: `the controller saw this at ${at}: not found` },
    });
    expect(p.cache.requests.filter(({ path }) => path.includes('/manifests/'))).toEqual([]);
  });

  test('that is down is unknown, and fails: no pull through it works', async () => {
    const p = await proving();
    p.upstream.putImage(REPOSITORY, '1');
    await p.cache.stop();
    expect(await look(p, probed(p))).toMatchObject({ state: 'unknown: cache', exitCode: 3, strict: 3 });
  });

  test('whose registry is down is unknown, and no refusal', async () => {
    const p = await proving();
    const front = await inFrontOf(p.cache, () => undefined);
    p.upstream.breakDown(503);
    expect(await look(p, probed(p, front.url))).toMatchObject({ state: 'unknown: upstream', exitCode: 0, strict: 3 });
  });

  test('that does not have the login in force is not asked: its answer would be about another one', async () => {
    const p = await proving({ cacheLogin: strangers });
    const front = await inFrontOf(p.cache, () => failure(500, 'UNKNOWN', 'nobody should ask'));
    const cache = probed(p, front.url);
    expect(await look(p, cache, { record: () => ({}) })).toMatchObject({ state: 'unknown: not applied', exitCode: 0 });
    const settling = { state: 'unknown', reason: 'settling', why: 'until noon', at } as const;
    expect(
      await look(p, cache, { record: (mac) => ({ applied: { mac, at }, verified: { mac, ...settling } }) }),
    ).toMatchObject({ state: 'unknown: settling', check: { why: 'until noon' }, strict: 3 });
    expect(await look(p, cache, { record: (mac) => ({ applied: { mac, at } }) })).toMatchObject({
      state: 'unknown: settling',
    });
    expect(
      await look(p, cache, {
        record: (mac) => ({ applied: { mac, at }, verified: { mac, state: 'refused', why: 'by subPath', at } }),
      }),
    ).toMatchObject({ state: 'refused', exitCode: 3, check: { why: 'by subPath' } });
    expect(front.requests).toEqual([]);
  });
});
