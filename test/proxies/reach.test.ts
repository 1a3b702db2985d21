import { describe, expect, onTestFinished, test } from 'vitest';
import { configurationSchema } from '../../src/config/schema.ts';
import type { Configuration } from '../../src/config/schema.ts';
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
function configuration(registries: object[] = []): Configuration {
  return configurationSchema.parse({
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Configuration',
    registries,
    sources: [{ name: 'hub', secret: { namespace: 'n', name: 'hub' }, copyName: 'c' }],
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
