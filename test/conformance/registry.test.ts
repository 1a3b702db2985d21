/** The same checks on the sandbox's registries and on real Distribution: where the two differ, the sandbox is wrong. */
import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { checkLogin } from '../../src/registry/auth.ts';
import type { LoginVerdict } from '../../src/registry/auth.ts';
import { createHttpClient } from '../../src/registry/http.ts';
import type { HttpClient } from '../../src/registry/http.ts';
import type { Login } from '../../src/registry/login.ts';
import { probeManifest } from '../../src/registry/probe.ts';
import type { ProbeResult } from '../../src/registry/probe.ts';
import { deleteImage, pushImage } from '../../src/registry/push.ts';
import { openRepository } from '../../src/registry/repository.ts';
import type { Repository } from '../../src/registry/repository.ts';
import { listTags } from '../../src/registry/tags.ts';
import { leaks } from '../registry/leaks.ts';
import { findDistribution, startDistribution, startDistributionCache } from '../sandbox/registry/distribution.ts';
import { digestOf } from '../sandbox/registry/images.ts';
import { startPullThrough } from '../sandbox/registry/pull-through.ts';
import { OCI_MANIFEST, tinyImage } from '../sandbox/registry/tiny-image.ts';
import { startUpstream } from '../sandbox/registry/upstream.ts';
import type { Upstream } from '../sandbox/registry/upstream.ts';

const distribution = findDistribution();
if ('missing' in distribution) process.stderr.write(`skipped, real Distribution: ${distribution.missing}\n`);
const program = 'found' in distribution ? distribution.found : '';

const old: Login = { username: 'ann-the-user', password: 'old-password-of-ann' };
const fresh: Login = { ...old, password: 'fresh-password-of-ann' };

let http: HttpClient;
beforeAll(() => {
  http = createHttpClient();
});
afterAll(() => http.close());

/** Everything that is said in this file is searched for the logins at the end of its test. */
const said: unknown[] = [];
const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
  for (const login of [old, fresh]) expect(leaks(said, login)).toEqual([]);
  said.length = 0;
});
async function listen<T>(what: Promise<T>): Promise<T> {
  const value = await what;
  said.push(value);
  return value;
}

interface Registry {
  readonly url: string;
  rotate(login: Login): Promise<void>;
}

describe.each<{ name: string; real: boolean; start: () => Promise<Registry> }>([
  { name: 'the sandbox, Bearer', real: false, start: () => sandbox('bearer') },
  { name: 'the sandbox, Basic', real: false, start: () => sandbox('basic') },
  { name: 'Distribution with htpasswd', real: true, start: realWithHtpasswd },
])('$name', ({ real, start }) => {
  const check = (registry: string, login: Login, repository?: string): Promise<LoginVerdict> =>
    listen(checkLogin({ registry, login, repository, http }));
  const probe = (base: string, reference: string, login?: Login): Promise<ProbeResult> =>
    listen(probeManifest({ base, repository: 'corp/app', reference, login, http }));

  test.skipIf(real && program === '')('takes the login, refuses another, and follows a rotation', async () => {
    const registry = await start();
    for (const repository of [undefined, 'corp/app']) {
      expect(await check(registry.url, old, repository)).toMatchObject({ state: 'accepted' });
      expect(await check(registry.url, fresh, repository)).toMatchObject({ state: 'refused' });
      expect(await check(registry.url, { ...old, username: 'nobody-known' }, repository)).toMatchObject({
        state: 'refused',
      });
    }
    await registry.rotate(fresh);
    expect(await check(registry.url, old)).toMatchObject({ state: 'refused' });
    expect(await check(registry.url, fresh, 'corp/app')).toMatchObject({ state: 'accepted' });
  });

  test.skipIf(real && program === '')('serves an image to the login, and to nobody else', async () => {
    const registry = await start();
    const digest = await push(registry.url);
    expect(await probe(registry.url, '1', old)).toMatchObject({ state: 'served', status: 200, digest });
    expect(await probe(registry.url, digest, old)).toMatchObject({ state: 'served', status: 200, digest });
    expect(await probe(registry.url, '2', old)).toMatchObject({
      state: 'missing',
      status: 404,
      why: expect.stringContaining('MANIFEST_UNKNOWN') as unknown,
    });
    expect(await probe(registry.url, '1', fresh)).toMatchObject({ state: 'refused', status: 401 });
    expect(await probe(registry.url, '1')).toMatchObject({ state: 'refused', status: 401 });
  });

  test.skipIf(real && program === '')(
    'takes a tiny new image from a login that may push, and from no other',
    async () => {
      const registry = await start();
      const open = (login: Login): Repository => {
        const opened = openRepository({ base: registry.url, repository: 'corp/app', login, push: true, http });
        if ('why' in opened) throw new Error(opened.why);
        return opened;
      };
      const pushed = await listen(pushImage(open(old), 'pullpass-0', 'tiny\n'));
      if (pushed.state !== 'pushed') throw new Error(pushed.why);
      expect(await probe(registry.url, 'pullpass-0', old)).toMatchObject({ state: 'served', digest: pushed.digest });
      expect(await listen(listTags(open(old)))).toMatchObject({ state: 'listed', tags: ['pullpass-0'] });
      expect(await listen(pushImage(open(fresh), 'pullpass-1', 'x'))).toMatchObject({ state: 'refused' });
      // Most registries let nobody delete: that is no failure.
      await deleteImage(open(old), pushed.digest);
    },
  );
});

