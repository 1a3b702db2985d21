import { afterEach, expect, test } from 'vitest';
import { leaks } from '../../registry/leaks.ts';
import { digestOf } from './images.ts';
import { startUpstream } from './upstream.ts';
import type { Upstream, UpstreamOptions } from './upstream.ts';

const ann = { username: 'ann-the-user', password: 'pass-word-of-ann' };
const basic = ({ username, password }: typeof ann) => ({
  authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
});
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0)) await step();
});

async function start(options: UpstreamOptions = {}): Promise<Upstream> {
  const server = await startUpstream({
    users: { [ann.username]: { password: ann.password, repositories: ['corp/*'] } },
    ...options,
  });
  undo.push(() => server.stop());
  return server;
}

interface TokenAnswer {
  token: string;
  refresh_token?: string;
}
async function token(server: Upstream, scope: string, login = ann, more = ''): Promise<TokenAnswer> {
  const response = await fetch(`${server.url}/token?service=x&scope=${scope}${more}`, { headers: basic(login) });
  expect(response.status).toBe(200);
  return (await response.json()) as TokenAnswer;
}
const statusOf = async (url: string, init: RequestInit = {}): Promise<number> => (await fetch(url, init)).status;

test('the challenge names a token server on the same host and port, and the scope that is missing', async () => {
  const server = await start();
  const response = await fetch(`${server.url}/v2/corp/app/manifests/1`);
  expect(response.status).toBe(401);
  expect(response.headers.get('www-authenticate')).toBe(
    `Bearer realm="${server.url}/token",service="sandbox-registry",scope="repository:corp/app:pull"`,
  );
  expect((await fetch(`${server.url}/v2/`)).headers.get('docker-distribution-api-version')).toBe('registry/2.0');
});

test('a token opens the repositories of its user and no others, until it ends', async () => {
  let now = Date.now();
  const server = await start({ tokenSeconds: 30, now: () => now });
  const { digest } = server.putImage('corp/app', '1');
  server.putImage('other/app', '1');
  const own = bearer((await token(server, 'repository:corp/app:pull')).token);
  const answer = await fetch(`${server.url}/v2/corp/app/manifests/1`, { headers: own });
  expect(answer.headers.get('docker-content-digest')).toBe(digest);
  expect(digestOf(await answer.text())).toBe(digest);
  const other = bearer((await token(server, 'repository:other/app:pull')).token);
  expect(await statusOf(`${server.url}/v2/other/app/manifests/1`, { headers: other })).toBe(401);
  now += 31_000;
  expect(await statusOf(`${server.url}/v2/corp/app/manifests/1`, { headers: own })).toBe(401);
  expect(await statusOf(`${server.url}/v2/`, { headers: bearer(`${own.authorization.slice(7)}x`) })).toBe(401);
});

test('a revoked user gets no token, tokens already issued go on, and a new password works at once', async () => {
  const server = await start();
  server.putImage('corp/app', '1');
  const old = bearer((await token(server, 'repository:corp/app:pull')).token);
  server.revoke(ann.username);
  expect(await statusOf(`${server.url}/token`, { headers: basic(ann) })).toBe(401);
  expect(await statusOf(`${server.url}/v2/corp/app/manifests/1`, { headers: old })).toBe(200);
  server.setPassword(ann.username, 'next');
  await token(server, 'repository:corp/app:pull', { ...ann, password: 'next' });
});

test('the OAuth form takes a password and gives an identity token, which ends with the password', async () => {
  const server = await start();
  const post = (form: Record<string, string>) =>
    fetch(`${server.url}/token`, { method: 'POST', body: new URLSearchParams(form) });
  const first = (await (await post({ grant_type: 'password', ...ann, access_type: 'offline' })).json()) as TokenAnswer;
  const identity = first.refresh_token ?? '';
  expect(identity).not.toBe('');
  expect((await post({ grant_type: 'refresh_token', refresh_token: identity })).status).toBe(200);
  server.setPassword(ann.username, 'next');
  expect((await post({ grant_type: 'refresh_token', refresh_token: identity })).status).toBe(401);
  expect((await post({ grant_type: 'other' })).status).toBe(400);
  expect((await token(server, '', { ...ann, password: 'next' }, '&offline_token=true')).refresh_token).toBeDefined();
});

test('an account is locked after as many failed logins as allowed, and the right password then fails too', async () => {
  const server = await start({ lockAfter: 2 });
  for (let i = 0; i < 2; i++)
    expect(await statusOf(`${server.url}/token`, { headers: basic({ ...ann, password: 'wrong' }) })).toBe(401);
  expect(server.failedLogins(ann.username)).toBe(2);
  expect(server.isLocked(ann.username)).toBe(true);
  expect(await statusOf(`${server.url}/token`, { headers: basic(ann) })).toBe(401);
  server.unlock(ann.username);
  expect(await statusOf(`${server.url}/token`, { headers: basic(ann) })).toBe(200);
});

test('Basic and anonymous are the other two ways', async () => {
  const withBasic = await start({ auth: 'basic' });
  withBasic.putImage('corp/app', '1');
  withBasic.putImage('other/app', '1');
  expect(await statusOf(`${withBasic.url}/v2/`)).toBe(401);
  expect(await statusOf(`${withBasic.url}/v2/corp/app/manifests/1`, { headers: basic(ann) })).toBe(200);
  expect(await statusOf(`${withBasic.url}/v2/other/app/manifests/1`, { headers: basic(ann) })).toBe(403);
  const open = await start({ auth: 'anonymous' });
  open.putImage('corp/app', '1');
  expect(await statusOf(`${open.url}/v2/corp/app/manifests/1`)).toBe(200);
});

test('a push needs the digest that it says, and a HEAD says the length of the GET', async () => {
  const server = await start({ auth: 'anonymous' });
  const content = Buffer.from('blob');
  const digest = digestOf(content);
  const started = await fetch(`${server.url}/v2/corp/app/blobs/uploads/`, { method: 'POST' });
  const place = server.url + (started.headers.get('location') ?? '');
  expect(await statusOf(place, { method: 'PATCH', body: 'bl' })).toBe(202);
  expect(await statusOf(`${place}?digest=${digest}`, { method: 'PUT', body: 'ob' })).toBe(201);
  expect(
    await statusOf(`${server.url}/v2/corp/app/blobs/uploads/?digest=${digestOf('x')}`, { method: 'POST', body: 'y' }),
  ).toBe(400);
  const head = await fetch(`${server.url}/v2/corp/app/blobs/${digest}`, { method: 'HEAD' });
  expect(head.headers.get('content-length')).toBe('4');
});

test('an outage answers everything the same way, and ends', async () => {
  const server = await start();
  server.breakDown(503);
  expect(await statusOf(`${server.url}/token`, { headers: basic(ann) })).toBe(503);
  server.breakDown();
  expect(await statusOf(`${server.url}/token`, { headers: basic(ann) })).toBe(200);
  expect(server.failedLogins(ann.username)).toBe(0);
});

test('the log says what was asked, how, and what came of it, without any login', async () => {
  const server = await start();
  const { token: text } = await token(server, 'repository:corp/app:pull', ann, `&account=${ann.username}`);
  await fetch(`${server.url}/v2/`, { headers: bearer(text) });
  expect(server.requests).toEqual([
    { method: 'GET', path: '/token', auth: 'basic', status: 200 },
    { method: 'GET', path: '/v2/', auth: 'bearer', status: 200 },
  ]);
  expect(leaks(server.requests, { ...ann, identityToken: text })).toEqual([]);
});
