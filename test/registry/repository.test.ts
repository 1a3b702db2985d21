/** Requests to one repository: how it logs in, how often, and to whom it never does. */
import { expect, test } from 'vitest';
import { openRepository } from '../../src/registry/repository.ts';
import type { Repository, RepositoryAccess } from '../../src/registry/repository.ts';
import { bearerAt, client, ok, right, scripted, upstream, wrong } from './checking.ts';
import { leaks } from './leaks.ts';

const openAt = (access: Partial<RepositoryAccess> & { base: string }): Repository => {
  const opened = openRepository({ repository: 'corp/app', http: client(), ...access });
  if ('why' in opened) throw new Error(opened.why);
  return opened;
};
const manifest = { method: 'GET', path: 'manifests/1' } as const;

test.each(['bearer', 'basic'] as const)('logs in once, and goes on with that (%s)', async (auth) => {
  const server = await upstream({ auth });
  const repository = openAt({ base: server.url, login: right });
  for (let i = 0; i < 3; i++) expect(await repository.send(manifest)).toMatchObject({ status: 200 });
  expect(server.requests.map(({ path, auth: with_, status }) => `${path} ${with_} ${status}`)).toEqual([
    '/v2/corp/app/manifests/1 none 401',
    ...(auth === 'bearer' ? ['/token basic 200'] : []),
    ...Array.from({ length: 3 }, () => `/v2/corp/app/manifests/1 ${auth} 200`),
  ]);
});

test('a token that has ended is replaced', async () => {
  let now = Date.now();
  const server = await upstream({ tokenSeconds: 60, now: () => now });
  const repository = openAt({ base: server.url, login: right });
  await repository.send(manifest);
  now += 61_000;
  expect(await repository.send(manifest)).toMatchObject({ status: 200 });
  expect(server.requests.filter(({ path }) => path === '/token')).toHaveLength(2);
});

test('a refused login is one try a request, and is said without it', async () => {
  const server = await upstream();
  const answer = await openAt({ base: server.url, login: wrong }).send(manifest);
  expect(answer).toMatchObject({ state: 'refused', status: 401 });
  expect(leaks(answer, wrong)).toEqual([]);
  expect(server.failedLogins(wrong.username)).toBe(1);
});

test('the right to push, and to delete, is asked for only where it is needed', async () => {
  const scopes: (string | null)[] = [];
  const server = await scripted(({ url, authorization }) => {
    if (!url.startsWith('/token')) return authorization === undefined ? bearerAt(`${server.url}/token`) : ok;
    scopes.push(new URL(url, server.url).searchParams.get('scope'));
    return { status: 200, body: '{"token":"t"}' };
  });
  await openAt({ base: server.url, login: right }).send(manifest);
  await openAt({ base: server.url, login: right }).send({ ...manifest, method: 'DELETE' });
  await openAt({ base: server.url, login: right, push: true }).send({ method: 'POST', path: 'blobs/uploads/' });
  await openAt({ base: server.url, login: right, push: true }).send({ ...manifest, method: 'DELETE' });
  expect(scopes).toEqual([
    'repository:corp/app:pull',
    'repository:corp/app:pull',
    'repository:corp/app:pull,push',
    'repository:corp/app:pull,push,delete',
  ]);
});

test('the path of the base stays, also when it enters', async () => {
  const server = await scripted(() => ok);
  const repository = openAt({ base: `${server.url}/proxy/` });
  await repository.send(manifest);
  await repository.enter();
  expect(server.seen.map(({ url }) => url)).toEqual(['/proxy/v2/corp/app/manifests/1', '/proxy/v2/']);
});

test('nothing, and no login, is sent to another host', async () => {
  const server = await scripted(() => ok);
  const elsewhere = await scripted(() => ok);
  const repository = openAt({ base: server.url, login: right });
  expect(await repository.send({ method: 'PUT', path: new URL(`${elsewhere.url}/upload`), body: 'x' })).toMatchObject({
    state: 'unknown',
  });
  expect(await repository.send({ method: 'PUT', path: new URL(`${server.url}/upload`), body: 'x' })).toMatchObject({
    status: 200,
  });
  expect(elsewhere.seen).toEqual([]);
});

test('what is malformed is not opened', () => {
  const http = client();
  for (const odd of [
    { repository: '../admin' },
    { repository: 'Corp/App' },
    { base: 'http://me:secret@127.0.0.1' },
    { base: '*.corp' },
    { login: { username: 'a:b', password: 'c' } },
  ]) {
    const opened = openRepository({ base: 'http://127.0.0.1:1', repository: 'corp/app', http, ...odd });
    expect(opened).toMatchObject({ state: 'unknown' });
    expect(JSON.stringify(opened)).not.toMatch(/secret|a:b/);
  }
});

test('no answer is unknown, and what is called off rejects', async () => {
  const server = await scripted(() => undefined);
  await expect(openAt({ base: server.url, signal: AbortSignal.timeout(50) }).enter()).rejects.toThrow('timeout');
  await server.stop();
  expect(await openAt({ base: server.url }).enter()).toEqual({
    state: 'unknown',
    why: `GET ${server.url}/v2/: connection refused`,
  });
});