interface Cache {
  readonly url: string;
  restart(login: Login | undefined): Promise<void>;
  /** All that it wrote to its log. */
  log(): Promise<string>;
}

describe.each<{ name: string; real: boolean; start: (upstream: Upstream) => Promise<Cache> }>([
  { name: 'the sandbox as a cache', real: false, start: sandboxCache },
  { name: 'Distribution as a cache', real: true, start: realCache },
])('$name', ({ real, start }) => {
  test.skipIf(real && program === '')(
    'serves what it has when its login is revoked, "404 MANIFEST_UNKNOWN" for the rest, and all with the new login',
    async () => {
      const upstream = await startSandbox('bearer');
      const [first, second] = ['1', '2'].map((tag) => upstream.putImage('corp/app', tag).digest);
      const cache = await start(upstream);
      const pull = async (reference = ''): Promise<string> => {
        const { state, status } = await listen(
          probeManifest({ base: cache.url, repository: 'corp/app', reference, http }),
        );
        return `${status} ${state}`;
      };
      expect(await pull('1')).toBe('200 served');

      upstream.revoke(old.username);
      expect(await pull('1')).toBe('200 served');
      expect(await pull(first)).toBe('200 served');
      expect(await pull('2')).toBe('404 missing');
      const answer = await fetch(`${cache.url}/v2/corp/app/manifests/2`);
      expect(await answer.json()).toMatchObject({ errors: [{ code: 'MANIFEST_UNKNOWN' }] });
      // By digest the refusal shows through as an error of the cache itself.
      expect(await pull(second)).toBe('500 unknown');
      expect((await fetch(`${cache.url}/v2/corp/app/blobs/${second}`)).status).toBe(500);
      expect(await (await fetch(`${cache.url}/v2/corp/app/tags/list`)).json()).toEqual({
        name: 'corp/app',
        tags: ['1'],
      });
      // The cache takes no login: checked through it, none can be told right or wrong.
      expect(await listen(checkLogin({ registry: cache.url, login: old, http }))).toMatchObject({ state: 'unknown' });

      upstream.setPassword(fresh.username, fresh.password);
      await cache.restart(fresh);
      expect(await pull('2')).toBe('200 served');
      expect(await pull(second)).toBe('200 served');
      said.push(await cache.log(), upstream.requests);
    },
  );

  test.skipIf(real && program === '')(
    'says "404 BLOB_UNKNOWN" of a blob that cannot exist only if its registry said so: not with a refused login, without one, or alone',
    async () => {
      const upstream = await startSandbox('bearer');
      upstream.putImage('corp/app', '1');
      const cache = await start(upstream);
      const ask = async (): Promise<string> => {
        const answer = await fetch(`${cache.url}/v2/corp/app/blobs/${digestOf(String(Math.random()))}`);
        const { errors } = (await answer.json()) as { errors: { code: string }[] };
        return `${answer.status} ${errors[0]?.code}`;
      };
      expect(await ask()).toBe('404 BLOB_UNKNOWN');
      upstream.revoke(old.username);
      expect(await ask()).toBe('500 UNKNOWN');
      await cache.restart(undefined);
      expect(await ask()).not.toMatch(/^404/);
      upstream.setPassword(fresh.username, fresh.password);
      await cache.restart(fresh);
      expect(await ask()).toBe('404 BLOB_UNKNOWN');
      upstream.breakDown(503);
      expect(await ask()).not.toMatch(/^404/);
    },
  );

  test.skipIf(real && program === '')('says 404 for what does not exist upstream', async () => {
    const upstream = await startSandbox('bearer');
    upstream.putImage('corp/app', '1');
    const cache = await start(upstream);
    expect(
      await listen(probeManifest({ base: cache.url, repository: 'corp/app', reference: 'none', http })),
    ).toMatchObject({ state: 'missing' });
  });
});

