import { afterEach, expect, test } from 'vitest';
import { createHttpClient } from '../../src/registry/http.ts';
import { probeManifest } from '../../src/registry/probe.ts';
import type { ManifestProbe, ProbeResult } from '../../src/registry/probe.ts';
import { startPullThrough } from '../sandbox/registry/pull-through.ts';
import { startUpstream } from '../sandbox/registry/upstream.ts';
import type { UpstreamOptions } from '../sandbox/registry/upstream.ts';
import { leaks } from './leaks.ts';
import { startScripted } from './scripted-server.ts';
import type { Say, Script } from './scripted-server.ts';

const login = { username: 'ann-the-user', password: 'pass-word-of-ann' };
const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function probe(options: Partial<ManifestProbe> & { base: string }): Promise<ProbeResult> {
  const http = createHttpClient({ requestMs: 20_000 });
  undo.push(() => http.close());
  const result = await probeManifest({ repository: 'corp/app', reference: '1', http, ...options });
  expect(leaks(result, login)).toEqual([]);
  expect(result.why).not.toMatch(/[\n\r]/);
  return result;
}

async function upstream(options: UpstreamOptions = {}) {
  const server = await startUpstream({
    users: { [login.username]: { password: login.password, repositories: ['corp/*'] } },
    ...options,
  });
  undo.push(() => server.stop());
  return { server, digest: server.putImage('corp/app', '1').digest };
}

async function scripted(script: Script) {
  const server = await startScripted(script);
  undo.push(() => server.stop());
  return server;
}

test.each(['bearer', 'basic'] as const)(
  'a private image is served with a login and refused without one (%s)',
  async (auth) => {
    const { server, digest } = await upstream({ auth });
    expect(await probe({ base: server.url, login })).toEqual({
      state: 'served',
      status: 200,
      digest,
      why: `${server.host}/corp/app:1 is served`,
    });
    expect(await probe({ base: server.url, login, reference: digest })).toMatchObject({ state: 'served', digest });
    expect(await probe({ base: server.url })).toMatchObject({ state: 'refused', status: 401 });
    expect(await probe({ base: server.url, login, repository: 'other/app' })).toMatchObject({ state: 'refused' });
    expect(await probe({ base: server.url, login, reference: 'none' })).toMatchObject({
      state: 'missing',
      status: 404,
      why: `${server.host}/corp/app:none: answered with 404 MANIFEST_UNKNOWN`,
    });
    expect(await probe({ base: server.url, login: { ...login, password: 'not-the-password' } })).toMatchObject({
      state: 'refused',
    });
    expect(server.failedLogins(login.username)).toBe(1);
  },
);

test('a public image is served with a token for anybody', async () => {
  const { server } = await upstream({ openToAll: ['library/*'] });
  server.putImage('library/nginx', 'latest');
  expect(await probe({ base: server.url, repository: 'library/nginx', reference: 'latest' })).toMatchObject({
    state: 'served',
  });
  expect(await probe({ base: server.url })).toMatchObject({ state: 'refused' });
});

test('through a cache whose login was revoked: cached is served, not cached is missing', async () => {
  const { server, digest } = await upstream();
  server.putImage('corp/app', '2');
  const cache = await startPullThrough({ upstream: server, login });
  undo.push(() => cache.stop());
  expect(await probe({ base: cache.url })).toMatchObject({ state: 'served', digest });
  server.revoke(login.username);
  expect(await probe({ base: cache.url })).toMatchObject({ state: 'served', digest });
  expect(await probe({ base: cache.url, reference: '2' })).toMatchObject({
    state: 'missing',
    why: expect.stringContaining('MANIFEST_UNKNOWN') as unknown,
  });
  server.setPassword(login.username, 'the-next-password');
  cache.restart({ ...login, password: 'the-next-password' });
  expect(await probe({ base: cache.url, reference: '2' })).toMatchObject({ state: 'served' });
});

test('a proxy that knows no HEAD is asked by GET, with the login where it wants one', async () => {
  const server = await scripted(({ method, authorization }) => {
    if (method === 'HEAD') return { status: 405 };
    return authorization === undefined
      ? { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } }
      : { status: 200, body: '{}' };
  });
  expect(await probe({ base: server.url, login })).toMatchObject({ state: 'served' });
});

test('the path of the base comes first, and every kind of manifest is asked for', async () => {
  let accept: string | undefined;
  const server = await scripted((_, __, request) => {
    accept = request.headers.accept;
    return { status: 200 };
  });
  expect(await probe({ base: `${server.url}/proxy/`, repository: 'dockerhub/corp/app' })).toMatchObject({
    state: 'served',
  });
  expect(server.seen[0]).toMatchObject({ method: 'HEAD', url: '/proxy/v2/dockerhub/corp/app/manifests/1' });
  for (const type of [
    'oci.image.index.v1',
    'oci.image.manifest.v1',
    'docker.distribution.manifest.list.v2',
    'docker.distribution.manifest.v2',
  ])
    expect(accept).toContain(type);
});

test.each<[string, Say]>([
  ['a page', { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' }],
  ['a 404 page', { status: 404, headers: { 'content-type': 'text/html' }, body: '<html>default backend' }],
  ['a 403 page', { status: 403, headers: { 'content-type': 'text/html' }, body: '<html>blocked' }],
  ['an error of the server', { status: 500 }],
  ['too many requests', { status: 429 }],
  ['a redirect to another host', { status: 307, headers: { location: 'https://elsewhere.example/' } }],
  ['a challenge without a way in', { status: 401 }],
  [
    'a token server elsewhere over plain http',
    { status: 401, headers: { 'www-authenticate': 'Bearer realm="http://192.0.2.1/token"' } },
  ],
])('%s says nothing about the image', async (_, say) => {
  const server = await scripted(() => say);
  expect(await probe({ base: server.url, login })).toMatchObject({ state: 'unknown', status: say.status });
  expect(server.seen.every(({ authorization }) => authorization === undefined)).toBe(true);
});

test('a digest that is none is left out', async () => {
  const server = await scripted(() => ({ status: 200, headers: { 'docker-content-digest': 'sha256:evil' } }));
  expect(await probe({ base: server.url })).toEqual({
    state: 'served',
    status: 200,
    why: `${server.host}/corp/app:1 is served`,
  });
});

test("a 404 without an error code is told apart from a registry's", async () => {
  const server = await scripted(() => ({ status: 404 }));
  expect(await probe({ base: server.url })).toMatchObject({
    state: 'missing',
    why: expect.stringContaining("without a registry's error code") as unknown,
  });
});

test('nothing is sent for an image, base or login that is malformed', async () => {
  const server = await scripted(() => ({ status: 200 }));
  for (const odd of [
    { repository: '../../admin' },
    { reference: 'a/b' },
    { repository: 'Corp/App' },
    { login: { username: 'a:b', password: 'c' } },
  ]) {
    expect(await probe({ base: server.url, ...odd })).toMatchObject({ state: 'unknown' });
  }
  for (const base of ['*.corp', 'http://me:secret@127.0.0.1', ''])
    expect(await probe({ base })).toMatchObject({ state: 'unknown' });
  expect(server.seen).toEqual([]);
});

test('no answer is unknown; a probe that is called off rejects', async () => {
  const server = await scripted(() => undefined);
  await expect(probe({ base: server.url, signal: AbortSignal.timeout(50) })).rejects.toThrow('aborted due to timeout');
  await server.stop();
  expect(await probe({ base: server.url })).toEqual({
    state: 'unknown',
    why: `HEAD ${server.url}/v2/corp/app/manifests/1: connection refused`,
  });
});
