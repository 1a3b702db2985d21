/** What the configured probe asks for, where, and with which logins. */
import { expect, onTestFinished, test } from 'vitest';
import { configurationSchema } from '../../src/config/schema.ts';
import type { ProxyKube, Verdict } from '../../src/proxies/adapter.ts';
import { createProxies } from '../../src/proxies/kinds.ts';
import { runProbe } from '../../src/proxies/probe.ts';
import { createReach } from '../../src/proxies/reach.ts';
import { leaks } from '../registry/leaks.ts';
import { basicLogin, failure } from '../sandbox/registry/server.ts';
import { ann, inFrontOf, proving, pusher, remember, REPOSITORY } from './proving.ts';
import type { Proving } from './proving.ts';

const SECRETS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  probe: { username: 'p', password: 'own' },
  push: { ...pusher },
};
const kube: ProxyKube = {
  applySecret: () => Promise.reject(new Error('not for a probe')),
  patch: () => Promise.reject(new Error('not for a probe')),
  get: () => Promise.reject(new Error('not for a probe')),
  readSecret: ({ name }) => Promise.resolve(SECRETS[name] ?? {}),
};
const admin = { secret: { namespace: 'n', name: 'admin' } };

interface Probing {
  readonly probe?: object | undefined;
  /** Of the cache proxy. */
  readonly more?: object;
  readonly registry?: object;
  readonly memory?: ReturnType<typeof remember>;
}

async function run(p: Proving, { probe, more = {}, registry = { plainHttp: true }, memory = remember() }: Probing) {
  const configuration = configurationSchema.parse({
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Configuration',
    registries: [{ host: p.upstream.host, ...registry }],
    sources: [{ name: 'hub', secret: { namespace: 'n', name: 'hub' }, copyName: 'c' }],
    cacheProxies: [
      {
        name: 'cache',
        kind: 'distribution',
        source: 'hub',
        registry: p.upstream.host,
        ...('url' in more || 'object' in more ? {} : { secret: { namespace: 'n', name: 's' } }),
        ...more,
        ...(probe && { probe: { url: p.cache.url, repository: REPOSITORY, ...probe } }),
      },
    ],
  });
  const [proxy] = createProxies(configuration);
  if (proxy === undefined) throw new Error('no proxy');
  const reach = createReach({ userAgent: 'test' });
  onTestFinished(() => reach.close());
  const signal = new AbortController().signal;
  const login = { registry: p.upstream.host, ...ann };
  const verdict = await runProbe(
    { proxy, login, memory: memory.of('one'), configuration, context: { kube, signal } },
    reach,
  );
  for (const each of [ann, pusher, { password: 'own' }])
    expect(leaks(verdict, each).filter((form) => form !== 'own')).toEqual([]);
  return verdict;
}
const stateOf = ({ state, reason }: Verdict): string => (reason === undefined ? state : `${state}: ${reason}`);

test('none is configured: says so, and asks nobody', async () => {
  const p = await proving();
  expect(await run(p, {})).toEqual({
    state: 'unknown',
    reason: 'no probe',
    why: 'no private probe image is configured, and a public or cached pull proves nothing',
  });
  expect([p.upstream.requests, p.cache.requests]).toEqual([[], []]);
});

test('a kind that tells absence needs no image; another asks for one', async () => {
  const p = await proving();
  p.upstream.putImage(REPOSITORY, '1');
  const memory = remember();
  expect(stateOf(await run(p, { probe: {}, memory }))).toBe('verified');
  expect(memory.asked.size).toBe(0);
  expect(stateOf(await run(p, { probe: {}, more: { kind: 'template', files: { f: '{{username}}' } }, memory }))).toBe(
    'verified',
  );
  expect([...memory.asked]).toEqual(['1']);
  expect(stateOf(await run(p, { probe: {}, more: { kind: 'template', files: { f: '{{username}}' } }, memory }))).toBe(
    'unknown: held already',
  );
  const push = { secret: { namespace: 'n', name: 'push' } };
  expect(
    stateOf(await run(p, { probe: { push }, more: { kind: 'template', files: { f: '{{username}}' } }, memory })),
  ).toBe('verified');
});

