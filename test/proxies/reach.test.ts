import { describe, expect, onTestFinished, test } from 'vitest';
import { configurationSchema } from '../../src/config/schema.ts';
import type { Configuration } from '../../src/config/schema.ts';
import { createProxies } from '../../src/proxies/kinds.ts';
import type { ProxyKube } from '../../src/proxies/adapter.ts';
import { createReach } from '../../src/proxies/reach.ts';
import type { Reach } from '../../src/proxies/reach.ts';
import { createCertificateAuthority } from '../sandbox/kube-api/tls/certificates.ts';
import { ok, right, upstream, wrong } from '../registry/checking.ts';
import { leaks } from '../registry/leaks.ts';
import { startScripted } from '../registry/scripted-server.ts';
import type { Script } from '../registry/scripted-server.ts';

const signal = new AbortController().signal;

function reach(): Reach {
  const made = createReach({ userAgent: 'test' });
  onTestFinished(() => made.close());
  return made;
}
function configuration(registries: object[] = [], probe?: object): Configuration {
  return configurationSchema.parse({
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Configuration',
    registries,
    sources: [{ name: 'hub', secret: { namespace: 'n', name: 'hub' }, copyName: 'c' }],
    cacheProxies: [
      {
        name: 'cache',
        kind: 'zot',
        source: 'hub',
        registry: 'docker.io',
        secret: { namespace: 'n', name: 's' },
        ...(probe && { probe }),
      },
    ],
  });
}
const basicDoor: Script = ({ authorization }) =>
  authorization === `Basic ${Buffer.from(`${right.username}:${right.password}`).toString('base64')}`
    ? ok
    : { status: 401, headers: { 'www-authenticate': 'Basic realm="r"' } };
async function door(tls?: { certPem: string; keyPem: string }) {
  const server = await startScripted(basicDoor, tls);
  onTestFinished(() => server.stop());
  return server;
}

describe('a login is tried', () => {
  test('in the clear only where the configuration says so, whatever the scheme of its key', async () => {
    const { host, seen } = await door();
    for (const key of [host, `http://${host}`, `http://${host}/v2/`]) {
      expect(await reach().check(configuration(), { key, ...right }, signal)).toMatchObject({ state: 'unknown' });
      expect(
        await reach().check(configuration([{ host: 'other.test', plainHttp: true }]), { key, ...right }, signal),
      ).toMatchObject({ state: 'unknown' });
    }
    expect(seen.map(({ authorization }) => authorization).filter((said) => said !== undefined)).toEqual([]);
    for (const key of [host, `http://${host}`, `${host}/team/app`]) {
      expect(await reach().check(configuration([{ host, plainHttp: true }]), { key, ...right }, signal)).toMatchObject({
        state: 'accepted',
      });
    }
  });

  test('and a wrong one is refused, without showing it', async () => {
    const { host } = await upstream();
    const verdict = await reach().check(configuration([{ host, plainHttp: true }]), { key: host, ...wrong }, signal);
    expect(verdict.state).toBe('refused');
    expect(leaks(verdict, wrong)).toEqual([]);
  });

  test('over a certificate of its own only where the CA is given, and that CA counts for no other registry', async () => {
    const authority = await createCertificateAuthority('registry');
    const { host } = await door(await authority.serving());
    const other = await createCertificateAuthority('other');
    const all = reach();
    const ask = (registries: object[]) => all.check(configuration(registries), { key: host, ...right }, signal);
    expect(await ask([{ host, ca: authority.certPem }])).toMatchObject({ state: 'accepted' });
    expect(await ask([])).toMatchObject({ state: 'unknown' });
    expect(await ask([{ host, ca: other.certPem }])).toMatchObject({ state: 'unknown' });
    expect(await ask([{ host: 'other.test', ca: authority.certPem }])).toMatchObject({ state: 'unknown' });
  });

  describe('where /v2/ is open to all', () => {
    const open: Script = (seen, ...rest) => (seen.url === '/v2/' ? ok : basicDoor(seen, ...rest));
    async function tried(key: (host: string) => string, registry: object, login = right, script = open) {
      const server = await startScripted(script);
      onTestFinished(() => server.stop());
      const { host } = server;
      const registries = [{ host, plainHttp: true, ...registry }];
      const verdict = await reach().check(configuration(registries), { key: key(host), ...login }, signal);
      expect(leaks(verdict, login)).toEqual([]);
      return { verdict, sent: server.seen.filter(({ authorization }) => authorization !== undefined) };
    }

    test('on the repository that is named for it: a right login is accepted, a wrong one refused', async () => {
      for (const key of [
        (host: string) => host,
        (host: string) => `${host}/corp`,
        (host: string) => `http://${host}/corp/a`,
      ]) {
        expect((await tried(key, { repository: 'corp/app' })).verdict).toMatchObject({ state: 'accepted' });
        const { verdict, sent } = await tried(key, { repository: 'corp/app' }, wrong);
        expect(verdict).toMatchObject({ state: 'refused' });
        expect(sent).toHaveLength(1);
      }
    });

    test('not with the login of a key that is not for it, nor anywhere else: and that is said', async () => {
      const other = await tried((host) => `${host}/team`, { repository: 'corp/app' }, wrong);
      expect(other.verdict).toMatchObject({
        state: 'unknown',
        why: expect.stringMatching(/; registries\[\]\.repository, corp\/app, is not below this key$/) as string,
      });
      const none = await tried((host) => host, {}, wrong);
      expect(none.verdict).toMatchObject({
        state: 'unknown',
        why: expect.stringMatching(
          /takes anybody.*; name a private repository to try it on: registries\[\]\.repository$/,
        ) as string,
      });
      const isPublic = await tried(
        (host) => host,
        { repository: 'corp/app' },
        wrong,
        () => ok,
      );
      expect(isPublic.verdict).toMatchObject({
        state: 'unknown',
        why: expect.stringMatching(/; registries\[\]\.repository, corp\/app, is public: name a private one$/) as string,
      });
      expect([...other.sent, ...none.sent, ...isPublic.sent]).toEqual([]);
    });

    test('but where /v2/ tells, nothing more is asked: a login need not be allowed to pull from that repository', async () => {
      const { verdict } = await tried(
        (host) => host,
        { repository: 'corp/app' },
        right,
        (seen, ...rest) => (seen.url === '/v2/' ? basicDoor(seen, ...rest) : { status: 403 }),
      );
      expect(verdict).toMatchObject({ state: 'accepted' });
    });

    test('also where its token server gives the same token to anybody', async () => {
      const { host } = await upstream({ openToAll: ['pub/*'] });
      const registries = [{ host, plainHttp: true, repository: 'corp/app' }];
      expect(await reach().check(configuration(registries), { key: host, ...right }, signal)).toMatchObject({
        state: 'accepted',
      });
      expect(await reach().check(configuration(registries), { key: host, ...wrong }, signal)).toMatchObject({
        state: 'refused',
      });
    });
  });

  test('no longer than the signal allows', async () => {
    await expect(
      reach().check(configuration(), { key: 'registry.test', ...right }, AbortSignal.abort(new Error('stopped'))),
    ).rejects.toThrow('stopped');
  });
});

