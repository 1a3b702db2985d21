/** What the called products share: URLs that cannot be led astray, and whose host a login may go to. */
import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { z } from 'zod';
import { UserError } from '../../src/errors.ts';
import { adminLogin, joinUrl, openApi, ProductError, verdict } from '../../src/proxies/api.ts';
import type { ProxyKube } from '../../src/proxies/adapter.ts';
import { serveProduct } from '../sandbox/products/server.ts';
import { ADMIN, type Played, stage } from './called-product.ts';
import { leadsTo } from '../../src/credentials/registry-name.ts';

describe('joinUrl', () => {
  test.each([
    ['https://h', 'https://h/api/v2.0/registries'],
    ['https://h/', 'https://h/api/v2.0/registries'],
    ['https://h:8443/team//', 'https://h:8443/team/api/v2.0/registries'],
    ['https://h/api/v2.0', 'https://h/api/v2.0/registries'],
    ['https://h/team/api/v2.0/', 'https://h/team/api/v2.0/registries'],
    ['https://h/xapi/v2.0', 'https://h/xapi/v2.0/api/v2.0/registries'],
    ['https://h/?token=x#y', 'https://h/api/v2.0/registries'],
  ])('%s', (base, url) => {
    expect(joinUrl(base, 'api/v2.0', ['registries'])).toBe(url);
  });

  test('no name of an object leaves its place in the path', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        // Half a surrogate pair is not text: nothing can be asked about it.
        fc.pre(name.isWellFormed());
        if (/^\.{0,2}$/.test(name)) {
          expect(() => joinUrl('https://h/base', 'api', ['x', name])).toThrow(UserError);
          return;
        }
        const url = new URL(joinUrl('https://h/base', 'api', ['x', name], { q: name }));
        const [, ...segments] = url.pathname.split('/');
        expect(segments.map(decodeURIComponent)).toEqual(['base', 'api', 'x', name]);
        expect([...url.searchParams]).toEqual([['q', name]]);
        expect(url.host + url.hash).toBe('h');
      }),
    );
  });
});

describe('leadsTo', () => {
  test.each([
    ['https://registry-1.docker.io', 'docker.io', true],
    ['https://registry-1.docker.io/', 'docker.io', true],
    ['https://index.docker.io:443/v1/', 'docker.io', true],
    ['https://hub.docker.com', 'docker.io', true],
    ['https://docker.io.evil.example', 'docker.io', false],
    ['https://registry-1.docker.io@evil.example', 'docker.io', false],
    ['https://registry-1.docker.io:8443', 'docker.io', false],
    ['https://quay.io', 'quay.io', true],
    ['https://quay.io', 'quay.io:443', true],
    ['http://reg.corp', 'reg.corp:80', true],
    ['https://reg.corp:5000/v2', 'reg.corp:5000', true],
    ['https://reg.corp:5000', 'reg.corp', false],
    ['https://REG.corp', 'reg.corp', true],
    ['not a URL', 'reg.corp', false],
  ])('%s, %s: %s', (url, registry, expected) => {
    expect(leadsTo(url, registry)).toBe(expected);
  });
});

describe('adminLogin', () => {
  const read = (login: 'basic' | 'token' | 'any', data: Record<string, string>): Promise<unknown> =>
    adminLogin({ name: 'Product', login }, { url: 'https://h', admin: { secret: ADMIN } }, {
      readSecret: async () => data,
    } as unknown as ProxyKube);

  test.each([
    ['basic', { username: 'u', password: ' p\n', token: 't' }, { username: 'u', password: ' p\n' }],
    ['token', { username: 'u', password: 'p', token: ' t\n' }, { bearer: 't' }],
    ['any', { username: 'u', password: 'p' }, { username: 'u', password: 'p' }],
    ['any', { token: 't' }, { bearer: 't' }],
  ] as const)('%s takes %j', async (login, data, expected) => {
    expect(await read(login, data)).toEqual(expected);
  });

  test.each([
    ['basic', {}, 'the key "username"'],
    ['basic', { username: 'u' }, 'the key "password"'],
    ['basic', { token: 't' }, 'the key "username"'],
    ['token', { token: ' \n' }, 'the key "token"'],
    ['any', {}, 'the keys "username" and "password", or "token"'],
    ['any', { password: 'p' }, 'the key "username"'],
  ] as const)('%s does not take %j', async (login, data, lacks) => {
    await expect(read(login, data)).rejects.toThrow(
      new UserError(`Secret "pullpass-system/cache-admin" lacks ${lacks}, which Product needs`),
    );
  });
});

describe('openApi', () => {
  const ask = async (reply: { status: number; body?: unknown; headers?: Record<string, string> }): Promise<unknown> => {
    const play = async (): Promise<Played> => {
      const server = await serveProduct(() => reply);
      return {
        server,
        proxy: { targets: [], identity: '', holders: { unseen: '' }, apply: async () => undefined },
        admin: { username: 'u', password: 'p' },
        holds: () => undefined,
        writes: () => 0,
        violations: [],
      };
    };
    const it = await stage(play);
    const api = await openApi(
      { name: 'Product', object: 'thing "x"', root: 'api', login: 'any' },
      { url: it.server.url, admin: { secret: ADMIN } },
      it.context,
    );
    try {
      return (await api({ method: 'GET', path: ['x'], to: 'read it', expect: [200] })).read(
        z.object({ name: z.string() }),
      );
    } finally {
      await it.stop();
    }
  };

  test('gives what the schema lets through', async () => {
    expect(await ask({ status: 200, body: { name: 'x', more: 1 } })).toEqual({ name: 'x' });
  });

  test.each([
    [{ status: 200, body: 'no JSON' }, 'could not read it: the answer is not JSON: correct its URL'],
    [{ status: 200, body: { name: 7 } }, 'could not read it: the answer is not of the expected shape'],
    [
      { status: 200, body: '<!doctype html>', headers: { 'content-type': 'text/HTML' } },
      'could not read it: HTTP 200 with a web page: correct its URL',
    ],
    [
      { status: 302, headers: { location: 'https://elsewhere.example' } },
      'could not read it: HTTP 302, a redirect that is not followed: correct its URL',
    ],
    [{ status: 429 }, 'could not read it: HTTP 429'],
  ])('%j is an error in one line', async (reply, message) => {
    await expect(ask(reply)).rejects.toThrow(new ProductError(`Product thing "x": ${message}`));
  });
});

test('verdict: what could not be asked is unknown, a bug is not swallowed', async () => {
  expect(await verdict(async () => Promise.reject(new ProductError('why')))).toEqual({
    state: 'unknown',
    reason: 'cache',
    why: 'why',
  });
  await expect(verdict(async () => Promise.reject(new TypeError('a bug')))).rejects.toThrow(TypeError);
});
