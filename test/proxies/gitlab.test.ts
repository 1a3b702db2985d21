/** GitLab: one Docker Hub login a group, by GraphQL, which says 200 to everything. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ConfigOf } from '../../src/config/cache-proxies.ts';
import { cacheProxySchema } from '../../src/config/cache-proxies.ts';
import { UserError } from '../../src/errors.ts';
import { gitlab } from '../../src/proxies/gitlab.ts';
import { LoginRefusedError } from '../../src/proxies/adapter.ts';
import { describeCacheProxy } from '../conformance/cache-proxy.ts';
import { type FakeGitlab, startGitlab } from '../sandbox/products/gitlab.ts';
import type { Tls } from '../sandbox/products/server.ts';
import { ADMIN, failureOf, type Played, type Stage, stage, upstreamLogin } from './called-product.ts';
import { describeHostile } from './hostile-product.ts';

const GROUP = 'platform/registries';
const configure = (url: string): ConfigOf<'gitlab'> =>
  cacheProxySchema.parse({
    kind: 'gitlab',
    name: 'hub',
    source: 'upstream',
    registry: 'docker.io',
    url,
    admin: { secret: ADMIN },
    group: GROUP,
  }) as ConfigOf<'gitlab'>;

let product: FakeGitlab;
const play = async (tls?: Tls): Promise<Played> => {
  product = await startGitlab(tls);
  const played = product;
  played.groups.set(GROUP, { enabled: false, identity: null, secret: null });
  return {
    proxy: gitlab(configure(played.url)),
    server: played,
    admin: { token: played.admin.token },
    holds: () => {
      const { identity, secret } = played.groups.get(GROUP) ?? { identity: null, secret: null };
      return identity === null ? undefined : { username: identity, password: secret ?? '' };
    },
    writes: () => played.writes,
    violations: played.violations,
  };
};

describeCacheProxy('gitlab', () => stage(play));
describeHostile('gitlab', play);

describe('gitlab', () => {
  let it: Stage;
  beforeEach(async () => {
    it = await stage(play);
  });
  afterEach(async () => it.stop());
  const apply = (password = 'pw-1'): Promise<Error> =>
    failureOf(it.proxy.apply(upstreamLogin(password), it.context), password);

  test('changes the login, and does not switch the dependency proxy on or off', async () => {
    await it.proxy.apply(upstreamLogin('pw-1'), it.context);
    expect(product.groups.get(GROUP)).toEqual({ enabled: false, identity: 'robot', secret: 'pw-1' });
  });

  test('a registry other than Docker Hub is an error of the configuration: nothing is asked', async () => {
    const error = await failureOf(it.proxy.apply(upstreamLogin('pw-1', { registry: 'ghcr.io' }), it.context), 'pw-1');
    expect(error).toBeInstanceOf(UserError);
    expect(error.message).toContain('pulls from Docker Hub only, not from "ghcr.io"');
    expect(it.server.calls).toEqual([]);
  });

  test.each([
    [
      'a missing group',
      (): unknown => product.groups.clear(),
      'there is no such group, or the token is not of its Owner with scope "api"',
    ],
    [
      'a token that is not of an Owner',
      (): unknown => (product.admin.owner = false),
      'there is no such group, or the token is not of its Owner with scope "api"',
    ],
    [
      'a GitLab before 17.10',
      (): unknown => (product.version = 1709),
      'GitLab does not know these settings: it needs 17.10 or newer',
    ],
  ])('%s is an error that says so', async (_, change, why) => {
    change();
    expect((await apply()).message).toBe(`GitLab group "${GROUP}": could not update its dependency proxy: ${why}`);
    expect(product.writes).toBe(0);
  });

  test('a password that GitLab does not take is an error, in its `errors`', async () => {
    expect((await apply('x'.repeat(256))).message).toContain('at most 255 characters');
  });

  test('errors that nobody knows are not repeated', async () => {
    it.server.trouble = ({ body }) => ({
      status: 200,
      body: {
        data: {
          updateDependencyProxySettings: { dependencyProxySetting: { identity: 'robot' }, errors: [`no: ${body}`] },
        },
      },
    });
    expect((await apply()).message).toBe(
      `GitLab group "${GROUP}": could not update its dependency proxy: GitLab reports errors`,
    );
  });

  test('a change without errors that did not keep the identity is an error', async () => {
    it.server.trouble = () => ({
      status: 200,
      body: { data: { updateDependencyProxySettings: { dependencyProxySetting: { identity: null }, errors: [] } } },
    });
    expect((await apply()).message).toContain('did not keep the identity');
  });

  test.each([
    ['without its settings', { dependencyProxySetting: null, errors: [] }],
    ['that is empty', null],
  ])('an answer %s did not keep the identity, either', async (_, updateDependencyProxySettings) => {
    it.server.trouble = () => ({ status: 200, body: { data: { updateDependencyProxySettings } } });
    expect((await apply()).message).toContain('did not keep the identity');
  });

  test('verify says whether the dependency proxy is on', async () => {
    const why = async (dependencyProxySetting: object | null): Promise<unknown> => {
      it.server.trouble = () => ({ status: 200, body: { data: { group: { dependencyProxySetting } } } });
      return (await it.proxy.verify?.(upstreamLogin('pw-1'), it.context))?.why;
    };
    const holds = `GitLab group "${GROUP}" holds a login of this user; only a pull shows whether its password works`;
    expect(await why({ identity: 'robot', enabled: true })).toBe(holds);
    expect(await why({ identity: 'robot', enabled: false })).toBe(`${holds}; its dependency proxy is off`);
    expect(await why({ identity: null, enabled: true })).toBe(
      `GitLab group "${GROUP}" shows no identity: none is stored, or ` +
        'its feature flag dependency_proxy_containers_docker_hub_credentials is off',
    );
    expect(await why(null)).toContain('does not show its dependency proxy');
  });

  test("a revoked token is the refusal of the administrator's login", async () => {
    product.admin.token = 'another';
    expect(await apply()).toBeInstanceOf(LoginRefusedError);
  });

  test("an administrator's Secret with user name and password only lacks the token", async () => {
    it.secrets.set(`${ADMIN.namespace}/${ADMIN.name}`, { username: 'root', password: 'x' });
    expect((await apply()).message).toBe(
      'Secret "pullpass-system/cache-admin" lacks the key "token", which GitLab needs',
    );
  });

  test('verify compares the identity', async () => {
    const verdict = async (username: string) => it.proxy.verify?.(upstreamLogin('pw-1', { username }), it.context);
    await it.proxy.apply(upstreamLogin('pw-1'), it.context);
    expect(await verdict('robot')).toEqual({
      state: 'unknown',
      why: `GitLab group "${GROUP}" holds a login of this user; only a pull shows whether its password works; its dependency proxy is off`,
    });
    expect(await verdict('somebody')).toEqual({
      state: 'refused',
      why: `GitLab group "${GROUP}" does not hold this login, but that of another user: somebody changed it since; its dependency proxy is off`,
    });
    product.admin.owner = false;
    expect(await verdict('robot')).toEqual({
      state: 'unknown',
      why: `GitLab group "${GROUP}" does not show its dependency proxy: the token must be of an Owner`,
    });
    await it.server.goDown();
    expect(await verdict('robot')).toMatchObject({
      state: 'unknown',
      why: expect.stringContaining('could not read its dependency proxy') as string,
    });
  });

  test('a GitLab whose feature flag is off ignores identity and secret: that is an error', async () => {
    product.flag = false;
    expect((await apply()).message).toBe(
      `GitLab group "${GROUP}": GitLab did not keep the identity: it is older than 17.10, or its feature flag ` +
        'dependency_proxy_containers_docker_hub_credentials is off',
    );
    expect(product.groups.get(GROUP)?.secret ?? '').toBe('');
  });
});
