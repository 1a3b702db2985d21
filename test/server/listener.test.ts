/** The server over real sockets on the loopback. */
import { once } from 'node:events';
import { Agent, request as send } from 'node:http';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { parseAddress, startServer } from '../../src/server/listener.ts';
import type { RunningServer, ServerOptions } from '../../src/server/listener.ts';

const running: RunningServer[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
});

async function start(options: Partial<ServerOptions> = {}) {
  const server = await startServer({
    address: '127.0.0.1:0',
    livez: () => [],
    readyz: () => [],
    ...options,
  });
  running.push(server);
  return { server, url: server.url ?? '' };
}

/** `body`: unpacked; `size`: as it came. */
async function get(
  url: string,
  options: RequestOptions = {},
): Promise<{ status: number | undefined; body: string; size: number; headers: IncomingMessage['headers'] }> {
  const request = send(url, { agent: false, ...options }).end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const raw = await buffer(response);
  const body = response.headers['content-encoding'] === 'gzip' && raw.length > 0 ? gunzipSync(raw) : raw;
  return { status: response.statusCode, body: body.toString(), size: raw.length, headers: response.headers };
}

describe('probes', () => {
  test('answer 200 ok, or 503 with a problem a line', async () => {
    let problems: string[] = [];
    const { url } = await start({ livez: () => problems, readyz: () => ['not synced: secrets', 'a\n b'] });
    expect(await get(`${url}/livez`)).toMatchObject({ status: 200, body: 'ok\n' });
    problems = ['the watch of secrets is silent'];
    expect(await get(`${url}/livez`)).toMatchObject({ status: 503, body: 'the watch of secrets is silent\n' });
    expect(await get(`${url}/readyz?verbose`)).toMatchObject({ status: 503, body: 'not synced: secrets\na b\n' });
  });

  test('a HEAD gets the same status and length without a body', async () => {
    const { url } = await start({ readyz: () => ['no'] });
    const answer = await get(`${url}/readyz`, { method: 'HEAD' });
    expect([answer.status, answer.headers['content-length'], answer.body]).toEqual([503, '3', '']);
  });
});

describe('pages', () => {
  test('come with their content type; a failure to make one is a 500 of one line', async () => {
    let broken = false;
    const { url } = await start({
      pages: {
        '/metrics': async () => {
          if (broken) throw new Error('no metrics');
          return { contentType: 'text/plain; version=0.0.4', body: 'a{b="é"} 1\n' };
        },
      },
    });
    for (const accept of ['text/plain', 'application/openmetrics-text']) {
      const { headers, ...answer } = await get(`${url}/metrics`, { headers: { accept } });
      expect(answer).toMatchObject({ status: 200, body: 'a{b="é"} 1\n' });
      expect([headers['content-type'], headers.vary]).toEqual(['text/plain; version=0.0.4', undefined]);
    }
    broken = true;
    expect(await get(`${url}/metrics`)).toMatchObject({ status: 500, body: 'no metrics\n' });
  });

  test('others can be added', async () => {
    const { url } = await start({ pages: { '/report': async () => ({ contentType: 'text/html', body: '<h1>' }) } });
    expect(await get(`${url}/report`)).toMatchObject({
      status: 200,
      body: '<h1>',
      headers: { 'content-type': 'text/html' },
    });
  });

  test('see who asks, and bring headers of their own', async () => {
    const { url } = await start({
      pages: {
        '/report': ({ authorization }) => ({
          status: 401,
          contentType: 'text/plain',
          body: `${authorization}`,
          headers: { 'www-authenticate': 'Bearer', 'x-frame-options': 'DENY' },
        }),
      },
    });
    expect(await get(`${url}/report`, { headers: { authorization: 'Bearer x' } })).toMatchObject({
      status: 401,
      body: 'Bearer x',
      headers: {
        'www-authenticate': 'Bearer',
        'x-frame-options': 'DENY',
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
      },
    });
  });

  test('one that was not made because the client went away is told so', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { url } = await start({
      pages: { '/report': ({ signal }) => new Promise(() => signal.addEventListener('abort', () => resolve())) },
    });
    const request = send(`${url}/report`, { agent: false }).end();
    request.on('error', () => undefined);
    setTimeout(() => request.destroy(), 50);
    await promise;
  });

  describe('a large one', () => {
    const body = `<ul>${'<li>é</li>'.repeat(100_000)}</ul>`;
    const page = { '/report': () => ({ contentType: 'text/html', body }) };
    test('is compressed for those who take that', async () => {
      const { url } = await start({ pages: page });
      for (const encoding of ['gzip', 'br, GZIP;q=0.5, *;q=0', 'deflate, gzip; q=1.0']) {
        const answer = await get(`${url}/report`, { headers: { 'accept-encoding': encoding } });
        expect(answer).toMatchObject({
          status: 200,
          body,
          headers: { 'content-encoding': 'gzip', 'content-length': String(answer.size), vary: 'accept-encoding' },
        });
        expect(answer.size).toBeLessThan(body.length / 20);
      }
    });
    test('is sent as it is to all others, who learn that it depends on that', async () => {
      const { url } = await start({ pages: page });
      for (const headers of [
        {},
        { 'accept-encoding': 'gzip;q=0' },
        { 'accept-encoding': 'gzip; q=0.000, br' },
        { 'accept-encoding': 'identity' },
        { 'accept-encoding': 'xgzip' },
      ]) {
        const answer = await get(`${url}/report`, { headers });
        expect(answer).toMatchObject({
          status: 200,
          body,
          size: Buffer.byteLength(body),
          headers: { vary: 'accept-encoding' },
        });
        expect(answer.headers['content-encoding']).toBeUndefined();
      }
    });
    test('has the same headers for a HEAD', async () => {
      const { url } = await start({ pages: page });
      for (const headers of [{}, { 'accept-encoding': 'gzip' }]) {
        const {
          headers: { date: _, ...whole },
        } = await get(`${url}/report`, { headers });
        const head = await get(`${url}/report`, { headers, method: 'HEAD' });
        expect([head.size, head.headers]).toEqual([0, expect.objectContaining(whole)]);
      }
    });
    test('that changed is compressed anew', async () => {
      let n = 0;
      const { url } = await start({
        pages: {
          '/report': () => ({ contentType: 'text/html', body: body + ++n }),
        },
      });
      for (const end of ['1', '2'])
        expect(await get(`${url}/report`, { headers: { 'accept-encoding': 'gzip' } })).toMatchObject({
          body: body + end,
          headers: { vary: 'accept-encoding' },
        });
    });
  });

  test('anything else is a 404, and any other method a 405 that says which are allowed', async () => {
    const { url } = await start();
    for (const path of ['/', '/livez/', '/metrics/x', '//livez', '/constructor'])
      expect(await get(url + path)).toMatchObject({ status: 404 });
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
      expect(await get(`${url}/livez`, { method })).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
  });

  test('headers beyond the limit are refused', async () => {
    const { url } = await start();
    expect(await get(`${url}/livez`, { headers: { 'x-long': 'x'.repeat(9_000) } })).toMatchObject({ status: 431 });
  });
});

