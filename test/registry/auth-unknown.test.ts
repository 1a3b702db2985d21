import { describe, expect, test } from 'vitest';
import type { LoginCheck } from '../../src/registry/auth.ts';
import { createCertificateAuthority } from '../sandbox/kube-api/tls/certificates.ts';
import { bearerAt, check, client, ok, page, scripted } from './checking.ts';
import type { Say, ScriptedServer } from './scripted-server.ts';

describe('nothing is known, and no login is sent, when', () => {
  const realms: Record<string, string> = {
    'the token server is on another host over plain http': 'http://192.0.2.1/token',
    'the URL of the token server holds a login': 'https://eve:secret@192.0.2.1/token',
    'the URL of the token server is a script': 'javascript:alert(1)',
    'the URL of the token server is a file': 'file:///etc/passwd',
    'the URL of the token server is a path': '/token',
    'the URL of the token server has spaces': 'https://192.0.2.1/ token',
    'the URL of the token server is endless': `https://192.0.2.1/${'x'.repeat(5000)}`,
  };
  const answers: Record<string, Say> = {
    'the answer is a page': page,
    'the answer is a page in disguise': { status: 200, body: '\n<HTML>' },
    'the answer is a 401 without a challenge': { status: 401 },
    'the challenge is malformed': { status: 401, headers: { 'www-authenticate': 'Bearer realm="https://x' } },
    'the challenge is empty': { status: 401, headers: { 'www-authenticate': '' } },
    'the challenge names no token server': { status: 401, headers: { 'www-authenticate': 'Bearer service="x"' } },
    'the challenge is for something else': { status: 401, headers: { 'www-authenticate': 'Negotiate' } },
    'there are a thousand challenges': {
      status: 401,
      headers: { 'www-authenticate': Array.from({ length: 1000 }, (_, i) => `S${i} a="${i}"`) },
    },
    'the challenge is larger than headers may be': {
      status: 401,
      headers: { 'www-authenticate': `Basic realm="${'x'.repeat(100_000)}"` },
    },
    'it is a redirect to another host': { status: 302, headers: { location: 'https://login.corp.example/' } },
    'it is 403 before any login': { status: 403, body: '{}' },
    'there is no registry': { status: 404 },
    'there are too many requests': { status: 429, headers: { 'retry-after': '60' } },
    'the registry is out of order': { status: 503 },
  };
  for (const [name, realm] of Object.entries(realms)) answers[name] = bearerAt(realm);

  test.each(Object.entries(answers))('%s', async (_, say) => {
    const server = await scripted(() => say);
    expect(await check({ registry: server.url, repository: 'corp/app' })).toMatchObject({ state: 'unknown' });
    expect(server.seen.map(({ authorization }) => authorization)).toEqual(server.seen.map(() => undefined));
  });

  test('a registry over https names a token server over plain http', async () => {
    const ca = await createCertificateAuthority('registry');
    const tokens = await scripted(() => ({ status: 200, body: '{"token":"t"}' }));
    const server = await scripted(() => bearerAt(`${tokens.url}/token`), await ca.serving());
    expect(await check({ registry: server.host, http: client({ ca: ca.certPem }) })).toMatchObject({
      state: 'unknown',
      why: expect.stringContaining('plain http') as unknown,
    });
    expect(tokens.seen).toEqual([]);
  });

  test('the connection is refused, or cut', async () => {
    const server = await scripted((_, response) => void response.socket?.destroy());
    expect(await check({ registry: server.url })).toMatchObject({
      state: 'unknown',
      why: expect.stringContaining('cut the connection') as unknown,
    });
    await server.stop();
    expect(await check({ registry: server.url })).toMatchObject({
      state: 'unknown',
      why: expect.stringContaining('connection refused') as unknown,
    });
  });

  test('the registry takes forever, or answers without end', async () => {
    const http = client({ requestMs: 100 });
    const silent = await scripted(() => undefined);
    expect(await check({ registry: silent.url, http })).toMatchObject({
      state: 'unknown',
      why: expect.stringContaining('no answer after') as unknown,
    });
    const huge = await scripted(() => ({
      status: 401,
      headers: { 'www-authenticate': 'Basic realm="x"' },
      body: 'x'.repeat(2_000_000),
    }));
    expect(await check({ registry: huge.url })).toMatchObject({
      state: 'unknown',
      why: expect.stringContaining('longer than') as unknown,
    });
  });

  test.each<[string, LoginCheck['login'] | undefined, string, string | undefined]>([
    ['the user name holds a colon', { username: 'ann:the', password: 'user-password' }, '', undefined],
    ['the login is empty', { username: '', password: '' }, '', undefined],
    ['the repository is a path out of the API', undefined, '', '../../admin'],
    ['the registry is a pattern', undefined, '*.corp.example', undefined],
    ['the registry is nonsense', undefined, 'http://', undefined],
  ])('%s', async (_, login, registry, repository) => {
    const server = await scripted(() => ok);
    expect(
      await check({
        registry: registry === '' ? server.url : registry,
        repository,
        ...(login === undefined ? {} : { login }),
      }),
    ).toMatchObject({ state: 'unknown' });
    expect(server.seen).toEqual([]);
  });
});

