import { describe, expect, test } from 'vitest';
import type { HttpClient, HttpRequest, HttpResponse } from '../../src/registry/http.ts';
import { createCertificateAuthority } from '../sandbox/kube-api/tls/certificates.ts';
import { bearerAt, check, client, ok, right, scripted, upstream, wrong } from './checking.ts';
import { leaks } from './leaks.ts';
import type { ScriptedServer } from './scripted-server.ts';

describe('a registry with a token server', () => {
  test('takes the right login', async () => {
    const server = await upstream();
    expect(await check({ registry: server.url })).toEqual({
      state: 'accepted',
      why: `${server.host}: takes the login`,
      realm: `${server.url}/token`,
      tokenSeconds: 60,
    });
  });

  test.each([
    ['as it says', 900, 900],
    ['a minute where it says less, or nothing that is a number', 5, 60],
    ['a minute where it says less, or nothing that is a number', 'soon', 60],
    ['a minute where it says nothing', undefined, 60],
  ])('tells how long its tokens live: %s', async (_, expires, seconds) => {
    const server = await scripted(({ url, authorization }) => {
      if (url.startsWith('/token'))
        return authorization === undefined
          ? { status: 401 }
          : { status: 200, body: JSON.stringify({ token: 't', expires_in: expires }) };
      return authorization === undefined ? bearerAt(`${server.url}/token`) : ok;
    });
    expect(await check({ registry: server.url })).toMatchObject({ state: 'accepted', tokenSeconds: seconds });
  });

  test('tells no lifetime where it gives no token', async () => {
    expect(await check({ registry: (await upstream()).url, login: wrong })).not.toHaveProperty('tokenSeconds');
  });

  test('refuses a wrong password, after one attempt', async () => {
    const server = await upstream({ lockAfter: 2 });
    expect(await check({ registry: server.url, repository: 'corp/app', login: wrong })).toMatchObject({
      state: 'refused',
      why: expect.stringContaining('answers 401 UNAUTHORIZED') as unknown,
    });
    expect(server.failedLogins(right.username)).toBe(1);
    expect(await check({ registry: server.url })).toMatchObject({ state: 'accepted' });
  });

  test('refuses a revoked login, and takes the new one', async () => {
    const server = await upstream();
    server.revoke(right.username);
    expect(await check({ registry: server.url })).toMatchObject({ state: 'refused' });
    server.setPassword(right.username, 'the-next-password');
    expect(await check({ registry: server.url, login: { ...right, password: 'the-next-password' } })).toMatchObject({
      state: 'accepted',
    });
  });

  test('refuses a right login for a repository that is not its own', async () => {
    const server = await upstream();
    expect(await check({ registry: server.url, repository: 'corp/app' })).toMatchObject({ state: 'accepted' });
    expect(await check({ registry: server.url, repository: 'other/app' })).toMatchObject({
      state: 'refused',
      why: expect.stringContaining('may not pull from other/app') as unknown,
    });
  });

  test('says of a repository that does not exist only what it knows: the login is taken', async () => {
    const server = await upstream();
    expect(await check({ registry: server.url, repository: 'corp/none' })).toMatchObject({ state: 'accepted' });
  });

  test('that gives tokens to anybody as well takes the login when the token names its user', async () => {
    const server = await upstream({ openToAll: ['library/*'] });
    expect(await check({ registry: server.url })).toMatchObject({ state: 'accepted' });
    expect(await check({ registry: server.url, login: wrong })).toMatchObject({ state: 'refused' });
  });

  test('over https, with a CA of its own', async () => {
    const ca = await createCertificateAuthority('registry');
    const server = await upstream({ tls: await ca.serving() });
    expect(await check({ registry: server.host, http: client({ ca: ca.certPem }) })).toMatchObject({
      state: 'accepted',
    });
    expect(await check({ registry: server.host })).toMatchObject({
      state: 'unknown',
      why: expect.stringContaining('certificate is not trusted') as unknown,
    });
  });

  test('costs five requests at most, and none of its log holds a login', async () => {
    const server = await upstream({ openToAll: ['library/*'] });
    await check({ registry: server.url, repository: 'corp/app' });
    expect(server.requests.length).toBeLessThanOrEqual(5);
    expect(leaks(server.requests, right)).toEqual([]);
  });
});