test.skipIf(program === '')(
  'Distribution 2.8 as a cache gives up at its start when the upstream is down, in one line without the login',
  async () => {
    const start = startDistributionCache(program, { remoteUrl: 'http://127.0.0.1:1', login: old });
    const error: unknown = await start.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    said.push(error);
    expect(error).toMatchObject({
      message: expect.stringMatching(/^docker-registry did not start: panic: .*connection refused$/) as unknown,
    });
  },
);

test.skipIf(program === '')(
  'Distribution 2.8 as a cache cannot log in to an upstream with Basic authentication',
  async () => {
    const upstream = await startSandbox('basic');
    upstream.putImage('corp/app', '1');
    const cache = await realCache(upstream);
    expect(
      await listen(probeManifest({ base: cache.url, repository: 'corp/app', reference: '1', http })),
    ).toMatchObject({ state: 'missing' });
    expect(upstream.requests.some(({ auth }) => auth === 'basic')).toBe(false);
  },
);

test.skipIf(program === '')('a Distribution that is stopped is gone', async () => {
  const registry = await startDistribution(program, { [old.username]: old.password });
  await registry.stop();
  const free = createServer();
  await new Promise<void>((resolve, reject) =>
    free.once('error', reject).listen(Number(new URL(registry.url).port), '127.0.0.1', resolve),
  );
  await new Promise((resolve) => free.close(resolve));
});

async function startSandbox(auth: 'bearer' | 'basic'): Promise<Upstream> {
  const upstream = await startUpstream({
    auth,
    users: { [old.username]: { password: old.password, repositories: ['corp/*'] } },
  });
  undo.push(() => upstream.stop());
  return upstream;
}

async function sandbox(auth: 'bearer' | 'basic'): Promise<Registry> {
  const upstream = await startSandbox(auth);
  return { url: upstream.url, rotate: async ({ username, password }) => upstream.setPassword(username, password) };
}

async function realWithHtpasswd(): Promise<Registry> {
  const registry = await startDistribution(program, { [old.username]: old.password });
  undo.push(() => registry.stop());
  return { url: registry.url, rotate: ({ username, password }) => registry.setUsers({ [username]: password }) };
}

async function sandboxCache(upstream: Upstream): Promise<Cache> {
  const cache = await startPullThrough({ upstream, login: old });
  undo.push(() => cache.stop());
  return {
    url: cache.url,
    restart: async (login) => cache.restart(login),
    log: async () => JSON.stringify(cache.requests),
  };
}

async function realCache(upstream: Upstream): Promise<Cache> {
  const cache = await startDistributionCache(program, { remoteUrl: upstream.url, login: old });
  undo.push(() => cache.stop());
  return cache;
}

/** By the API, as a client without a library would: where the registry wants a token, one is asked for. Returns the digest. */
async function push(url: string): Promise<string> {
  const { manifest, blobs } = tinyImage('pushed\n');
  const basic = `Basic ${Buffer.from(`${old.username}:${old.password}`).toString('base64')}`;
  const answer = await fetch(`${url}/token?scope=repository:corp/app:pull,push`, { headers: { authorization: basic } });
  const authorization = answer.status === 200 ? `Bearer ${((await answer.json()) as { token: string }).token}` : basic;
  for (const blob of blobs) {
    const started = await fetch(`${url}/v2/corp/app/blobs/uploads/`, { method: 'POST', headers: { authorization } });
    const place = new URL(started.headers.get('location') ?? '', url);
    place.searchParams.set('digest', digestOf(blob));
    expect(
      (
        await fetch(place, {
          method: 'PUT',
          headers: { authorization, 'content-type': 'application/octet-stream' },
          body: new Uint8Array(blob),
        })
      ).status,
    ).toBe(201);
  }
  const put = await fetch(`${url}/v2/corp/app/manifests/1`, {
    method: 'PUT',
    headers: { authorization, 'content-type': OCI_MANIFEST },
    body: new Uint8Array(manifest),
  });
  expect(put.status).toBe(201);
  return digestOf(manifest);
}