describe('nothing is known when, to the login,', () => {
  const answers: Record<string, Say> = {
    'a page comes back': page,
    'a firewall answers with its page': { ...page, status: 403 },
    'too many requests were made': { status: 429 },
    'the server is out of order': { status: 500 },
    'a redirect comes back': { status: 307, headers: { location: 'https://login.corp.example/' } },
    'an odd answer comes back': { status: 418 },
    'a request is malformed': { status: 400, body: '{"error":"invalid_request"}' },
  };

  test.each(Object.entries(answers))('%s from the token server', async (_, say) => {
    const server: ScriptedServer = await scripted(({ url }) =>
      url.startsWith('/token') ? say : bearerAt(`${server.url}/token`),
    );
    expect(await check({ registry: server.url })).toMatchObject({ state: 'unknown' });
    expect(server.seen).toHaveLength(2);
  });

  test.each([
    '{}',
    '[]',
    'null',
    '{"token":""}',
    '{"token":7}',
    '{"token":"a b"}',
    '{"token":"a\\r\\nX-Evil: 1"}',
    `{"token":"${'x'.repeat(30_000)}"}`,
    'x'.repeat(300_000),
  ])('the token server answers %.40j', async (body) => {
    const server: ScriptedServer = await scripted(({ url }) =>
      url.startsWith('/token') ? { status: 200, body } : bearerAt(`${server.url}/token`),
    );
    expect(await check({ registry: server.url })).toMatchObject({ state: 'unknown' });
    expect(server.seen).toHaveLength(2);
  });

  test.each(Object.entries({ ...answers, 'there is no API any more': { status: 404 } }))(
    '%s from a registry with Basic authentication',
    async (_, say) => {
      const server = await scripted(({ authorization }) =>
        authorization === undefined ? { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } } : say,
      );
      expect(await check({ registry: server.url })).toMatchObject({ state: 'unknown' });
      expect(server.seen).toHaveLength(2);
    },
  );

  test('the registry is out of order once the token is there, or its token server is when asked without a login', async () => {
    const broken: ScriptedServer = await scripted(({ url, authorization }) =>
      url.startsWith('/token')
        ? { status: 200, body: '{"token":"t"}' }
        : authorization === undefined
          ? bearerAt(`${broken.url}/token`)
          : { status: 502 },
    );
    expect(await check({ registry: broken.url })).toMatchObject({ state: 'unknown' });
    const half: ScriptedServer = await scripted(({ url, authorization }) => {
      if (!url.startsWith('/token')) return authorization === undefined ? bearerAt(`${half.url}/token`) : ok;
      return authorization === undefined ? { status: 503 } : { status: 200, body: '{"token":"t"}' };
    });
    expect(await check({ registry: half.url })).toMatchObject({ state: 'unknown' });
  });
});

test('a server that throws the login back in every way it can gets none of it into the verdict', async () => {
  const login = { username: 'eve-the-user', password: 'c0nspicuous"pass\\word' };
  const echo = (authorization: string): string =>
    `${Buffer.from(authorization.replace(/^Basic /, ''), 'base64').toString()} ${authorization}`;
  const ways: ((authorization: string) => Say)[] = [
    (text) => ({
      status: 401,
      headers: { 'www-authenticate': `Bearer realm="https://${encodeURIComponent(text)}"` },
      body: text,
    }),
    (text) => ({
      status: 307,
      headers: { location: `https://${text.replace(/\W/g, '')}.evil.example/${encodeURIComponent(text)}` },
    }),
    (text) => ({ status: 500, body: JSON.stringify({ errors: [{ code: text, message: text }], error: text }) }),
    (text) => ({
      status: 200,
      headers: { 'content-type': 'text/html', 'x-echo': encodeURIComponent(text) },
      body: `<html>${text}`,
    }),
    (text) => ({
      status: 403,
      headers: { 'content-type': 'application/json', 'docker-content-digest': encodeURIComponent(text) },
      body: JSON.stringify({ errors: [{ code: 'DENIED', message: text }] }),
    }),
  ];
  for (const way of ways) {
    for (const scheme of ['Basic realm="x"', 'Bearer']) {
      const server: ScriptedServer = await scripted(({ url, authorization }) => {
        if (authorization === undefined && !url.startsWith('/token'))
          return {
            status: 401,
            headers: { 'www-authenticate': scheme === 'Bearer' ? `Bearer realm="${server.url}/token"` : scheme },
          };
        return way(echo(authorization ?? ''));
      });
      const verdict = await check({ registry: server.url, login });
      expect(verdict.why).not.toContain('evil.example');
    }
  }
});
