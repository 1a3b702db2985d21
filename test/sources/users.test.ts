/** Who would lose a login: pods, cache proxies and copies, counted as the message about vanished entries names them. */
import { describe, expect, test } from 'vitest';
import { parseDockerConfig } from '../../src/credentials/docker-config.ts';
import { usersOf } from '../../src/sources/users.ts';
import type { Call } from '../kube/scripted-client.ts';
import { refusal, scriptedClient } from '../kube/scripted-client.ts';
import { sourceConfig } from '../plan/observations.ts';

const parsed = parseDockerConfig(
  JSON.stringify({
    auths: Object.fromEntries(
      ['a.test', 'b.test', 'b.test/team'].map((key) => [key, { username: 'u', password: 'p' }]),
    ),
  }),
);
const credentials = parsed.ok ? parsed.credentials : [];

const pod = (name: string, image?: string, secrets: readonly string[] | undefined = ['regcred'], init?: string) => ({
  metadata: { namespace: 'team-a', name },
  spec: {
    ...(secrets.length > 0 && { imagePullSecrets: secrets.map((secret) => ({ name: secret })) }),
    ...(init !== undefined && { initContainers: [{ name: 'init', image: init }] }),
    containers: [{ name: 'main', ...(image !== undefined && { image }) }],
  },
});

const cache = (name: string, registry: string, source = 'upstream') => ({
  name,
  kind: 'zot' as const,
  source,
  registry,
  secret: { namespace: 'caches', name },
  key: 'credentials.json',
});

function users(
  pods: readonly object[] | ((call: Call) => unknown),
  {
    keys = ['b.test', 'b.test/team'],
    copies = 2,
    cacheProxies = [] as ReturnType<typeof cache>[],
    signal = new AbortController().signal,
  } = {},
): Promise<string> {
  const { client } = scriptedClient(
    typeof pods === 'function' ? pods : ({ path }) => ({ metadata: {}, items: path === '/api/v1/pods' ? pods : [] }),
  );
  const configuration = { cacheProxies };
  return usersOf({
    client,
    configuration,
    source: sourceConfig(),
    credentials,
    keys,
    copies,
    listed: undefined,
    signal,
  });
}

describe('a pod counts', () => {
  test('that pulls with the copy an image that such a login matches, in a container or before it', async () => {
    const pods = [
      pod('web', 'b.test/app:1', ['other', 'regcred']),
      pod('init', 'a.test/app', ['regcred'], 'b.test/team/init'),
    ];
    expect(await users(pods)).toBe('2 pods (team-a/web, team-a/init) and 2 copies');
  });

  test('also where another login, which stays, is tried first', async () => {
    const pods = [pod('web', 'b.test/team/app')];
    expect(await users(pods, { keys: ['b.test'] })).toBe('1 pod (team-a/web) and 2 copies');
    expect(await users([pod('web', 'b.test/app')], { keys: ['b.test/team'] })).toBe('0 pods and 2 copies');
  });

  test.each<[string, object]>([
    ['with an image of another registry', pod('web', 'a.test/app')],
    ['without the copy', pod('web', 'b.test/app', [])],
    ['with the Secret of somebody else', pod('web', 'b.test/app', ['theirs'])],
    ['without an image', pod('web')],
    ['with something that is no image', pod('web', 'b.test/APP')],
    ['of which nothing is known', { metadata: { namespace: 'team-a', name: 'web' } }],
  ])('not one %s', async (_, other) => {
    expect(await users([other])).toBe('0 pods and 2 copies');
  });
});

test('three pods are named, and more are counted', async () => {
  const named = (count: number) => users(Array.from({ length: count }, (_, i) => pod(`web-${i}`, 'b.test/app')));
  expect(await named(3)).toBe('3 pods (team-a/web-0, team-a/web-1, team-a/web-2) and 2 copies');
  expect(await named(4)).toBe('4 pods (team-a/web-0, team-a/web-1, team-a/web-2, ...) and 2 copies');
});

test('cache proxies of the source count whose registry gets such a login', async () => {
  const cacheProxies = [
    cache('one', 'b.test'),
    cache('kept', 'a.test'),
    cache('nothing', 'c.test'),
    cache('of-another', 'b.test', 'another'),
  ];
  expect(await users([], { cacheProxies, copies: 1 })).toBe('0 pods and cache proxy one and 1 copy');
  expect(await users([], { cacheProxies: [...cacheProxies, cache('two', 'b.test/team')] })).toBe(
    '0 pods and cache proxies one, two and 2 copies',
  );
});

test('pods that may not be listed are no reason to say nothing; another error is', async () => {
  const answering = (code: number) =>
    users(
      () => {
        throw refusal(code);
      },
      { cacheProxies: [cache('one', 'b.test')] },
    );
  expect(await answering(403)).toBe('pods that may not be listed here and cache proxy one and 2 copies');
  await expect(answering(500)).rejects.toThrow('500');
});

test('a list that has to begin again counts no pod twice', async () => {
  let broken = false;
  const answer = ({ query }: Call) => {
    if (query['continue'] === undefined)
      return { metadata: { continue: broken ? '' : 'next' }, items: [pod('web', 'b.test/app')] };
    broken = true;
    throw refusal(410);
  };
  expect(await users(answer)).toBe('1 pod (team-a/web) and 2 copies');
  expect(broken).toBe(true);
});

test('an end of the process cuts the list', async () => {
  const signal = AbortSignal.abort();
  await expect(users([], { signal })).rejects.toThrow('stopped');
});
