import { afterEach, expect, test } from 'vitest';
import { toHttpError } from '../../src/registry/http-error.ts';
import { createHttpClient } from '../../src/registry/http.ts';
import type { HttpClientOptions, HttpRequest } from '../../src/registry/http.ts';
import { createCertificateAuthority } from '../sandbox/kube-api/tls/certificates.ts';
import { leaks } from './leaks.ts';
import { startScripted } from './scripted-server.ts';
import type { Script } from './scripted-server.ts';

const auth = { username: 'ann-the-user', password: 'pass-word-of-ann' };
const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function setUp(script: Script, options: HttpClientOptions = {}, tls?: { certPem: string; keyPem: string }) {
  const server = await startScripted(script, tls);
  const http = createHttpClient(options);
  undo.push(
    () => server.stop(),
    () => http.close(),
  );
  const get = (path: string, more: Partial<HttpRequest> = {}) =>
    http.request({ method: 'GET', url: server.url + path, auth, ...more });
  return { server, http, get };
}

/** The error of a request, which must hold nothing of the login. */
async function errorOf(request: Promise<unknown>): Promise<{ failure: unknown; message: string }> {
  const error: unknown = await request.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  expect(leaks(error, auth)).toEqual([]);
  const { message, failure } = error as Error & { failure: unknown };
  expect(message).not.toContain('\n');
  return { failure, message };
}

test('an answer comes with its status, its headers in lower case and its body', async () => {
  const { get, server } = await setUp(() => ({ status: 404, headers: { 'X-One': ['a', 'b'] }, body: 'grüß' }));
  const answer = await get('/v2/?account=ann');
  expect(answer).toMatchObject({ status: 404, body: 'grüß', headers: { 'x-one': 'a, b' } });
  expect(server.seen[0]?.authorization).toBe(
    `Basic ${Buffer.from('ann-the-user:pass-word-of-ann').toString('base64')}`,
  );
});

test('connections are kept and used again', async () => {
  const { get, server } = await setUp(() => ({ status: 200, body: 'x'.repeat(100_000) }));
  for (let i = 0; i < 20; i++) await get('/');
  // Two, where an answer's end is seen a moment before its connection is free again.
  expect(server.connections()).toBeLessThanOrEqual(2);
});

test('a body longer than the limit is an error, announced or not', async () => {
  const { get } = await setUp(({ url }, response) => {
    if (url === '/announced') return { status: 200, headers: { 'content-length': '5000000000' } };
    response.writeHead(200);
    const push = (): void => void (response.destroyed || response.write('x'.repeat(65_536), push));
    push();
    return undefined;
  });
  expect(await errorOf(get('/announced', { maxBytes: 1000 }))).toMatchObject({ failure: 'too large' });
  expect(await errorOf(get('/endless', { maxBytes: 1000 }))).toMatchObject({
    failure: 'too large',
    message: expect.stringMatching(/: the answer is longer than 1000 bytes$/) as unknown,
  });
  expect(await errorOf(get('/endless', { maxBytes: 70_000 }))).toMatchObject({ failure: 'too large' });
  expect((await errorOf(get('/endless'))).message).toMatch(/: the answer is longer than 1048576 bytes$/);
});

test('the length that a HEAD announces is not a body', async () => {
  const { get } = await setUp(() => ({ status: 200, headers: { 'content-length': '5000000000' } }));
  expect(await get('/', { method: 'HEAD', maxBytes: 10 })).toMatchObject({ status: 200, body: '' });
});

test('a server that never answers, and one that answers byte by byte, end with a time limit', async () => {
  // One limit each, so that a busy machine cannot swap them.
  const never = await setUp(() => undefined, { requestMs: 100 });
  expect(await errorOf(never.get('/'))).toMatchObject({
    failure: 'timeout',
    message: expect.stringContaining('no answer after 0.1 s') as unknown,
  });
  const slow = await setUp(
    (_, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write('x'), 10);
      response.on('close', () => clearInterval(drip));
      return undefined;
    },
    { exchangeMs: 300 },
  );
  expect(await errorOf(slow.get('/'))).toMatchObject({
    failure: 'timeout',
    message: expect.stringContaining('not complete after 0.3 s') as unknown,
  });
});