describe('a registry with Basic authentication', () => {
  test('takes the right login, and refuses a wrong one after one attempt', async () => {
    const server = await upstream({ auth: 'basic' });
    expect(await check({ registry: server.url, repository: 'corp/app' })).toEqual({
      state: 'accepted',
      why: `${server.host}: takes the login`,
      tokenSeconds: 0,
    });
    expect(await check({ registry: server.url, repository: 'corp/app', login: wrong })).toEqual({
      state: 'refused',
      why: `${server.host}: the login is refused`,
      tokenSeconds: 0,
    });
    // One of them is the first, anonymous request, which counts for nobody.
    expect(server.failedLogins(right.username)).toBe(1);
  });

  test('refuses a right login for a repository that is not its own', async () => {
    const server = await upstream({ auth: 'basic' });
    expect(await check({ registry: server.url, repository: 'other/app' })).toMatchObject({
      state: 'refused',
      why: expect.stringContaining('may not pull from other/app') as unknown,
    });
  });

  test('takes UTF-8 and line breaks in a login as they are', async () => {
    const login = { username: 'änn\r\nX-Evil=1', password: 'pässwörd: \u0000\n"' };
    const server = await upstream({
      auth: 'basic',
      users: { [login.username]: { password: login.password, repositories: ['*'] } },
    });
    expect(await check({ registry: server.url, login })).toMatchObject({ state: 'accepted' });
  });
});

test('a registry that asks for no login says nothing about one', async () => {
  const server = await upstream({ auth: 'anonymous' });
  expect(await check({ registry: server.url, repository: 'corp/app', login: wrong })).toMatchObject({
    state: 'unknown',
    why: expect.stringContaining('takes anybody') as unknown,
  });
});

test('a registry that is open at the front door is asked at the repository', async () => {
  const server: ScriptedServer = await scripted(({ url, authorization }) => {
    if (url === '/v2/') return ok;
    if (url.startsWith('/token'))
      return { status: 200, body: `{"token":"t-${authorization === undefined ? 'any' : 'ann'}"}` };
    return authorization === 'Bearer t-ann' ? ok : bearerAt(`${server.url}/token`);
  });
  expect(await check({ registry: server.url })).toMatchObject({ state: 'unknown' });
  expect(await check({ registry: server.url, repository: 'corp/app' })).toMatchObject({ state: 'accepted' });
});

test('a token server that gives tokens for any password proves nothing', async () => {
  const server: ScriptedServer = await scripted(({ url, authorization }) => {
    if (url.startsWith('/token')) return { status: 200, body: '{"access_token":"the-same-for-all"}' };
    return authorization === undefined ? bearerAt(`${server.url}/token`) : ok;
  });
  expect(await check({ registry: server.url })).toMatchObject({
    state: 'unknown',
    why: expect.stringContaining('so that the login proves nothing') as unknown,
  });
});

test('a token that names nobody proves nothing, whatever the one for anybody says', async () => {
  const guest = ['{"alg":"x"}', '{"sub":"guest"}', 'x']
    .map((part) => Buffer.from(part).toString('base64url'))
    .join('.');
  const server: ScriptedServer = await scripted(({ url, authorization }) => {
    if (url.startsWith('/token'))
      return { status: 200, body: JSON.stringify({ token: authorization === undefined ? guest : 'opaque' }) };
    return authorization === undefined ? bearerAt(`${server.url}/token`) : ok;
  });
  expect(await check({ registry: server.url })).toMatchObject({ state: 'unknown' });
});

