/** HTTPS_PROXY, HTTP_PROXY and NO_PROXY: which requests take the egress proxy, and what is said when it gives no connection. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { readEgress } from '../../src/registry/egress.ts';
import type { EgressVariables } from '../../src/registry/egress.ts';
import type { HttpClientOptions } from '../../src/registry/http.ts';
import { startEgressProxy } from '../sandbox/egress-proxy.ts';
import type { EgressProxyOptions } from '../sandbox/egress-proxy.ts';
import { createCertificateAuthority } from '../sandbox/kube-api/tls/certificates.ts';
import { bearerAt, check, client, ok, right, scripted, upstream } from './checking.ts';
import { leaks } from './leaks.ts';
import type { Script } from './scripted-server.ts';

const LOGIN = { username: 'way-out', password: 'pass-w/rd@of the proxy' };
const AS_URL = `${LOGIN.username}:${encodeURIComponent(LOGIN.password)}`;

function takes(variables: EgressVariables, url: string): string | undefined {
  return readEgress({ HTTPS_PROXY: 'http://s.corp:1', HTTP_PROXY: 'http://p.corp:2', ...variables }).proxyFor(
    new URL(url),
  )?.host;
}

describe('a request takes', () => {
  test('the proxy of its scheme; no other stands in', () => {
    expect(takes({}, 'https://quay.io/v2/')).toBe('s.corp:1');
    expect(takes({}, 'http://quay.io/v2/')).toBe('p.corp:2');
    expect(takes({ HTTPS_PROXY: '' }, 'https://quay.io/')).toBeUndefined();
    expect(takes({ HTTP_PROXY: undefined }, 'http://quay.io/')).toBeUndefined();
  });

  test.each([
    'https://localhost',
    'https://localhost:5000',
    'http://127.9.9.9:1',
    'https://[::1]:5000',
    'http://127.1',
  ])('none to %s: loopback is never proxied', (url) => {
    expect(takes({}, url)).toBeUndefined();
  });

  test.each([
    ['corp.example', 'https://corp.example', true],
    ['corp.example', 'https://a.b.corp.example:8443', true],
    ['corp.example', 'https://notcorp.example', false],
    ['corp.example', 'https://corp.example.evil.test', false],
    [' CORP.example ', 'https://Corp.Example', true],
    ['corp.example.', 'https://corp.example', true],
    ['corp.example', 'https://corp.example.', true],
    ['.corp.example', 'https://a.corp.example', true],
    ['.corp.example', 'https://corp.example', false],
    ['*.corp.example', 'https://a.corp.example', true],
    ['*.corp.example', 'https://corp.example', false],
    ['corp.example:8443', 'https://corp.example:8443', true],
    ['corp.example:443', 'https://corp.example', true],
    ['corp.example:8443', 'https://corp.example', false],
    ['10.1.2.3', 'https://10.1.2.3:5000', true],
    ['10.1.2.3', 'https://10.1.2.33', false],
    ['10.1.2.3:5000', 'https://10.1.2.3', false],
    ['10.0.0.0/8', 'http://10.200.1.1:5000', true],
    ['10.0.0.0/8', 'http://11.0.0.1', false],
    ['10.0.0.0/33', 'http://10.0.0.1', false],
    ['fd00::/8', 'https://[fd00::5]:5000', true],
    ['fd00::/8', 'https://[fe00::5]', false],
    ['fd00::5', 'https://[FD00:0::5]', true],
    ['[fd00::5]:5000', 'https://[fd00::5]:5000', true],
    ['[fd00::5]:5000', 'https://[fd00::5]', false],
    ['hub-cache.registry-cache', 'http://hub-cache.registry-cache:5000', true],
    ['.svc,.cluster.local', 'http://hub-cache.registry-cache.svc:5000', true],
    ['a.test,,*', 'https://quay.io', true],
    ['', 'https://quay.io', false],
    [', ,:80,/8', 'https://quay.io', false],
  ])('NO_PROXY=%j, %s: past the proxy %s', (NO_PROXY, url, past) => {
    expect(takes({ NO_PROXY }, url) === undefined).toBe(past);
  });
});

describe('the URL of a proxy', () => {
  test.each([
    ['proxy.corp:3128', 'http://proxy.corp:3128', 'proxy.corp:3128'],
    ['http://proxy.corp', 'http://proxy.corp', 'proxy.corp:80'],
    ['https://proxy.corp/', 'https://proxy.corp', 'proxy.corp:443'],
    [`http://${AS_URL}@[fd00::1]:3128`, 'http://[fd00::1]:3128', '[fd00::1]:3128'],
  ])('may be %s', (HTTPS_PROXY, origin, host) => {
    expect(readEgress({ HTTPS_PROXY }).https).toMatchObject({ origin, host });
  });

  test.each([
    `socks5://${AS_URL}@proxy.corp:1080`,
    `http://${AS_URL}@`,
    `http://${AS_URL}@proxy.corp:99999`,
    `http://${AS_URL}%zz@proxy.corp`,
    `${AS_URL}@pro xy.corp`,
    'http://',
  ])('may not be %s: one line that names the variable, and shows nothing of it', (value) => {
    for (const variable of ['HTTPS_PROXY', 'HTTP_PROXY']) {
      let said: unknown;
      try {
        readEgress({ [variable]: value });
      } catch (error) {
        said = error;
      }
      expect(said).toMatchObject({
        name: 'UserError',
        message: expect.stringMatching(`^${variable} is not usable: .*; write http://`) as string,
      });
      expect(leaks(said, LOGIN)).toEqual([]);
      expect((said as Error).message).not.toMatch(/\n|@proxy\.corp:[^3]/);
    }
  });
});

async function proxied(options: EgressProxyOptions, more: HttpClientOptions = {}, login = '') {
  const proxy = await startEgressProxy(options);
  onTestFinished(() => proxy.stop());
  const url = proxy.url.replace('://', `://${login}`);
  return { proxy, http: client({ egress: readEgress({ HTTPS_PROXY: url, HTTP_PROXY: url }), ...more }) };
}

describe('through the proxy', () => {
  test('a login is tried at a registry and its token server, by the CA of the registry; the proxy gets its own login', async () => {
    const authority = await createCertificateAuthority('corp');
    const tls = await authority.serving('registry.test', 'auth.test');
    const tokens = await scripted(
      ({ authorization }) =>
        authorization === `Basic ${Buffer.from(`${right.username}:${right.password}`).toString('base64')}`
          ? { ...ok, body: '{"token":"t"}' }
          : { status: 401 },
      tls,
    );
    const registry = await scripted(
      ({ authorization }) => (authorization === 'Bearer t' ? ok : bearerAt('https://auth.test/token')),
      tls,
    );
    const options = {
      login: `${LOGIN.username}:${LOGIN.password}`,
      routes: { 'registry.test:443': registry.host, 'auth.test:443': tokens.host },
    };
    const { proxy, http } = await proxied(options, { ca: authority.certPem }, `${AS_URL}@`);
    expect(await check({ registry: 'registry.test', http })).toMatchObject({ state: 'accepted' });
    expect(new Set(proxy.targets)).toEqual(new Set(['registry.test:443', 'auth.test:443']));
    expect(proxy.others).toEqual([]);

    const distrusting = await proxied(options, {}, `${AS_URL}@`);
    const verdict = await check({ registry: 'registry.test', http: distrusting.http });
    expect(verdict).toMatchObject({
      state: 'unknown',
      why: expect.stringMatching(/through egress proxy 127\.0\.0\.1:\d+: its certificate is not trusted/) as string,
    });
    expect(leaks(verdict, LOGIN)).toEqual([]);
  });

  test('the certificate must be of the host behind it, not of the proxy', async () => {
    const authority = await createCertificateAuthority('corp');
    const registry = await scripted(() => ok, await authority.serving());
    const { http } = await proxied({ routes: { 'registry.test:443': registry.host } }, { ca: authority.certPem });
    expect((await check({ registry: 'registry.test', http })).why).toContain('its certificate is for another host');
  });

  test('also plain http goes by CONNECT: what the proxy itself would say is never an answer of the registry', async () => {
    const registry = await upstream({ auth: 'basic' });
    const { proxy, http } = await proxied({ routes: { 'registry.test:5000': registry.host } });
    expect(await check({ registry: 'http://registry.test:5000', http })).toMatchObject({ state: 'accepted' });
    expect(proxy.targets.every((target) => target === 'registry.test:5000')).toBe(true);
    expect(proxy.others).toEqual([]);
  });

  test('connections are kept, and limits and redirects are as without it', async () => {
    const script: Script = ({ url }) =>
      url === '/long'
        ? { status: 200, body: 'x'.repeat(2000) }
        : url === '/away'
          ? { status: 302, headers: { location: 'http://other.test/' } }
          : url === '/heads'
            ? { status: 200, headers: { 'x-long': 'x'.repeat(40_000) } }
            : url === '/never'
              ? undefined
              : url === '/again'
                ? { status: 302, headers: { location: '/' } }
                : ok;
    const registry = await scripted(script);
    const { proxy, http } = await proxied({ routes: { 'registry.test:80': registry.host } }, { requestMs: 500 });
    const get = (path: string) =>
      http.request({ method: 'GET', url: `http://registry.test${path}`, auth: right, maxBytes: 1000 });
    for (let i = 0; i < 10; i++) await get('/');
    expect(proxy.targets.length).toBeLessThanOrEqual(2);
    expect(await get('/again')).toMatchObject({ status: 200 });
    expect(await get('/away')).toMatchObject({ status: 302, redirectedTo: 'http://other.test' });
    await expect(get('/long')).rejects.toMatchObject({ failure: 'too large' });
    await expect(get('/heads')).rejects.toMatchObject({ failure: 'too large' });
    await expect(get('/never')).rejects.toMatchObject({ failure: 'timeout' });
    expect(proxy.targets).not.toContain('other.test:80');
  });

  test('one with a certificate of its own that nobody trusts gets no login', async () => {
    const authority = await createCertificateAuthority('proxy');
    const { proxy, http } = await proxied({ tls: await authority.serving() }, {}, `${AS_URL}@`);
    const verdict = await check({ registry: 'registry.test', http });
    expect(verdict.why).toContain('the proxy could not be reached: its certificate is not trusted');
    expect(proxy.authorizations).toEqual([]);
  });
});

describe('no connection from the proxy is unknown, never refused, and said', () => {
  test.each<[string, EgressProxyOptions, string]>([
    ['407', { login: 'other:one' }, 'the proxy wants another login (407): put user:password@ into its URL'],
    ['401', { answer: 401 }, 'the proxy does not let us through to registry.test:443 (HTTP 401)'],
    [
      '403',
      { answer: 403 },
      'the proxy does not let us through to registry.test:443 (HTTP 403): allow it there, or list it in NO_PROXY',
    ],
    ['503', { answer: 503 }, 'the proxy does not get through to registry.test:443 (HTTP 503)'],
    ['302', { answer: 302 }, '(HTTP 302)'],
    ['nothing', { answer: 'silent' }, 'the proxy could not be reached: it gave no connection within 0.8 s'],
    ['a cut', { answer: 'cut' }, 'the proxy could not be reached: the server cut the connection'],
  ])('%s', async (_, options, says) => {
    const { proxy, http } = await proxied(options, { requestMs: 1000 }, `${AS_URL}@`);
    const verdict = await check({ registry: 'registry.test', http });
    expect(verdict.state).toBe('unknown');
    expect(verdict.why).toContain(`registry.test: GET https://registry.test/v2/ through egress proxy ${proxy.host}: `);
    expect(verdict.why).toContain(says);
    expect(leaks(verdict, LOGIN)).toEqual([]);
  });

  test('a proxy that is not there', async () => {
    const { proxy, http } = await proxied({});
    await proxy.stop();
    expect(await check({ registry: 'http://registry.test', http })).toMatchObject({
      state: 'unknown',
      why: expect.stringContaining('the proxy could not be reached: connection refused') as string,
    });
  });
});