test('clients are kept, one for each CA', async () => {
  const { certPem } = await createCertificateAuthority('a');
  const all = reach();
  expect(all.http()).toBe(all.http(''));
  expect(all.http(certPem)).toBe(all.http(certPem));
  expect(all.http(certPem)).not.toBe(all.http());
});

describe('a probe', () => {
  const kube = (data: Record<string, string> = {}): ProxyKube => ({
    applySecret: () => Promise.reject(new Error('not for a probe')),
    patch: () => Promise.reject(new Error('not for a probe')),
    get: () => Promise.resolve(undefined),
    readSecret: () => Promise.resolve(data),
  });
  async function probe(script: Script, more: object = {}, data?: Record<string, string>) {
    const server = await startScripted(script);
    onTestFinished(() => server.stop());
    const [proxy] = createProxies(
      configuration([], { url: server.url, repository: 'corp/app', reference: 'v1', ...more }),
    );
    if (proxy === undefined) throw new Error('no proxy');
    return { verdict: await reach().probe(proxy, kube(data), signal), seen: server.seen };
  }
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: `sha256:${'0'.repeat(64)}`, size: 2 },
    layers: [],
  };
  const served: Script = () => ({
    status: 200,
    headers: { 'content-type': manifest.mediaType },
    body: JSON.stringify(manifest),
  });

  test('that is not configured says why it is unknown', async () => {
    const [proxy] = createProxies(configuration());
    if (proxy === undefined) throw new Error('no proxy');
    expect(await reach().probe(proxy, kube(), signal)).toEqual({
      state: 'unknown',
      why: expect.stringContaining('no private probe image') as string,
    });
  });

  test('that is served is verified', async () => {
    expect((await probe(served)).verdict.state).toBe('verified');
  });

  test('that is "not found" is refused, and explained', async () => {
    const { verdict } = await probe(() => ({
      status: 404,
      headers: { 'content-type': 'application/json' },
      body: '{"errors":[{"code":"MANIFEST_UNKNOWN"}]}',
    }));
    expect(verdict).toEqual({
      state: 'refused',
      why: expect.stringContaining('is "not found" through a cache proxy whose upstream login is refused') as string,
    });
  });

  test('that breaks is unknown', async () => {
    expect((await probe(() => ({ status: 503 }))).verdict.state).toBe('unknown');
  });

  test('logs in to the cache proxy where it is told how', async () => {
    const guarded: Script = (seen, ...rest) =>
      seen.authorization === undefined
        ? { status: 401, headers: { 'www-authenticate': 'Basic realm="cache"' } }
        : served(seen, ...rest);
    const { verdict, seen } = await probe(
      guarded,
      { login: { secret: { namespace: 'n', name: 'probe' } } },
      { username: 'p', password: 'q' },
    );
    expect(verdict.state).toBe('verified');
    expect(seen.at(-1)?.authorization).toBe(`Basic ${Buffer.from('p:q').toString('base64')}`);
  });
});
