import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { createCertificateAuthority } from '../kube-api/tls/certificates.ts';
import { startPullThrough } from './pull-through.ts';
import type { PullThroughOptions } from './pull-through.ts';
import { startUpstream } from './upstream.ts';
import type { UpstreamOptions } from './upstream.ts';

const ann = { username: 'ann-the-user', password: 'pass-word-of-ann' };
const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function start(options: Partial<PullThroughOptions> = { login: ann }, upstreamOptions: UpstreamOptions = {}) {
  const upstream = await startUpstream({
    users: { [ann.username]: { password: ann.password, repositories: ['corp/*'] } },
    ...upstreamOptions,
  });
  undo.push(() => upstream.stop());
  const cache = await startPullThrough({ upstream, ...options });
  undo.push(() => cache.stop());
  const pull = async (reference: string): Promise<string> => {
    const response = await fetch(`${cache.url}/v2/corp/app/manifests/${reference}`);
    const text = await response.text();
    const code =
      response.status === 200 ? '' : ` ${(JSON.parse(text) as { errors: { code: string }[] }).errors[0]?.code}`;
    return `${response.status}${code}`;
  };
  return { upstream, cache, pull };
}

test('what was pulled once is served after the login was revoked, and what was not is unknown', async () => {
  const { upstream, cache, pull } = await start();
  const first = upstream.putImage('corp/app', '1').digest;
  const second = upstream.putImage('corp/app', '2').digest;
  expect(await pull('1')).toBe('200');
  upstream.revoke(ann.username);
  expect(await pull('1')).toBe('200');
  expect(await pull(first)).toBe('200');
  expect(await pull('2')).toBe('404 MANIFEST_UNKNOWN');
  expect(await pull(second)).toBe('500 UNKNOWN');
  upstream.setPassword(ann.username, 'next');
  cache.restart({ ...ann, password: 'next' });
  expect(await pull('2')).toBe('200');
});

test('an upstream that is down looks the same', async () => {
  const { upstream, pull } = await start();
  upstream.putImage('corp/app', '1');
  upstream.putImage('corp/app', '2');
  expect(await pull('1')).toBe('200');
  await upstream.stop();
  expect(await pull('1')).toBe('200');
  expect(await pull('2')).toBe('404 MANIFEST_UNKNOWN');
});

test('layers come through as well, and pushes do not', async () => {
  const { upstream, cache } = await start();
  upstream.putImage('corp/app', '1');
  const manifest = (await (await fetch(`${cache.url}/v2/corp/app/manifests/1`)).json()) as {
    layers: { digest: string; size: number }[];
  };
  const [layer] = manifest.layers;
  const blob = await fetch(`${cache.url}/v2/corp/app/blobs/${layer?.digest}`);
  expect((await blob.arrayBuffer()).byteLength).toBe(layer?.size);
  expect((await fetch(`${cache.url}/v2/corp/app/blobs/uploads/`, { method: 'POST' })).status).toBe(405);
  expect(await (await fetch(`${cache.url}/v2/corp/app/tags/list`)).json()).toEqual({ name: 'corp/app', tags: ['1'] });
});

test("a login in a credential helper's file is read again when it changes", async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'pull-through-'));
  undo.push(() => rm(directory, { recursive: true }));
  const helperFile = path.join(directory, 'login.json');
  const { upstream, pull } = await start({ login: { helperFile } });
  upstream.putImage('corp/app', '1');
  expect(await pull('1')).toBe('404 MANIFEST_UNKNOWN');
  await writeFile(helperFile, JSON.stringify({ ServerURL: '', Username: ann.username, Secret: ann.password }));
  expect(await pull('1')).toBe('200');
});

test('an upstream over https needs its CA', async () => {
  const ca = await createCertificateAuthority('upstream');
  const upstream = await startUpstream({ auth: 'anonymous', tls: await ca.serving() });
  undo.push(() => upstream.stop());
  upstream.putImage('corp/app', '1');
  for (const caPem of [ca.certPem, undefined]) {
    const cache = await startPullThrough({
      upstream: { url: upstream.url, ...(caPem === undefined ? {} : { caPem }) },
    });
    undo.push(() => cache.stop());
    expect((await fetch(`${cache.url}/v2/corp/app/manifests/1`)).status).toBe(caPem === undefined ? 404 : 200);
  }
});