test('a kind without an address to pull through says so, and not that a probe is to be configured', async () => {
  const p = await proving();
  const more = { kind: 'kube-fledged', object: { namespace: 'team', name: 'o' } };
  const verdict = await run(p, { more });
  expect([stateOf(verdict), verdict.why]).toEqual([
    'unknown: no probe',
    expect.stringMatching(/nodes pull, with the copy$/),
  ]);
});

test('zot is asked for nothing that it lists', async () => {
  const p = await proving();
  p.upstream.putImage(REPOSITORY, '1');
  expect(stateOf(await run(p, { probe: {}, more: { kind: 'zot' } }))).toBe('unknown: held already');
});

test('the registry is asked in the clear only where the configuration says so', async () => {
  const p = await proving();
  p.upstream.putImage(REPOSITORY, '1');
  expect(stateOf(await run(p, { probe: {}, registry: {} }))).toBe('unknown: upstream');
  expect(p.upstream.requests).toEqual([]);
});

test('logs in to the cache proxy where it is told how, and sends it no other login', async () => {
  const p = await proving();
  p.upstream.putImage(REPOSITORY, '1');
  const seen = new Set<string | undefined>();
  const front = await inFrontOf(p.cache, ({ headers }) => {
    const login = basicLogin(headers.authorization);
    seen.add(login?.password);
    return login === undefined
      ? failure(401, 'UNAUTHORIZED', 'no', { 'www-authenticate': 'Basic realm="c"' })
      : undefined;
  });
  const login = { secret: { namespace: 'n', name: 'probe' } };
  expect(stateOf(await run(p, { probe: { url: front.url } }))).toBe('unknown: cache');
  expect(stateOf(await run(p, { probe: { url: front.url, login } }))).toBe('verified');
  expect([...seen]).toEqual([undefined, 'own']);
});

test.each<[string, object, string, object]>([
  ['named by hand', { kind: 'distribution' }, `hub/${REPOSITORY}`, { upstreamRepository: REPOSITORY }],
  [
    'without the key of Artifactory',
    { kind: 'artifactory', url: 'http://127.0.0.1:1', admin, repository: 'remote' },
    `remote/${REPOSITORY}`,
    {},
  ],
  [
    'as it is, where the key of Artifactory is not in it',
    { kind: 'artifactory', url: 'http://127.0.0.1:1', admin, repository: 'remote' },
    REPOSITORY,
    {},
  ],
])('the registry has the repository by a name of its own: %s', async (_, more, repository, probe) => {
  const p = await proving();
  p.upstream.putImage(REPOSITORY, '1');
  await run(p, { more, probe: { repository, ...probe } });
  expect(p.upstream.requests.filter(({ path }) => path.startsWith(`/v2/${REPOSITORY}/`)).length).toBeGreaterThan(0);
  const others = p.upstream.requests.filter(({ path }) => !path.startsWith(`/v2/${REPOSITORY}/`) && path !== '/token');
  // The cache in this test does not take the prefix away: it asks for what it was asked.
  expect(others.filter(({ path }) => !path.startsWith(`/v2/${repository}/`))).toEqual([]);
  expect(p.cache.requests.filter(({ path }) => path.startsWith(`/v2/${repository}/`)).length).toBeGreaterThan(0);
});

test('harbor asks its own endpoint, with the name behind the project', async () => {
  const p = await proving();
  p.upstream.putImage(REPOSITORY, '1');
  const more = { kind: 'harbor', url: 'http://127.0.0.1:1', admin, endpoint: 'e', endpointUrl: p.upstream.url };
  await run(p, { more, probe: { repository: `project/${REPOSITORY}` }, registry: {} });
  expect(p.upstream.requests.map(({ path }) => path)).toContain(`/v2/${REPOSITORY}/tags/list`);
});