describe('addresses', () => {
  test('every form is understood', () => {
    expect([':8080', '8080', '127.0.0.1:0', 'localhost:9', '[::1]:8080', '[::]:80', ':0'].map(parseAddress)).toEqual([
      { host: undefined, port: 8080 },
      { host: undefined, port: 8080 },
      { host: '127.0.0.1', port: 0 },
      { host: 'localhost', port: 9 },
      { host: '::1', port: 8080 },
      { host: '::', port: 80 },
      { host: undefined, port: 0 },
    ]);
    expect(parseAddress('0')).toBeUndefined();
  });

  test('what is none is an error of one line that says what to write', () => {
    for (const address of [
      '',
      ':',
      'localhost',
      '::1:8080',
      ':65536',
      ':-1',
      ':80x',
      'a b:80',
      '[::1]8080',
      'http://x:80',
    ]) {
      expect(() => parseAddress(address), address).toThrow(UserError);
      expect(() => parseAddress(address), address).toThrow(
        /^cannot listen on ".*": use HOST:PORT, \[IPV6\]:PORT or :PORT, or 0 to switch it off$/,
      );
    }
  });

  test('0 starts nothing', async () => {
    const { server } = await start({ address: '0' });
    expect(server.url).toBeUndefined();
    await server.close();
  });

  test('all addresses, and IPv6', async ({ skip }) => {
    const { url } = await start({ address: ':0' });
    expect((await get(`${url}/livez`)).status).toBe(200);
    const probe = createServer().listen(0, '::1');
    const there = await Promise.race([
      once(probe, 'listening').then(() => true),
      once(probe, 'error').then(() => false),
    ]);
    probe.close();
    if (!there) skip('no IPv6 here');
    const v6 = await start({ address: '[::1]:0' });
    expect(v6.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect((await get(`${v6.url}/livez`)).status).toBe(200);
  });

  test('a port in use is an error of one line', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const failed = start({ address: `127.0.0.1:${port}` });
    await expect(failed).rejects.toThrow(UserError);
    await expect(failed).rejects.toThrow(`cannot listen on 127.0.0.1:${port}: the port is in use`);
    other.close();
  });
});

describe('close', () => {
  test('ends idle kept-alive connections at once', async () => {
    const { server, url } = await start();
    const agent = new Agent({ keepAlive: true });
    await get(`${url}/livez`, { agent });
    const [socket] = Object.values(agent.freeSockets).flat();
    const ended = once(socket ?? agent, 'close');
    await server.close();
    await ended;
    agent.destroy();
  });

  test('waits for an answer under way, and cuts one that takes too long', async () => {
    const gates: (() => void)[] = [];
    const { server, url } = await start({
      pages: {
        '/report': () =>
          new Promise((resolve) => gates.push(() => resolve({ contentType: 'text/plain', body: 'late\n' }))),
      },
    });
    const agent = new Agent({ keepAlive: true });
    const asked = [get(`${url}/report`, { agent }), get(`${url}/report`, { agent })];
    while (gates.length < 2) await new Promise((resolve) => setImmediate(resolve));
    const closed = server.close();
    gates[0]?.();
    const outcomes = await Promise.allSettled(asked);
    await closed;
    expect(
      outcomes.flatMap((outcome) =>
        outcome.status === 'fulfilled' ? [outcome.value.body, outcome.value.headers.connection] : [],
      ),
    ).toEqual(['late\n', 'close']);
    agent.destroy();
  });

  test('a client that never sends its request does not hold it up', async () => {
    const { server, url } = await start();
    const { port } = new URL(url);
    const client = connect(Number(port), '127.0.0.1');
    await once(client, 'connect');
    client.write('GET /livez HT');
    const ended = once(client, 'close');
    client.on('error', () => undefined);
    client.resume();
    await server.close();
    await ended;
  });

  test('twice is once', async () => {
    const { server } = await start();
    await Promise.all([server.close(), server.close()]);
    await server.close();
  });
});
