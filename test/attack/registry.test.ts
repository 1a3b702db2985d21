/**
 * Hostile registries, all at once, as keys of one source beside a good one: each gets its own login and no other, none keeps the
 * good source waiting, fills memory or gets a word of a login into the log.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { configurationSchema } from '../../src/config/schema.ts';
import { configurationDocument, createCluster, eventually } from '../integration/env/cluster.ts';
import type { Cluster } from '../integration/env/cluster.ts';
import { startProgram } from '../integration/env/program.ts';
import { leaks } from '../registry/leaks.ts';
import { startScripted } from '../registry/scripted-server.ts';
import type { Say, ScriptedServer, Seen } from '../registry/scripted-server.ts';
import { startSandbox } from '../sandbox/kube-api/index.ts';
import type { Sandbox } from '../sandbox/kube-api/index.ts';

type Behaviour = (seen: Seen, response: ServerResponse, request: IncomingMessage) => Say | undefined;

/** Gets what is stolen. */
let thief: ScriptedServer;
const ask = (challenge: string): Say => ({ status: 401, headers: { 'www-authenticate': challenge } });
const pour = (response: ServerResponse, chunk: Buffer | string): undefined => {
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
    if (!response.destroyed) response.once('drain', more);
  };
  response.on('error', () => undefined);
  more();
};
const token =
  (body: string): Behaviour =>
  (seen) =>
    seen.url.startsWith('/token') ? { status: 200, body } : undefined;
/** A challenge for its own token endpoint, which `then` plays. */
const withToken =
  (then: Behaviour): Behaviour =>
  (seen, response, request) =>
    seen.url.startsWith('/token')
      ? then(seen, response, request)
      : ask(`Bearer realm="http://${request.headers.host}/token",service="s"`);

const HOSTILE: Readonly<Record<string, Behaviour>> = {
  'never answers': () => undefined,
  'sends headers without end': (_, response) => {
    response.socket?.write('HTTP/1.1 200 OK\r\n');
    return pour(response.socket as unknown as ServerResponse, 'x-more: '.padEnd(1_000, 'a') + '\r\n');
  },
  'sends a body without end': (_, response) => pour(response, Buffer.alloc(65_536, 'a')),
  'sends a challenge of a megabyte': () => ask(`Bearer realm="http://x/${'a'.repeat(1_000_000)}"`),
  'sends ten thousand challenges': () => ask(Array.from({ length: 2_000 }, (_, i) => `Basic realm="${i}"`).join(', ')),
  'has its token server elsewhere': () => ask(`Bearer realm="${thief.url}/token",service="s"`),
  'has its token server at the metadata address': () => ask('Bearer realm="http://169.254.169.254/latest",service="s"'),
  'has a file as its token server': () => ask('Bearer realm="file:///etc/passwd",service="s"'),
  'redirects to a thief': (seen) => ({ status: 307, headers: { location: `${thief.url}${seen.url}` } }),
  'redirects for ever': (seen) => ({ status: 302, headers: { location: `${seen.url}a` } }),
  'gives a token of ten megabytes': withToken(token(JSON.stringify({ token: 'a'.repeat(10_000_000) }))),
  'gives a token with a line break': withToken(token(JSON.stringify({ token: 'a\r\nx-evil: 1' }))),
  'gives a token that is a number': withToken(token('{"token": 12, "access_token": null}')),
  'nests JSON a hundred thousand deep': withToken(token('['.repeat(100_000))),
  'gives tokens and refuses them': withToken(token('{"token":"abc"}')),
  'answers with a page that repeats the login': (seen) => ({
    status: 403,
    headers: { 'content-type': 'text/html' },
    body: `<title>${seen.authorization}</title>`,
  }),
  'repeats the decoded login in an error': (seen) => ({
    status: 401,
    headers: { 'www-authenticate': 'Basic realm="x"' },
    body: JSON.stringify({
      errors: [
        { code: 'UNAUTHORIZED', message: Buffer.from((seen.authorization ?? '').slice(6), 'base64').toString() },
      ],
    }),
  }),
  'lies about the length': (_, response) => {
    response.writeHead(200, { 'content-length': '1000000' });
    response.write('a');
    return undefined;
  },
  'sends a gzip bomb': () => ({ status: 200, headers: { 'content-encoding': 'gzip' }, body: gzipBomb }),
  'hangs up at once': (_, response) => void response.socket?.destroy(),
  'says it is too busy for a year': () => ({ status: 429, headers: { 'retry-after': '31536000' } }),
};
const gzipBomb = gzipSync(Buffer.alloc(20_000_000)).toString('latin1');