test('a slow line of headers ends with the time limit too', async () => {
  const { get } = await setUp(
    (_, response) => {
      response.socket?.write('HTTP/1.1 200 OK\r\nX-Slow: ');
      const drip = setInterval(() => response.socket?.write('x'), 10);
      response.socket?.on('close', () => clearInterval(drip));
      return undefined;
    },
    { requestMs: 150 },
  );
  expect(await errorOf(get('/'))).toMatchObject({ failure: 'timeout' });
});

test('headers beyond all measure are an error', async () => {
  const { get } = await setUp(() => ({
    status: 401,
    headers: { 'www-authenticate': `Bearer realm="${'x'.repeat(200_000)}"` },
  }));
  expect(await errorOf(get('/'))).toMatchObject({ failure: 'too large' });
});

test('a redirect within the same origin is followed with the login, three times at most', async () => {
  const { get, server } = await setUp(({ url }) => {
    const left = Number(url.slice(1));
    return left > 0 ? { status: 307, headers: { location: `/${left - 1}` } } : { status: 200, body: 'here' };
  });
  expect(await get('/3')).toMatchObject({ status: 200, body: 'here' });
  expect(new Set(server.seen.map(({ authorization }) => authorization)).size).toBe(1);
  expect(await get('/4')).toMatchObject({ status: 307, redirectedTo: server.url });
  expect(await get('/9')).toMatchObject({ status: 307, redirectedTo: server.url });
  expect(server.seen.slice(8).map(({ url }) => url)).toEqual(['/9', '/8', '/7', '/6']);
});

test('a redirect to another host, port or scheme is reported, and nothing is sent there', async () => {
  const other = await setUp(() => ({ status: 200 }));
  let location = '';
  const { get } = await setUp(() => ({ status: 302, headers: { location } }));
  for (location of [`${other.server.url}/v2/?x=y`, other.server.url.replace('127.0.0.1', 'localhost')]) {
    expect(await get('/')).toMatchObject({ status: 302, redirectedTo: new URL(location).origin });
  }
  for (location of ['http://user:secret@127.0.0.1/', 'javascript:alert(1)', 'file:///etc/passwd', 'http://']) {
    expect(await get('/')).toMatchObject({ status: 302, redirectedTo: 'a malformed URL' });
  }
  expect(other.server.seen).toEqual([]);
});

test('a POST follows no redirect: its body holds the login', async () => {
  const { get, server } = await setUp(() => ({ status: 307, headers: { location: '/elsewhere' } }));
  expect(await get('/', { method: 'POST', body: 'password=x' })).toMatchObject({
    status: 307,
    redirectedTo: server.url,
  });
  expect(server.seen).toHaveLength(1);
});

test('https needs a certificate that is trusted; a CA given is trusted on top', async () => {
  const ca = await createCertificateAuthority('registry');
  const serving = await ca.serving();
  const without = await setUp(() => ({ status: 200 }), {}, serving);
  expect(await errorOf(without.get('/'))).toMatchObject({
    failure: 'tls',
    message: expect.stringContaining('give its CA') as unknown,
  });
  expect(without.server.seen).toEqual([]);
  const with_ = await setUp(() => ({ status: 200 }), { ca: ca.certPem }, serving);
  expect(await with_.get('/')).toMatchObject({ status: 200 });
});

test('https where plain http is spoken is an error of its own', async () => {
  const { server, http } = await setUp(() => ({ status: 200 }));
  expect(await errorOf(http.request({ method: 'GET', url: server.url.replace('http', 'https'), auth }))).toMatchObject({
    failure: 'tls',
    message: expect.stringContaining('does not speak TLS') as unknown,
  });
});

