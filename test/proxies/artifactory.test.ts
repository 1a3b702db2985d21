/** Artifactory: a partial update of a remote repository. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ConfigOf } from '../../src/config/cache-proxies.ts';
import { cacheProxySchema } from '../../src/config/cache-proxies.ts';
import { UserError } from '../../src/errors.ts';
import { artifactory } from '../../src/proxies/artifactory.ts';
import { LoginRefusedError } from '../../src/proxies/adapter.ts';
import { describeCacheProxy } from '../conformance/cache-proxy.ts';
import { type ArtifactoryRepository, type FakeArtifactory, startArtifactory } from '../sandbox/products/artifactory.ts';
import type { Tls } from '../sandbox/products/server.ts';
import { ADMIN, failureOf, type Played, type Stage, stage, upstreamLogin } from './called-product.ts';
import { describeHostile } from './hostile-product.ts';

const configure = (url: string): ConfigOf<'artifactory'> =>
  cacheProxySchema.parse({
    kind: 'artifactory',
    name: 'hub',
    source: 'upstream',
    registry: 'docker.io',
    url,
    admin: { secret: ADMIN },
    repository: 'docker-remote',
  }) as ConfigOf<'artifactory'>;

const remote = (): ArtifactoryRepository => ({
  key: 'docker-remote',
  rclass: 'remote',
  packageType: 'docker',
  url: 'https://registry-1.docker.io/',
  description: 'ours',
  blockPushingSchema1: true,
});

let product: FakeArtifactory;
const play =
  (login: 'basic' | 'token', path = '') =>
  async (tls?: Tls): Promise<Played> => {
    product = await startArtifactory(tls);
    const played = product;
    played.repositories.set('docker-remote', remote());
    const { username, password, token } = played.admin;
    return {
      proxy: artifactory(configure(`${played.url}${path}`)),
      server: played,
      admin: login === 'basic' ? { username, password } : { token },
      holds: () => {
        const held = played.repositories.get('docker-remote');
        return held?.username === undefined ? undefined : { username: held.username, password: held.password ?? '' };
      },
      writes: () => played.writes,
      violations: played.violations,
    };
  };

describeCacheProxy('artifactory', () => stage(play('basic')));
describeCacheProxy('artifactory with an access token and a URL with the context path', () =>
  stage(play('token', '/artifactory/')),
);
describeHostile('artifactory', play('token'));

describe('artifactory', () => {
  let it: Stage;
  beforeEach(async () => {
    it = await stage(play('basic'));
  });
  afterEach(async () => it.stop());

  test('changes the login and nothing else', async () => {
    await it.proxy.apply(upstreamLogin('pw-1'), it.context);
    expect(product.repositories.get('docker-remote')).toEqual({ ...remote(), username: 'robot', password: 'pw-1' });
  });

  test.each([
    [
      'is not there',
      (): unknown => product.repositories.clear(),
      'is not there (HTTP 400): create it, or correct the name',
    ],
    [
      'is a local one',
      (): unknown => product.repositories.set('docker-remote', { ...remote(), rclass: 'local' }),
      'is not a remote repository: name one that is',
    ],
    [
      'pulls from somewhere else',
      (): unknown => product.repositories.set('docker-remote', { ...remote(), url: 'https://quay.io' }),
      'does not pull from "docker.io": name another repository, or the registry of its URL',
    ],
  ])('a repository that %s gets no login', async (_, change, why) => {
    change();
    const error = await failureOf(it.proxy.apply(upstreamLogin('pw-1'), it.context), 'pw-1');
    expect(error).toBeInstanceOf(UserError);
    expect(error.message).toBe(`Artifactory repository "docker-remote" ${why}`);
    expect(it.server.calls.filter(({ body }) => body !== '')).toEqual([]);
  });

  test('a repository that a server calls not found is not there, either', async () => {
    it.server.trouble = () => ({ status: 404, body: '' });
    expect((await failureOf(it.proxy.apply(upstreamLogin('pw-1'), it.context), 'pw-1')).message).toBe(
      'Artifactory repository "docker-remote" is not there (HTTP 404): create it, or correct the name',
    );
  });

  test('an edition without this call is an error that says what it needs', async () => {
    product.pro = false;
    const error = await failureOf(it.proxy.apply(upstreamLogin('pw-1'), it.context), 'pw-1');
    expect(error.message).toBe(
      'Artifactory repository "docker-remote": could not update it, which needs Artifactory Pro: HTTP 400',
    );
  });

  test('a user who is no administrator is told so', async () => {
    product.admin.isAdmin = false;
    expect(await failureOf(it.proxy.apply(upstreamLogin('pw-1'), it.context), 'pw-1')).toBeInstanceOf(
      LoginRefusedError,
    );
  });

  test('verify says what Artifactory holds, and that it cannot try it', async () => {
    await it.proxy.apply(upstreamLogin('pw-1'), it.context);
    const verify = async (more: object = {}) => it.proxy.verify?.(upstreamLogin('pw-1', more), it.context);
    expect(await verify()).toEqual({
      state: 'unknown',
      why: 'Artifactory repository "docker-remote" holds a login of this user; only a pull shows whether its password works',
    });
    expect(await verify({ username: 'somebody' })).toMatchObject({
      state: 'refused',
      why: expect.stringContaining('but that of another user') as string,
    });
    product.repositories.set('docker-remote', remote());
    expect(await verify()).toEqual({
      state: 'unknown',
      why: 'Artifactory repository "docker-remote" does not show whose login it holds',
    });
    product.repositories.set('docker-remote', { ...remote(), username: '' });
    expect(await verify()).toMatchObject({ state: 'refused', why: expect.stringContaining('but none') as string });
    product.repositories.set('docker-remote', { ...remote(), url: 'https://quay.io' });
    expect(await verify()).toMatchObject({
      state: 'unknown',
      why: expect.stringContaining('does not pull from "docker.io"') as string,
    });
    await it.server.goDown();
    expect(await verify()).toMatchObject({
      state: 'unknown',
      why: expect.stringContaining('could not read it') as string,
    });
  });
});