let sandbox: Sandbox;
let cluster: Cluster;
const servers: ScriptedServer[] = [];
/** Speaks no HTTP. */
const babbler = createServer((socket) => {
  socket.on('error', () => undefined);
  socket.end(randomBytes(100_000));
});

beforeAll(async () => {
  sandbox = await startSandbox();
  cluster = await createCluster(sandbox);
  thief = await startScripted(() => ({ status: 200, body: '{"token":"stolen"}' }));
  for (const behave of Object.values(HOSTILE)) servers.push(await startScripted(behave));
  await new Promise<void>((resolve) => babbler.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  await cluster.close();
  await sandbox.stop();
  await Promise.all([thief, ...servers].map((server) => server.stop()));
  await new Promise((resolve) => babbler.close(resolve));
});

const residentMb = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;

test('hostile registries beside a good source', { timeout: 120_000 }, async () => {
  const hosts = [...servers.map(({ host }) => host), `127.0.0.1:${(babbler.address() as AddressInfo).port}`];
  const logins = Object.fromEntries(
    hosts.map((host, i) => [host, `pw-of-hostile-${i}-${randomBytes(4).toString('hex')}`]),
  );
  const document = {
    ...configurationDocument(
      { name: 'hostile', verify: 'auto', namespaces: { allow: ['*'] } },
      { name: 'good', namespaces: { allow: ['*'] } },
    ),
    registries: hosts.map((host) => ({ host, plainHttp: true })),
  };
  await cluster.applyRbac(configurationSchema.parse(document));
  await cluster.source({ namespace: 'pullpass-system', name: 'good' }, { 'registry.corp': 'good-one' });
  await cluster.namespace('team-a', {
    annotations: { 'pullpass.dev/sync': 'enabled', 'pullpass.dev/sources': 'good' },
  });
  const program = await startProgram(sandbox, { configuration: document });
  const has = (password: string): Promise<void> =>
    eventually(async () => expect(await cluster.login('team-a', 'good-copy')).toEqual({ 'registry.corp': password }));
  await has('good-one');
  const quietMb = residentMb(program.pid);

  await cluster.source({ namespace: 'pullpass-system', name: 'hostile' }, logins);
  await cluster.source({ namespace: 'pullpass-system', name: 'good' }, { 'registry.corp': 'good-two' });
  let peakMb = quietMb;
  const watching = setInterval(() => (peakMb = Math.max(peakMb, residentMb(program.pid))), 20);
  await has('good-two');
  // Until each was tried: the slowest ends at a time limit of ten seconds.
  await program.logged('source refused', 60_000);
  await eventually(async () => {
    const asked = servers.filter(({ connections }) => connections() > 0);
    expect(asked).toHaveLength(servers.length);
    expect(await program.status('/livez')).toBe(200);
  }, 40_000);
  clearInterval(watching);

  const said = [...program.logs.map((line) => JSON.stringify(line)), ...program.stderr].join('\n');
  const events = JSON.stringify(await cluster.events('pullpass-system'));
  const { text: metrics } = await program.page('/metrics');
  for (const [i, host] of hosts.entries()) {
    const login = { username: 'robot-of-none', password: logins[host] ?? '' };
    for (const text of [said, events, metrics]) expect(leaks(text, login)).toEqual([]);
    for (const [j, { seen }] of servers.entries()) if (i !== j) expect(leaks(JSON.stringify(seen), login)).toEqual([]);
    // A registry names its own token server, which then gets that login, and that one only: as for every client.
    if (Object.keys(HOSTILE)[i] !== 'has its token server elsewhere')
      expect(leaks(JSON.stringify(thief.seen), login)).toEqual([]);
  }
  expect(peakMb - quietMb).toBeLessThan(150);
  expect(await program.status('/livez')).toBe(200);
  await program.stop();
});