test('a URL with a login, and one that is none, are refused without being shown', async () => {
  const { http } = await setUp(() => ({ status: 200 }));
  for (const url of [
    `http://${auth.username}:${auth.password}@127.0.0.1/`,
    `nonsense ${auth.password}`,
    `ftp://127.0.0.1/${auth.password}`,
    `javascript:${auth.password}`,
  ]) {
    expect(await errorOf(http.request({ method: 'GET', url }))).toMatchObject({ failure: 'invalid' });
  }
});

test('no query is in an error', async () => {
  const { http, server } = await setUp(() => ({ status: 200 }));
  await server.stop();
  const { message } = await errorOf(
    http.request({ method: 'GET', url: `${server.url}/token?password=${auth.password}` }),
  );
  expect(message).toBe(`GET ${server.url}/token: connection refused`);
});

test('a header that would split the request is refused, and not shown', async () => {
  const { get, server } = await setUp(() => ({ status: 200 }));
  expect(await errorOf(get('/', { auth: { bearer: `x\r\nX-Evil: ${auth.password}` } }))).toMatchObject({
    failure: 'invalid',
  });
  expect(await errorOf(get('/', { headers: { 'x-one': `${auth.password}\n` } }))).toMatchObject({ failure: 'invalid' });
  expect(await errorOf(get('/', { headers: { 'x one': '1' } }))).toMatchObject({ failure: 'invalid' });
  expect(server.seen).toEqual([]);
  // In a Basic login the same text is harmless: it is encoded.
  await get('/', { auth: { username: 'ann\r\nX-Evil: 1', password: 'x\n' } });
  expect(server.seen).toHaveLength(1);
});

test('what a broken server sends back is not in the error', async () => {
  const { get } = await setUp(({ authorization, url }, response) => {
    response.socket?.end(
      url === '/cut' ? '' : `HTTP/1.1 200 OK\r\n${authorization} ${auth.password}\r\nbroken \u0001\r\n\r\n`,
    );
    return undefined;
  });
  expect(await errorOf(get('/'))).toMatchObject({ failure: 'protocol' });
  expect(await errorOf(get('/cut'))).toMatchObject({ failure: 'cut' });
});

test('a request ends when its signal aborts, before, while it waits, and while it reads', async () => {
  const abort = new AbortController();
  const { get } = await setUp((_, response) => {
    response.writeHead(200).write('x');
    setTimeout(() => abort.abort(), 20);
    return undefined;
  });
  expect(await errorOf(get('/', { signal: abort.signal }))).toMatchObject({ failure: 'cancelled' });
  expect(await errorOf(get('/', { signal: abort.signal }))).toMatchObject({ failure: 'cancelled' });
});

test('closing the client ends what is under way', async () => {
  const { get, http } = await setUp(() => {
    setTimeout(() => void http.close(), 20);
    return undefined;
  });
  expect(await errorOf(get('/'))).toMatchObject({ failure: 'closed' });
  expect(await errorOf(get('/'))).toMatchObject({ failure: 'closed' });
});

test.each([
  ['ENOTFOUND', 'dns', 'GET x: the host name does not resolve'],
  ['EHOSTUNREACH', 'unreachable', 'GET x: no route to the host'],
  ['UND_ERR_CONNECT_TIMEOUT', 'timeout', 'GET x: no connection within the time limit'],
  ['CERT_HAS_EXPIRED', 'tls', 'GET x: its certificate has expired'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls', 'GET x: its certificate is for another host'],
  ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'tls', 'GET x: TLS failed (ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION)'],
  ['constructor', 'protocol', 'GET x: failed (no code)'],
])('%s means %s', (code, failure, message) => {
  expect(toHttpError(Object.assign(new Error(auth.password), { code }), 'GET x')).toMatchObject({ failure, message });
});
