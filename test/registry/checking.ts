/** What the tests of checkLogin share: registries that end with the test, and a check whose every verdict is searched for its login. */
import { expect, onTestFinished } from 'vitest';
import { checkLogin } from '../../src/registry/auth.ts';
import type { LoginCheck, LoginVerdict } from '../../src/registry/auth.ts';
import { createHttpClient } from '../../src/registry/http.ts';
import type { HttpClient, HttpClientOptions } from '../../src/registry/http.ts';
import { startUpstream } from '../sandbox/registry/upstream.ts';
import type { Upstream, UpstreamOptions } from '../sandbox/registry/upstream.ts';
import { leaks } from './leaks.ts';
import { startScripted } from './scripted-server.ts';
import type { Say, Script, ScriptedServer } from './scripted-server.ts';

export const right = { username: 'ann-the-user', password: 'pass-word-of-ann' };
export const wrong = { username: 'ann-the-user', password: 'not-the-password' };

export const bearerAt = (realm: string): Say => ({
  status: 401,
  headers: { 'www-authenticate': `Bearer realm="${realm}",service="s"` },
});
export const page: Say = {
  status: 200,
  headers: { 'content-type': 'text/html; charset=utf-8' },
  body: '<!doctype html><title>Sign in</title>',
};
export const ok: Say = { status: 200, headers: { 'content-type': 'application/json' }, body: '{}' };

export function client(options: HttpClientOptions = {}): HttpClient {
  const http = createHttpClient({ requestMs: 20_000, ...options });
  onTestFinished(() => http.close());
  return http;
}

export async function upstream(options: UpstreamOptions = {}): Promise<Upstream> {
  const server = await startUpstream({
    users: { [right.username]: { password: right.password, repositories: ['corp/*'] } },
    ...options,
  });
  onTestFinished(() => server.stop());
  server.putImage('corp/app', '1');
  return server;
}

export async function scripted(script: Script, tls?: { certPem: string; keyPem: string }): Promise<ScriptedServer> {
  const server = await startScripted(script, tls);
  onTestFinished(() => server.stop());
  return server;
}

export async function check(
  options: Omit<LoginCheck, 'http' | 'login'> & { http?: HttpClient; login?: LoginCheck['login'] },
): Promise<LoginVerdict> {
  const { login = right, http = client() } = options;
  const verdict = await checkLogin({ ...options, http, login });
  expect(leaks(verdict, login)).toEqual([]);
  expect(verdict.why).not.toMatch(/[\n\r]/);
  return verdict;
}