test('a token that the registry does not take is a refusal', async () => {
  const server: ScriptedServer = await scripted(({ url }) =>
    url.startsWith('/token') ? { status: 200, body: '{"token":"t"}' } : bearerAt(`${server.url}/token`),
  );
  expect(await check({ registry: server.url })).toMatchObject({ state: 'refused' });
});

test('a token server that knows no GET is asked by POST, with one attempt at the password', async () => {
  const server: ScriptedServer = await scripted(({ method, url, authorization, body }) => {
    if (url.startsWith('/token'))
      return method === 'GET'
        ? { status: 405 }
        : new URLSearchParams(body).get('password') === right.password
          ? { status: 200, body: '{"access_token":"t"}' }
          : { status: 400, body: '{"error":"invalid_grant"}' };
    return authorization === undefined ? bearerAt(`${server.url}/token`) : ok;
  });
  expect(await check({ registry: server.url, login: wrong })).toMatchObject({ state: 'refused' });
  expect(server.seen.filter(({ method }) => method === 'POST')).toHaveLength(1);
  // A GET is the only way to get a token without a login: nobody does here.
  expect(await check({ registry: server.url })).toMatchObject({ state: 'accepted' });
});

test('Docker Hub is asked at its API host, and its token server on another host is trusted', async () => {
  const jwt = (sub: string): string =>
    ['{"alg":"x"}', JSON.stringify({ sub })].map((part) => Buffer.from(part).toString('base64url')).join('.') + '.x';
  for (const opaque of [false, true]) {
    const asked: HttpRequest[] = [];
    const hub: HttpClient = {
      async request(request): Promise<HttpResponse> {
        asked.push(request);
        const login = request.auth !== undefined && 'password' in request.auth;
        if (request.url.startsWith('https://auth.docker.io/token?'))
          return { status: 200, headers: {}, body: JSON.stringify({ token: opaque ? 'x' : jwt(login ? 'f00' : '') }) };
        if (request.auth !== undefined) return { status: 200, headers: {}, body: '{}' };
        return {
          status: 401,
          headers: { 'www-authenticate': 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"' },
          body: '',
        };
      },
      close: async () => undefined,
    };
    expect(await check({ registry: 'https://index.docker.io/v1/', http: hub })).toMatchObject({
      state: opaque ? 'unknown' : 'accepted',
      realm: 'https://auth.docker.io/token',
    });
    expect(asked[0]?.url).toBe('https://registry-1.docker.io/v2/');
    expect(asked[1]?.url).toBe('https://auth.docker.io/token?service=registry.docker.io&account=ann-the-user');
  }
});

test('a Bearer challenge that is of no use leaves Basic', async () => {
  const server = await scripted(({ authorization }) =>
    authorization === undefined
      ? { status: 401, headers: { 'www-authenticate': ['Bearer realm="javascript:x"', 'Basic realm="x"'] } }
      : ok,
  );
  expect(await check({ registry: server.url })).toMatchObject({ state: 'accepted' });
});

test('a refused Bearer login is not tried again by Basic', async () => {
  const server: ScriptedServer = await scripted(({ url }) =>
    url.startsWith('/token')
      ? { status: 403, body: '{}' }
      : { status: 401, headers: { 'www-authenticate': [`Basic realm="x"`, `Bearer realm="${server.url}/token"`] } },
  );
  expect(await check({ registry: server.url })).toMatchObject({ state: 'refused' });
  expect(server.seen.filter(({ authorization }) => authorization !== undefined)).toHaveLength(1);
});

test('a check that is called off rejects with the reason: that is no verdict', async () => {
  const abort = new AbortController();
  const server = await scripted(() => void abort.abort(new Error('shutting down')));
  await expect(check({ registry: server.url, signal: abort.signal })).rejects.toThrow('shutting down');
  await expect(check({ registry: server.url, signal: abort.signal })).rejects.toThrow('shutting down');
  expect(server.seen).toHaveLength(1);
});
