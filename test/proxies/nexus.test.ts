/** Nexus: an update replaces the whole repository, so everything that was read goes back, under the names of an update. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ConfigOf } from '../../src/config/cache-proxies.ts';
import { cacheProxySchema } from '../../src/config/cache-proxies.ts';
import { UserError } from '../../src/errors.ts';
import { nexus } from '../../src/proxies/nexus.ts';
import { LoginRefusedError } from '../../src/proxies/adapter.ts';
import { describeCacheProxy } from '../conformance/cache-proxy.ts';
import { dockerHubProxy, type FakeNexus, startNexus } from '../sandbox/products/nexus.ts';
import type { Tls } from '../sandbox/products/server.ts';
import { ADMIN, failureOf, type Played, type Stage, stage, upstreamLogin } from './called-product.ts';
import { describeHostile } from './hostile-product.ts';

const configure = (url: string): ConfigOf<'nexus'> =>
  cacheProxySchema.parse({
    kind: 'nexus',
    name: 'hub',
    source: 'upstream',
    registry: 'docker.io',
    url,
    admin: { secret: ADMIN },
    repository: 'docker hub',
  }) as ConfigOf<'nexus'>;

let product: FakeNexus;
const play = async (tls?: Tls): Promise<Played> => {
  product = await startNexus(tls);
  const played = product;
  played.repositories.set('docker hub', dockerHubProxy('docker hub'));
  return {
    proxy: nexus(configure(played.url)),
    server: played,
    admin: { username: played.admin.username, password: played.admin.password },
    holds: () => {
      const held = played.repositories.get('docker hub')?.httpClient.authentication;
      return held ? { username: held.username ?? '', password: held.password ?? '' } : undefined;
    },
    writes: () => played.writes,
    violations: played.violations,
  };
};

describeCacheProxy('nexus', () => stage(play));
describeHostile('nexus', play);

describe('nexus', () => {
  let it: Stage;
  beforeEach(async () => {
    it = await stage(play);
  });
  afterEach(async () => it.stop());

  test('changes the login and nothing else: the routing rule stays, which is read under another name', async () => {
    await it.proxy.apply(upstreamLogin('pw-1'), it.context);
    const before = dockerHubProxy('docker hub');
    expect(product.repositories.get('docker hub')).toEqual({
      ...before,
      httpClient: { ...before.httpClient, authentication: { type: 'username', username: 'robot', password: 'pw-1' } },
    });
    expect(product.repositories.get('docker hub')?.routingRule).toBe('no-latest');
  });

  test('a login of another kind is replaced whole', async () => {
    const before = dockerHubProxy('docker hub');
    product.repositories.set('docker hub', {
      ...before,
      httpClient: {
        ...before.httpClient,
        authentication: { type: 'ntlm', username: 'x', password: 'y', ntlmHost: 'h', ntlmDomain: 'd' },
      },
    });
    await it.proxy.apply(upstreamLogin('pw-1'), it.context);
    expect(product.repositories.get('docker hub')?.httpClient.authentication).toEqual({
      type: 'username',
      username: 'robot',
      password: 'pw-1',
    });
  });

  test('a repository that is not there is a line that says so', async () => {
    product.repositories.clear();
    const error = await failureOf(it.proxy.apply(upstreamLogin('pw-1'), it.context), 'pw-1');
    expect(error).toBeInstanceOf(UserError);
    expect(error.message).toBe(
      'Nexus repository "docker hub" is not there as a docker proxy repository (HTTP 404): create it, or correct the name',
    );
  });

  test('the login of one registry does not go to another', async () => {
    const error = await failureOf(it.proxy.apply(upstreamLogin('pw-1', { registry: 'ghcr.io' }), it.context), 'pw-1');
    expect(error).toBeInstanceOf(UserError);
    expect(product.writes).toBe(0);
  });

  test('an administrator who may read only is told so', async () => {
    product.admin.mayEdit = false;
    const error = await failureOf(it.proxy.apply(upstreamLogin('pw-1'), it.context), 'pw-1');
    expect(error).toBeInstanceOf(LoginRefusedError);
    expect(error.message).toContain(
      'could not update it: the administrator\'s login in Secret "pullpass-system/cache-admin" lacks the right to (HTTP 403)',
    );
  });

  test('verify says what Nexus holds, and that it cannot try it', async () => {
    const verify = async (username: string): Promise<unknown> =>
      it.proxy.verify?.(upstreamLogin('pw-1', { username }), it.context);
    await it.proxy.apply(upstreamLogin('pw-1'), it.context);
    expect(await verify('robot')).toEqual({
      state: 'unknown',
      why: 'Nexus repository "docker hub" holds a login of this user; only a pull shows whether its password works',
    });
    expect(await verify('somebody')).toEqual({
      state: 'refused',
      why: 'Nexus repository "docker hub" does not hold this login, but that of another user: somebody changed it since',
    });
    const before = dockerHubProxy('docker hub');
    product.repositories.set('docker hub', { ...before, httpClient: { ...before.httpClient, authentication: null } });
    expect(await verify('robot')).toMatchObject({
      state: 'refused',
      why: expect.stringContaining('but none') as string,
    });
    expect(product.writes).toBe(1);
  });

  test('verify says nothing of a repository that pulls from elsewhere now, and says why where Nexus is down', async () => {
    const verify = async (more: object = {}) => it.proxy.verify?.(upstreamLogin('pw-1', more), it.context);
    expect(await verify({ registry: 'ghcr.io' })).toMatchObject({
      state: 'unknown',
      why: expect.stringContaining('does not pull from "ghcr.io"') as string,
    });
    await it.server.goDown();
    expect(await verify()).toMatchObject({
      state: 'unknown',
      why: expect.stringContaining('could not read it') as string,
    });
  });
});
