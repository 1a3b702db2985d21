/** The client over real connections to a real HTTPS server. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ApiError, UnreachableError } from '../../src/kube/api-error.ts';
import { createClient, resourceOf } from '../../src/kube/client.ts';
import type { ClientOptions, KubeClient, WatchEvent } from '../../src/kube/client.ts';
import { connect } from '../../src/kube/connection.ts';
import type { Connection } from '../../src/kube/connection.ts';
import { createCertificateAuthority } from '../sandbox/kube-api/tls/certificates.ts';
import { httpsServer, json, text } from './https-server.ts';

let server: Awaited<ReturnType<typeof httpsServer>>;
const directory = mkdtempSync(join(tmpdir(), 'pullpass-client-'));
const opened: Connection[] = [];
beforeAll(async () => {
  server = await httpsServer();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((connection) => connection.close()));
  server.requests.length = 0;
});
afterAll(async () => {
  await server.close();
  rmSync(directory, { recursive: true });
});

function clientFor(
  config = server.config({ token: 'my-token' }),
  options: ClientOptions = {},
  now?: () => number,
): KubeClient {
  const connection = connect(config, now);
  opened.push(connection);
  return createClient(connection, options);
}

const failureOf = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => {
      throw new Error('it should have failed');
    },
    (error: unknown) => error as Error,
  );

describe('a call', () => {
  test('carries method, path, query, token and body, and gives back the parsed answer', async () => {
    server.on((_, response) => json(response, 200, { kind: 'Thing' }));
    const client = clientFor();
    expect(
      await client.get('/api/v1/things', {
        query: { limit: 5, fieldSelector: 'metadata.name=a', continue: undefined },
      }),
    ).toEqual({ kind: 'Thing' });
    await client.patch('/api/v1/things/a', 'application/apply-patch+yaml', { a: 1 }, { query: { force: true } });
    await client.create('/api/v1/things', { b: 2 });
    await client.replace('/api/v1/things/a', { c: 3 });
    await client.delete('/api/v1/things/a', { d: 4 });
    expect(
      server.requests.map(({ method, url, body, headers }) => [method, url, body, headers['content-type']]),
    ).toEqual([
      ['GET', '/api/v1/things?limit=5&fieldSelector=metadata.name%3Da', '', undefined],
      ['PATCH', '/api/v1/things/a?force=true', '{"a":1}', 'application/apply-patch+yaml'],
      ['POST', '/api/v1/things', '{"b":2}', 'application/json'],
      ['PUT', '/api/v1/things/a', '{"c":3}', 'application/json'],
      ['DELETE', '/api/v1/things/a', '{"d":4}', 'application/json'],
    ]);
    expect(server.requests[0]?.headers).toMatchObject({
      authorization: 'Bearer my-token',
      accept: 'application/json',
      'user-agent': 'pullpass',
    });
  });

  test('is counted with verb, resource and code', async () => {
    const calls: unknown[] = [];
    const client = clientFor(undefined, { onCall: (...call) => calls.push(call) });
    server.on(({ method }, response) => json(response, method === 'PATCH' ? 409 : 200, {}));
    await client.get('/api/v1/namespaces/team-a/secrets/regcred');
    await failureOf(
      client.patch('/api/v1/namespaces/team-a/serviceaccounts/default', 'application/json-patch+json', []),
    );
    expect(calls).toEqual([
      ['get', 'secrets', 200],
      ['patch', 'serviceaccounts', 409],
    ]);
  });

  test('a hundred in a row share a connection, and not with the watches', async () => {
    server.on((_, response) => json(response, 200, {}));
    const before = server.connections();
    const client = clientFor();
    for (let i = 0; i < 100; i++) await client.get('/api/v1/things');
    expect(server.connections() - before).toBeLessThanOrEqual(2);
  });

  test('at most 64 connections, however many calls at once', async () => {
    server.on(async (_, response) => {
      await pause(20);
      json(response, 200, {});
    });
    const before = server.connections();
    const client = clientFor();
    await Promise.all(Array.from({ length: 200 }, () => client.get('/api/v1/things')));
    expect(server.connections() - before).toBeLessThanOrEqual(64);
  });
});

describe('no answer', () => {
  test('in time: before the headers, and in the middle of the body', async () => {
    const client = clientFor(undefined, { timeoutMs: 150 });
    server.on(() => undefined);
    expect(await failureOf(client.get('/api/v1/things'))).toMatchObject({
      name: 'UnreachableError',
      message: `GET /api/v1/things: ${server.url}: timed out`,
    });
    server.on((_, response) => void response.writeHead(200).write('{"kind":'));
    expect(await failureOf(client.get('/api/v1/things'))).toMatchObject({
      name: 'UnreachableError',
      message: `GET /api/v1/things: ${server.url}: timed out`,
    });
  });

  test('because we stop', async () => {
    const stop = new AbortController();
    server.on(() => void setImmediate(() => stop.abort()));
    expect((await failureOf(clientFor().get('/api/v1/things', { signal: stop.signal }))).message).toMatch(
      /: was stopped$/,
    );
    expect((await failureOf(clientFor().get('/api/v1/things', { signal: stop.signal }))).message).toMatch(
      /: was stopped$/,
    );
  });

  test('from nobody who listens, from somebody who hangs up, and from a server of another CA', async () => {
    const free = createServer();
    await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    const nowhere = server.config();
    nowhere.clusters = nowhere.clusters.map((cluster) => ({ ...cluster, server: `https://127.0.0.1:${port}` }));
    expect((await failureOf(clientFor(nowhere).get('/x'))).message).toMatch(/ECONNREFUSED/);

    server.on((_, response) => void response.socket?.destroy());
    expect(await failureOf(clientFor().get('/x'))).toBeInstanceOf(UnreachableError);

    const stranger = await createCertificateAuthority('another');
    const refused = await failureOf(clientFor(server.config({}, stranger.certPem)).get('/x'));
    expect(refused).toBeInstanceOf(UnreachableError);
    expect(refused.message).toMatch(/certificate|signature/);
  });

  test('that is JSON: the text is not repeated, for it can be anything', async () => {
    server.on((_, response) => text(response, 200, '<html>login SECRET</html>'));
    const error = await failureOf(clientFor().get('/api/v1/things'));
    expect(error).toBeInstanceOf(UnreachableError);
    expect(error.message).toBe(`GET /api/v1/things: the answer of ${server.url} is not JSON`);
    expect(JSON.stringify([error.message, error.cause, error.stack])).not.toContain('SECRET');
  });

  test('that has an end', async () => {
    server.on((_, response) => {
      const more = (): void => {
        if (!response.destroyed) response.write('x'.repeat(60_000), () => setImmediate(more));
      };
      response.writeHead(200);
      more();
    });
    expect((await failureOf(clientFor().get('/api/v1/things', { maxBytes: 1_000_000 }))).message).toMatch(
      /larger than 1000000 bytes/,
    );
    server.on((_, response) => {
      const more = (): void => {
        if (!response.destroyed) response.write('x'.repeat(60_000), () => setImmediate(more));
      };
      response.writeHead(500);
      more();
    });
    expect((await failureOf(clientFor().get('/api/v1/things'))).message).toBe('GET /api/v1/things: HTTP status 500');
  });
});

describe('a refusal', () => {
  test("is an ApiError with code, reason, causes and the server's words", async () => {
    server.on((_, response) =>
      json(response, 403, {
        kind: 'Status',
        message: 'secrets "a" is forbidden',
        reason: 'Forbidden',
        details: { causes: [{ reason: 'NamespaceTerminating', message: 'x' }] },
      }),
    );
    const error = await failureOf(clientFor().get('/api/v1/things'));
    expect(error).toBeInstanceOf(ApiError);
    expect(error).toMatchObject({
      code: 403,
      reason: 'Forbidden',
      causes: ['NamespaceTerminating'],
      message: 'GET /api/v1/things: secrets "a" is forbidden',
      retryAfterMs: undefined,
    });
  });

  test('says how long to wait, in the header or in the body, within bounds', async () => {
    const client = clientFor();
    const waits = async (headers: Record<string, string>, body: unknown = {}) => {
      server.on((_, response) => json(response, 429, body, headers));
      return ((await failureOf(client.get('/x'))) as ApiError).retryAfterMs;
    };
    expect(await waits({ 'retry-after': '3' })).toBe(3_000);
    expect(await waits({}, { details: { retryAfterSeconds: 2 } })).toBe(2_000);
    expect(await waits({ 'retry-after': new Date(Date.now() + 60_000).toUTCString() })).toBeGreaterThan(50_000);
    expect(await waits({ 'retry-after': '999999999' })).toBe(300_000);
    // What asks for no time at all must not lead to a loop without a pause.
    for (const nothing of ['0', '-5', 'soon', new Date(Date.now() - 60_000).toUTCString()])
      expect(await waits({ 'retry-after': nothing })).toBeUndefined();
    expect(await waits({}, { details: { retryAfterSeconds: 'soon' } })).toBeUndefined();
  });

  test.each<[string, string, string]>([
    [
      'a page of a proxy becomes its title',
      '<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>nginx</body></html>',
      'HTTP status 502: 502 Bad Gateway',
    ],
    ['a page without a title becomes the code', '  <!doctype html><p>SECRET', 'HTTP status 502'],
    ['a text becomes one line', 'upstream\r\nconnect\terror\u001b[31m', 'HTTP status 502: upstream connect error [31m'],
    ['nothing becomes the code', '', 'HTTP status 502'],
    ['JSON of another shape becomes the code', '[1]', 'HTTP status 502'],
    [
      'a Status with nonsense in it becomes what makes sense',
      '{"message":{"a":1},"reason":7,"details":{"causes":{"a":1},"retryAfterSeconds":null}}',
      'HTTP status 502',
    ],
    ['a Status with nothing in it becomes the code', '{"message":null,"details":null}', 'HTTP status 502'],
    [
      'a Status of several lines becomes one',
      '{"message":"denied:\\n  - first\\n  - second","details":{"causes":[null,{"reason":"X"}]}}',
      'denied: - first - second',
    ],
  ])('%s', async (_, body, expected) => {
    server.on((_request, response) => text(response, 502, body));
    expect((await failureOf(clientFor().get('/x'))).message).toBe(`GET /x: ${expected}`);
  });

  test('with a whole book in it is cut', async () => {
    for (const body of [
      'x '.repeat(30_000),
      JSON.stringify({ message: 'x '.repeat(30_000) }),
      JSON.stringify({ message: 'x'.repeat(100_000) }),
    ]) {
      server.on((_, response) => text(response, 500, body));
      expect((await failureOf(clientFor().get('/x'))).message.length).toBeLessThan(600);
    }
  });
});

describe('a call whose body is a credential', () => {
  const SECRET = 'aHVudGVyMg==';
  const body = { data: { '.dockerconfigjson': SECRET } };

  test.each<[string, number, (sent: string) => string]>([
    ['as it was', 400, (sent) => sent],
    ['in a message', 422, (sent) => JSON.stringify({ message: `Secret is invalid: ${sent}`, reason: 'Invalid' })],
    [
      'in the message of a webhook',
      403,
      (sent) => JSON.stringify({ message: `admission webhook "w" denied the request: ${sent}`, reason: 'Forbidden' }),
    ],
    [
      'in what looks like a missing right',
      403,
      (sent) => JSON.stringify({ message: `User "x" cannot patch resource "secrets": ${sent}`, reason: 'Forbidden' }),
    ],
    [
      'in a reason and in causes',
      409,
      (sent) => JSON.stringify({ message: sent, reason: sent, details: { causes: [{ message: sent, field: sent }] } }),
    ],
    ['in a page', 502, (sent) => `<title>${sent}</title>${sent}`],
    ['in a text', 500, (sent) => `cannot parse ${sent}`],
    ['as a good answer that is no JSON', 200, (sent) => `${sent}}`],
  ])('is never told again by an error, when the server repeats it %s', async (_, code, answer) => {
    server.on(({ body: sent }, response) => text(response, code, answer(sent)));
    const error = await failureOf(
      clientFor().patch('/api/v1/namespaces/a/secrets/b', 'application/apply-patch+yaml', body, { sensitive: true }),
    );
    const everything = (e: unknown): string =>
      e instanceof Error ? `${e.message}${e.stack}${JSON.stringify(e)}${everything(e.cause)}` : String(e);
    expect(everything(error)).not.toContain(SECRET);
    expect(error.message).toContain('PATCH /api/v1/namespaces/a/secrets/b: ');
  });

  test.each([
    [
      403,
      'secrets "regcred" is forbidden: exceeded quota: q, requested: secrets=1',
      'HTTP status 403 Forbidden: a ResourceQuota of the namespace is used up',
    ],
    [
      403,
      'secrets "regcred" is forbidden: User "x" cannot patch resource "secrets" in API group ""',
      'HTTP status 403 Forbidden: the right is missing',
    ],
    [
      403,
      'admission webhook "w" denied the request: no',
      'HTTP status 403 Forbidden: an admission webhook or policy denies it',
    ],
    [
      403,
      "ValidatingAdmissionPolicy 'theirs' with binding 'b' denied request: no",
      'HTTP status 403 Forbidden: an admission webhook or policy denies it',
    ],
    [
      403,
      `ValidatingAdmissionPolicy 'pullpass-secrets' with binding 'b' denied request: ${SECRET}`,
      'HTTP status 403 Forbidden: the policy pullpass-secrets denies it; ' +
        'if the configuration changed, apply the output of `pullpass rbac --policies`',
    ],
    [403, 'go away', 'HTTP status 403 Forbidden'],
    [422, 'Secret "regcred" is invalid: data: immutable', 'HTTP status 422 Forbidden'],
  ])('its %i is told in our own words: %s', async (code, message, expected) => {
    server.on((_, response) => json(response, code, { message, reason: 'Forbidden' }));
    expect(
      (await failureOf(clientFor().patch('/s', 'application/apply-patch+yaml', body, { sensitive: true }))).message,
    ).toBe(`PATCH /s: ${expected}`);
  });
});

describe('who we are', () => {
  const fileUser = (file: string) => ({ authProvider: { name: 'tokenFile', config: { tokenFile: file } } });

  test('a 401 makes the token be read again, once, on the same connection', async () => {
    const file = join(directory, 'token');
    writeFileSync(file, 'old-token\n');
    const client = clientFor(server.config(fileUser(file)));
    server.on(({ headers }, response) => json(response, headers.authorization === 'Bearer new-token' ? 200 : 401, {}));
    expect((await failureOf(client.get('/x'))) as ApiError).toMatchObject({ code: 401 });
    expect(server.requests).toHaveLength(2);

    const again = clientFor(server.config(fileUser(file)));
    server.on((_, response) => json(response, 200, {}));
    for (let i = 0; i < 5; i++) await again.get('/x'); // with the old token
    writeFileSync(file, 'new-token\n');
    server.on(({ headers }, response) => json(response, headers.authorization === 'Bearer new-token' ? 200 : 401, {}));
    const before = server.connections();
    await again.get('/x');
    expect(server.requests.slice(-2).map(({ headers }) => headers.authorization)).toEqual([
      'Bearer old-token',
      'Bearer new-token',
    ]);
    expect(server.connections() - before).toBe(0);
  });

  test('many that get a 401 at the same time read once and all succeed', async () => {
    const file = join(directory, 'shared-token');
    writeFileSync(file, 'old-token');
    const client = clientFor(server.config(fileUser(file)));
    server.on((_, response) => json(response, 200, {}));
    await client.get('/x');
    writeFileSync(file, 'new-token');
    server.on(({ headers }, response) => json(response, headers.authorization === 'Bearer new-token' ? 200 : 401, {}));
    await Promise.all(Array.from({ length: 30 }, () => client.get('/x')));
  });

  test('a new CA file is taken up without a restart; calls in flight end on the old connections', async () => {
    const file = join(directory, 'ca.crt');
    const stranger = await createCertificateAuthority('another');
    writeFileSync(file, server.authority.certPem);
    const config = server.config();
    config.clusters = config.clusters.map(({ caData: _, ...cluster }) => ({ ...cluster, caFile: file }));
    let time = 0;
    const client = clientFor(config, {}, () => time);
    const slow = Promise.withResolvers<void>();
    server.on(async ({ url }, response) => {
      if (url === '/slow') await slow.promise;
      json(response, 200, {});
    });
    const inFlight = client.get('/slow');
    await client.get('/x');
    writeFileSync(file, stranger.certPem);
    await client.get('/x'); // not looked at yet
    time += 31_000;
    expect((await failureOf(client.get('/x'))).message).toMatch(/certificate|signature/);
    slow.resolve();
    await inFlight;
    writeFileSync(file, server.authority.certPem);
    time += 31_000;
    await client.get('/x');
  });

  test('what is read again and is the same opens no new connection', async () => {
    let time = 0;
    const client = clientFor(undefined, {}, () => time);
    server.on((_, response) => json(response, 200, {}));
    for (let i = 0; i < 5; i++) await client.get('/x');
    const before = server.connections();
    for (let i = 0; i < 5; i++) {
      time += 31_000;
      await client.get('/x');
    }
    expect(server.connections() - before).toBe(0);
  });

  test('a client certificate and a password are used', async () => {
    const { certPem, keyPem } = await server.authority.client('alice', ['dev']);
    server.on((_, response) => json(response, 200, {}));
    await clientFor(
      server.config({
        certData: Buffer.from(certPem).toString('base64'),
        keyData: Buffer.from(keyPem).toString('base64'),
      }),
    ).get('/x');
    await clientFor(server.config({ username: 'me', password: 'pw' })).get('/x');
    expect(server.requests.at(-1)?.headers.authorization).toBe(`Basic ${Buffer.from('me:pw').toString('base64')}`);
  });

  test('a token file that is not there is one line', async () => {
    const error = await failureOf(clientFor(server.config(fileUser(join(directory, 'missing')))).get('/x'));
    expect(error).toBeInstanceOf(UnreachableError);
    expect(error.message).toMatch(/ENOENT/);
    expect(error.message).not.toContain('\n');
  });
});

test('a call that waits for a connection ends with its time limit, and is counted as one without an answer', async () => {
  // It takes connections, and never says a word.
  const mute = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => mute.once('listening', resolve));
  const config = server.config({ token: 'my-token' });
  const { port } = mute.address() as AddressInfo;
  config.clusters = config.clusters.map((each) => ({ ...each, server: `https://127.0.0.1:${port}` }));
  const calls: unknown[] = [];
  const client = clientFor(config, { timeoutMs: 50, onCall: (...call) => calls.push(call) });
  const error = await failureOf(client.get('/api/v1/things'));
  mute.close();
  expect(error.message).toMatch(/: timed out$/);
  expect(calls).toEqual([['get', 'things', 0]]);
  // Before the connection itself gives up, after ten seconds.
}, 8_000);

test('hints before the answer are no answer, and are not counted', async () => {
  server.on((_, response) => {
    response.writeEarlyHints({ link: '</x>; rel=preload' });
    json(response, 200, { ok: true });
  });
  const calls: unknown[] = [];
  expect(await clientFor(undefined, { onCall: (...call) => calls.push(call) }).get('/x')).toEqual({ ok: true });
  expect(calls.map((call) => (call as unknown[])[2])).toEqual([200]);
});

test('a refusal without end is an error with its status', async () => {
  server.on((_, response) => {
    // More than is read, and then nothing: who waits for the rest waits for the time limit.
    response.writeHead(503, { 'retry-after': '7' }).write('x'.repeat(100_000));
  });
  expect(await failureOf(clientFor().get('/x'))).toMatchObject({ code: 503, retryAfterMs: 7_000 });
});

describe('a watch', () => {
  const collect = async (
    client: KubeClient,
    signal = new AbortController().signal,
    into: WatchEvent<unknown>[] = [],
  ): Promise<WatchEvent<unknown>[]> => {
    await client.watch('/api/v1/things', { query: { resourceVersion: '5' }, signal }, (event) => into.push(event));
    return into;
  };

  test('one event a line, however the lines are cut into pieces', async () => {
    const line = Buffer.from(`${JSON.stringify({ type: 'ADDED', object: { name: 'ä€😀' } })}\n`);
    server.on(async (_, response) => {
      response.writeHead(200);
      for (const byte of line) {
        response.write(Buffer.from([byte]));
        await pause(0);
      }
      response.end(Buffer.concat([line, line]));
    });
    const events = await collect(clientFor());
    expect(events).toEqual(Array.from({ length: 3 }, () => ({ type: 'ADDED', object: { name: 'ä€😀' } })));
    expect(server.requests[0]?.url).toBe('/api/v1/things?resourceVersion=5&watch=true');
  });

  test('an event of a version that is known comes as a bookmark, and is not parsed', async () => {
    const event = (type: string, metadata: object): string =>
      JSON.stringify({ type, object: { kind: 'Thing', metadata } });
    const lines = [
      event('MODIFIED', { name: 'a', resourceVersion: '7' }),
      event('DELETED', { name: 'a', resourceVersion: '7' }),
      // A label of a stranger comes after the version, and a text in another field has its quotes escaped.
      event('MODIFIED', { name: '"resourceVersion":"7"', resourceVersion: '8', labels: { resourceVersion: '7' } }),
      '{"type":"ADDED","object":{"metadata":{"name":"b","resourceVersion":"7"},garbage}}',
      event('ADDED', { name: 'c' }),
    ];
    server.on((_, response) => void response.writeHead(200).end(lines.map((line) => `${line}\n`).join('')));
    const events: WatchEvent<{ metadata: { name?: string; resourceVersion?: string } }>[] = [];
    const options = {
      signal: new AbortController().signal,
      known: { size: 1, delete: (version: string) => version === '7' },
    };
    await clientFor().watch<{ metadata: object }>('/api/v1/things', options, (each) => events.push(each));
    expect(events.map(({ type, object: { metadata } }) => [type, metadata.name, metadata.resourceVersion])).toEqual([
      ['BOOKMARK', undefined, '7'],
      ['DELETED', 'a', '7'],
      ['MODIFIED', '"resourceVersion":"7"', '8'],
      ['BOOKMARK', undefined, '7'],
      ['ADDED', 'c', undefined],
    ]);
  });

  test('a line without its end is no event, whether the stream ends or breaks there', async () => {
    server.on((_, response) => void response.writeHead(200).end('{"type":"ADDED","object":{}}\n{"type":"ADD'));
    expect(await collect(clientFor())).toHaveLength(1);
    server.on((_, response) => {
      response.writeHead(200, { 'content-length': '1000' }).write('{"type":"ADDED","object":{}}\n{"type":"ADD');
      setTimeout(() => response.destroy(), 50);
    });
    const events: WatchEvent<unknown>[] = [];
    expect(await failureOf(collect(clientFor(), undefined, events))).toBeInstanceOf(UnreachableError);
    expect(events).toHaveLength(1);
  });

  test('garbage is an error that does not repeat it', async () => {
    server.on((_, response) => void response.writeHead(200).end('{"type":"ADDED","object":{}}\n<html>SECRET</html>\n'));
    const error = await failureOf(collect(clientFor()));
    expect(error.message).toBe(`WATCH /api/v1/things: the stream of ${server.url} is not JSON`);
  });

  test('a line without end is cut', async () => {
    server.on((_, response) => {
      const more = (): void => {
        if (!response.destroyed) response.write('x'.repeat(1_000_000), () => setImmediate(more));
      };
      response.writeHead(200);
      more();
    });
    expect((await failureOf(collect(clientFor()))).message).toMatch(/a line is longer than/);
  });

  test('a refusal is an ApiError before the first event', async () => {
    server.on((_, response) => json(response, 410, { reason: 'Expired', message: 'too old' }));
    expect(await failureOf(collect(clientFor()))).toMatchObject({ name: 'ApiError', code: 410, reason: 'Expired' });
  });

  test('is counted when it begins, not when it ends', async () => {
    server.on((_, response) => void response.writeHead(200).write('{"type":"ADDED","object":{}}\n'));
    const stop = new AbortController();
    const calls: unknown[] = [];
    const watching = failureOf(collect(clientFor(undefined, { onCall: (...call) => calls.push(call) }), stop.signal));
    while (calls.length === 0) await pause(5);
    stop.abort();
    await watching;
    expect(calls).toEqual([['watch', 'things', 200]]);
  });

  test('stopping ends it at once and frees the connection', async () => {
    const before = server.open();
    server.on((_, response) => void response.writeHead(200).write('{"type":"ADDED","object":{}}\n'));
    const stop = new AbortController();
    const events: WatchEvent<unknown>[] = [];
    const watching = failureOf(collect(clientFor(), stop.signal, events));
    while (events.length === 0) await pause(5);
    stop.abort();
    expect((await watching).message).toMatch(/: was stopped$/);
    while (server.open() > before) await pause(5);
  });

  test('what its listener throws ends it as it is, and frees the connection, too', async () => {
    const before = server.open();
    server.on((_, response) => void response.writeHead(200).write('{"type":"ADDED","object":{}}\n'));
    const enough = new Error('enough');
    const { signal } = new AbortController();
    const watching = clientFor().watch('/api/v1/things', { signal }, () => {
      throw enough;
    });
    await expect(watching).rejects.toBe(enough);
    while (server.open() > before) await pause(5);
  });

  test('has no time limit of a call, and calls go on beside many of them', async () => {
    server.on(({ url }, response) =>
      url.includes('watch=true')
        ? void response.writeHead(200).write('{"type":"BOOKMARK","object":{}}\n')
        : json(response, 200, {}),
    );
    const client = clientFor(undefined, { timeoutMs: 2_000 });
    const stop = new AbortController();
    const all = Array.from({ length: 20 }, () => failureOf(collect(client, stop.signal)));
    await pause(2_200);
    await client.get('/x');
    stop.abort();
    expect((await Promise.all(all)).every(({ message }) => message.endsWith('was stopped'))).toBe(true);
  });
});

test.each([
  ['/api/v1/namespaces', 'namespaces'],
  ['/api/v1/namespaces/team-a', 'namespaces'],
  ['/api/v1/namespaces/team-a/secrets', 'secrets'],
  ['/api/v1/namespaces/team-a/secrets/x', 'secrets'],
  ['/api/v1/serviceaccounts', 'serviceaccounts'],
  ['/apis/coordination.k8s.io/v1/namespaces/a/leases/b', 'leases'],
  ['/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', 'selfsubjectaccessreviews'],
  ['/', ''],
])('the resource of %s is %j', (path, resource) => {
  expect(resourceOf(path)).toBe(resource);
});
