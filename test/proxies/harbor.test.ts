/** Harbor: nothing is stored that it cannot log in with, and every request keeps to its published API. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ConfigOf } from '../../src/config/cache-proxies.ts';
import { cacheProxySchema } from '../../src/config/cache-proxies.ts';
import { UserError } from '../../src/errors.ts';
import { harbor } from '../../src/proxies/harbor.ts';
import { LoginRefusedError } from '../../src/proxies/adapter.ts';
import { describeCacheProxy } from '../conformance/cache-proxy.ts';
import { type FakeHarbor, startHarbor } from '../sandbox/products/harbor.ts';
import type { Tls } from '../sandbox/products/server.ts';
import { ADMIN, failureOf, type Played, type Stage, stage, upstreamLogin } from './called-product.ts';
import { describeHostile } from './hostile-product.ts';

const configure = (url: string, more: object = {}): ConfigOf<'harbor'> =>
  cacheProxySchema.parse({
    kind: 'harbor',
    name: 'hub',
    source: 'upstream',
    registry: 'docker.io',
    url,
    admin: { secret: ADMIN },
    endpoint: 'hub',
    ...more,
  }) as ConfigOf<'harbor'>;

let product: FakeHarbor;
const play =
  (more: object = {}) =>
  async (tls?: Tls): Promise<Played> => {
    product = await startHarbor(tls);
    const played = product;
    return {
      proxy: harbor(configure(played.url, more)),
      server: played,
      admin: { username: played.admin.username, password: played.admin.password },
      holds: () => {
        const held = played.endpoints.find(({ name }) => name === 'hub')?.credential;
        return held && { username: held.access_key, password: held.access_secret };
      },
      writes: () => played.writes,
      violations: played.violations,
      refuse: (password) => played.upstream.refused.add(password),
    };
  };

describeCacheProxy('harbor', () => stage(play()));
describeCacheProxy('harbor with a project', () => stage(play({ project: 'dockerhub' })));
describeHostile('harbor', play());

describe('harbor', () => {
  let it: Stage;
  const begin = async (more: object = {}): Promise<void> => {
    it = await stage(play(more));
  };
  beforeEach(() => begin());
  afterEach(async () => it.stop());
  const asked = (): string[] => it.server.calls.map(({ method, path }) => `${method} ${path.replace('/api/v2.0', '')}`);
  const existing = (more: object = {}): void => {
    product.endpoints.push({
      id: 7,
      name: 'hub',
      type: 'docker-registry',
      url: 'https://registry-1.docker.io',
      insecure: false,
      description: 'ours',
      credential: { type: 'basic', access_key: 'robot', access_secret: 'pw-old' },
      ...more,
    });
  };

  test('every request and answer keeps to the published API', async (context) => {
    if (product.contract === undefined) return context.skip('../shared/contracts is not there');
    await it.proxy.apply(upstreamLogin('pw-1'), it.context);
    await it.proxy.apply(upstreamLogin('pw-2'), it.context);
    await it.proxy.verify?.(upstreamLogin('pw-2'), it.context);
    expect(product.violations).toEqual([]);
    // The judge itself: a misspelt field, a wrong type, an unknown query, a missing path.
    const judge = product.contract;
    const wrong = (method: string, path: string, body: string): string[] =>
      judge?.(
        {
          method,
          path: `/api/v2.0${path.split('?')[0]}`,
          query: new URLSearchParams(path.split('?')[1]),
          headers: {},
          body,
        },
        { status: 200 },
      ) ?? [];
    expect(wrong('PUT', '/registries/7', '{"access_sceret":"x"}')).toHaveLength(1);
    expect(wrong('PUT', '/registries/7', '{"access_key":1}')).toHaveLength(1);
    expect(wrong('GET', '/registries?nmae=x', '')).toHaveLength(1);
    expect(wrong('GET', '/registries?page_size=101', '')).toHaveLength(1);
    expect(wrong('GET', '/registires', '')).toHaveLength(1);
    expect(wrong('PUT', '/registries/7', '{"access_key":"x"}')).toEqual([]);
  });

  test('creates a missing endpoint, after the login was tried', async () => {
    await it.proxy.apply(upstreamLogin('pw-1'), it.context);
    expect(asked()).toEqual(['GET /registries', 'POST /registries/ping', 'POST /registries']);
    expect(product.endpoints).toMatchObject([
      {
        name: 'hub',
        type: 'docker-registry',
        url: 'https://registry-1.docker.io',
        credential: { type: 'basic', access_key: 'robot', access_secret: 'pw-1' },
      },
    ]);
  });

  test('updates an endpoint after the login was tried, and keeps what else it is', async () => {
    existing({ insecure: true, description: 'kept', url: 'https://index.docker.io' });
    await it.proxy.apply(upstreamLogin('pw-1'), it.context);
    expect(asked()).toEqual(['GET /registries', 'POST /registries/ping', 'PUT /registries/7']);
    expect(product.endpoints).toEqual([
      {
        id: 7,
        name: 'hub',
        type: 'docker-registry',
        url: 'https://index.docker.io',
        insecure: true,
        description: 'kept',
        credential: { type: 'basic', access_key: 'robot', access_secret: 'pw-1' },
      },
    ]);
  });

  test('an endpoint whose name only looks alike is another one', async () => {
    existing({ name: 'hub-2' });
    it.server.trouble = ({ method, query }) =>
      method === 'GET' && query.get('q') === 'name=hub'
        ? { status: 200, body: [{ id: 7, name: 'hub-2', url: 'https://registry-1.docker.io' }] }
        : undefined;
    await it.proxy.apply(upstreamLogin('pw-1'), it.context);
    expect(product.endpoints.map(({ name, credential }) => [name, credential?.access_secret])).toEqual([
      ['hub-2', 'pw-old'],
      ['hub', 'pw-1'],
    ]);
  });

  test.each(['a,b', '~hub', 'a+b', '50%25', '(x)', 'größe'])('finds an endpoint called %s', async (name) => {
    await it.stop();
    await begin({ endpoint: name });
    for (let i = 0; i < 230; i++) existing({ id: 100 + i, name: `other-${i}` });
    existing({ id: 99, name });
    await it.proxy.apply(upstreamLogin('pw-1'), it.context);
    expect(product.endpoints.find(({ id }) => id === 99)?.credential?.access_secret).toBe('pw-1');
    expect(product.endpoints).toHaveLength(231);
  });

  test('a candidate that is refused creates nothing', async () => {
    product.upstream.refused.add('pw-bad');
    const error = await failureOf(it.proxy.apply(upstreamLogin('pw-bad'), it.context), 'pw-bad');
    expect(error).toBeInstanceOf(LoginRefusedError);
    expect(error.message).toContain('its upstream refuses the login of "docker.io"');
    expect(product.endpoints).toEqual([]);
  });

  test.each([
    ['there', true],
    ['not there', false],
  ])('an upstream that Harbor does not reach is no refusal (endpoint %s)', async (_, there) => {
    if (there) existing();
    product.upstream.up = false;
    const error = await failureOf(it.proxy.apply(upstreamLogin('pw-1'), it.context), 'pw-1');
    expect(error).not.toBeInstanceOf(LoginRefusedError);
    expect(error.message).toContain('does not reach its upstream');
    expect(product.writes).toBe(0);
    product.upstream.up = true;
    await it.proxy.apply(upstreamLogin('pw-1'), it.context);
    expect(await it.holds()).toMatchObject({ password: 'pw-1' });
  });

  test("an adapter's own failure (500) is no refusal: it tells nothing about the login", async () => {
    existing();
    product.upstream.refused.add('pw-1');
    product.upstream.failing = true;
    const error = await failureOf(it.proxy.apply(upstreamLogin('pw-1'), it.context), 'pw-1');
    expect(error).not.toBeInstanceOf(LoginRefusedError);
    expect(error.message).toContain('HTTP 500');
    expect(asked().filter((call) => call.startsWith('PUT'))).toEqual([]);
  });

  test('a login that is refused is tried once, so that no account is locked', async () => {
    existing();
    product.upstream.refused.add('pw-bad');
    await failureOf(it.proxy.apply(upstreamLogin('pw-bad'), it.context));
    expect(it.server.calls.filter(({ body }) => body.includes('pw-bad'))).toHaveLength(1);
  });

  test('an endpoint that went away between two calls is an error, and made again by the next try', async () => {
    existing();
    it.server.trouble = ({ path }) => {
      if (path.endsWith('/ping')) product.endpoints.length = 0;
      return undefined;
    };
    const error = await failureOf(it.proxy.apply(upstreamLogin('pw-1'), it.context), 'pw-1');
    expect(error.message).toContain('HTTP 404');
    it.server.trouble = undefined;
    await it.proxy.apply(upstreamLogin('pw-1'), it.context);
    expect(await it.holds()).toMatchObject({ password: 'pw-1' });
  });

  test('the login of one registry does not go to another', async () => {
    existing({ url: 'https://quay.io' });
    expect(await failureOf(it.proxy.apply(upstreamLogin('pw-1'), it.context), 'pw-1')).toBeInstanceOf(UserError);
    product.endpoints.length = 0;
    const error = await failureOf(it.proxy.apply(upstreamLogin('pw-1', { registry: 'ghcr.io' }), it.context), 'pw-1');
    expect(error.message).toBe(
      'Harbor registry endpoint "hub" does not pull from "ghcr.io": set endpointUrl, or name another endpoint',
    );
    expect(it.server.calls.filter(({ body }) => body.includes('pw-1'))).toEqual([]);
  });

  test("an endpoint URL of the user's own choice is trusted", async () => {
    await it.stop();
    await begin({ endpointUrl: 'https://mirror.corp:8443/hub' });
    await it.proxy.apply(upstreamLogin('pw-1'), it.context);
    await it.proxy.apply(upstreamLogin('pw-2'), it.context);
    expect(product.endpoints).toMatchObject([
      { url: 'https://mirror.corp:8443/hub', credential: { access_secret: 'pw-2' } },
    ]);
  });

  test.each([
    ['registry:list', 'look for it'],
    ['registry:read', 'try its login'],
    ['registry:update', 'update it'],
  ] as const)('a robot account without %s is told so', async (missing, doing) => {
    existing();
    product.admin.permissions = product.admin.permissions.filter((permission) => permission !== missing);
    const error = await failureOf(it.proxy.apply(upstreamLogin('pw-1'), it.context), 'pw-1');
    expect(error).toBeInstanceOf(LoginRefusedError);
    expect(error.message).toBe(
      `Harbor registry endpoint "hub": could not ${doing}: the administrator's login in Secret "pullpass-system/cache-admin" lacks the right to (HTTP 403)`,
    );
  });

  const WORKS = 'Harbor registry endpoint "hub" logs in to its upstream';
  const verdict = async (username = 'robot') => it.proxy.verify?.(upstreamLogin('pw-1', { username }), it.context);

  describe('project', () => {
    beforeEach(async () => {
      await it.stop();
      await begin({ project: 'dockerhub' });
    });

    test('is created as a proxy cache of the endpoint, once', async () => {
      await it.proxy.apply(upstreamLogin('pw-1'), it.context);
      await it.proxy.apply(upstreamLogin('pw-2'), it.context);
      expect(product.projects).toEqual([
        { project_id: expect.any(Number) as number, name: 'dockerhub', registry_id: product.endpoints[0]?.id },
      ]);
    });

    test.each([
      ['another endpoint', 4711],
      ['none', undefined],
    ])('of %s is not touched, and the login arrives all the same', async (_, registryId) => {
      const theirs = { project_id: 3, name: 'dockerhub', ...(registryId !== undefined && { registry_id: registryId }) };
      product.projects.push(theirs);
      // The login is applied: a rotation must not wait for a project.
      await it.proxy.apply(upstreamLogin('pw-1'), it.context);
      expect(product.projects).toEqual([theirs]);
      expect(await it.holds()).toMatchObject({ password: 'pw-1' });
      expect(await verdict()).toEqual({
        state: 'unknown',
        why: `${WORKS}, but Harbor project "dockerhub" exists and is not a proxy cache of registry endpoint "hub": name another project`,
      });
    });

    test.each([
      [
        'the robot account may not create',
        (): unknown =>
          (product.admin.permissions = product.admin.permissions.filter((one) => one !== 'project:create')),
      ],
      [
        'Harbor does not take',
        (): unknown =>
          (it.server.trouble = ({ method, path }) =>
            method === 'POST' && path.endsWith('/projects') ? { status: 400, body: {} } : undefined),
      ],
    ])('that %s keeps nobody from the login, which is stored; the verification tells', async (_, forbid) => {
      forbid();
      await it.proxy.apply(upstreamLogin('pw-1'), it.context);
      expect(await it.holds()).toMatchObject({ password: 'pw-1' });
      expect(await verdict()).toEqual({
        state: 'unknown',
        why: `${WORKS}, but Harbor project "dockerhub" is not there, or is not shown: create it in Harbor`,
      });
      // Somebody creates it.
      product.projects.push({ project_id: 3, name: 'dockerhub', registry_id: product.endpoints[0]?.id ?? 0 });
      expect(await verdict()).toEqual({ state: 'verified', why: WORKS });
    });

    test('that Harbor cannot create now is tried again', async () => {
      it.server.trouble = ({ method, path }) =>
        method === 'POST' && path.endsWith('/projects') ? { status: 500, body: {} } : undefined;
      const error = await failureOf(it.proxy.apply(upstreamLogin('pw-1'), it.context), 'pw-1');
      expect(error.message).toBe('Harbor project "dockerhub": could not create it: HTTP 500');
      it.server.trouble = undefined;
      await it.proxy.apply(upstreamLogin('pw-1'), it.context);
      expect(product.projects).toHaveLength(1);
    });

    test('that somebody just made for another endpoint is told, and the login arrives all the same', async () => {
      it.server.trouble = ({ method, path }) => {
        if (method === 'POST' && path.endsWith('/projects'))
          product.projects.push({ project_id: 3, name: 'dockerhub', registry_id: 4711 });
        return undefined;
      };
      await it.proxy.apply(upstreamLogin('pw-1'), it.context);
      expect((await verdict())?.why).toContain('exists and is not a proxy cache of registry endpoint "hub"');
      expect(await it.holds()).toMatchObject({ password: 'pw-1' });
    });

    test('of an endpoint that somebody deletes meanwhile is not made', async () => {
      it.server.trouble = ({ method, path }) =>
        method === 'GET' && path.endsWith('/registries') && product.endpoints.length > 0
          ? { status: 200, body: [] }
          : undefined;
      const error = await failureOf(it.proxy.apply(upstreamLogin('pw-1'), it.context), 'pw-1');
      expect(error.message).toBe('Harbor registry endpoint "hub" went away while it was set up');
      expect(product.projects).toEqual([]);
    });

    test('that the robot account may not see, or that somebody just made, is fine', async () => {
      product.admin.permissions = product.admin.permissions.filter((permission) => permission !== 'project:list');
      product.projects.push({ project_id: 3, name: 'dockerhub', registry_id: 1 });
      await it.proxy.apply(upstreamLogin('pw-1'), it.context);
      expect(product.projects).toHaveLength(1);
    });
  });

  describe('verify', () => {
    const mine = (more: object = {}): void =>
      existing({ credential: { type: 'basic', access_key: 'robot', access_secret: 'pw-1' }, ...more });

    test('is a ping with what is stored, and tells a refused login from an upstream that is down', async () => {
      mine();
      expect(await verdict()).toEqual({ state: 'verified', why: WORKS });
      product.upstream.refused.add('pw-1');
      expect(await verdict()).toEqual({
        state: 'refused',
        why: 'Harbor registry endpoint "hub": its upstream refuses the stored login',
      });
      product.upstream.up = false;
      expect(await verdict()).toEqual({
        state: 'unknown',
        why: 'Harbor registry endpoint "hub": Harbor does not reach its upstream',
      });
      expect(it.server.calls.some(({ body }) => body.includes('pw-1'))).toBe(false);
      expect(product.writes).toBe(0);
    });

    test('an endpoint that went away, or holds another login, does not pull with this one: nothing is tried', async () => {
      expect((await verdict())?.why).toContain('does not exist: somebody deleted it');
      mine();
      expect(await verdict('somebody')).toEqual({
        state: 'refused',
        why: 'Harbor registry endpoint "hub" does not hold this login, but that of another user: somebody changed it since',
      });
      product.endpoints.length = 0;
      existing({ credential: undefined });
      expect(await verdict()).toMatchObject({ state: 'refused', why: expect.stringContaining('but none') as string });
      expect(asked().filter((call) => call.endsWith('ping'))).toEqual([]);
    });

    test('an endpoint that was pointed at another registry says nothing of this one', async () => {
      mine({ url: 'https://quay.io' });
      expect(await verdict()).toMatchObject({
        state: 'unknown',
        why: expect.stringContaining('does not pull from "docker.io"') as string,
      });
      expect(asked().filter((call) => call.endsWith('ping'))).toEqual([]);
    });

    test.each([
      ['is down', async () => it.server.goDown(), /^Harbor registry endpoint "hub": could not look for it: /],
      ['fails', async () => void (it.server.trouble = () => ({ status: 503, body: '' })), /HTTP 503$/],
      [
        'refuses the administrator',
        async () => void (product.admin.password = 'changed'),
        /is not accepted \(HTTP 401\)$/,
      ],
      ['has an administrator without a Secret', async () => it.secrets.clear(), /does not exist/],
    ])('a Harbor that %s is unknown, with the reason', async (_, change, why) => {
      mine();
      await change();
      expect(await verdict()).toMatchObject({ state: 'unknown', why: expect.stringMatching(why) as string });
    });

    test("an adapter's own failure is unknown", async () => {
      mine();
      product.upstream.refused.add('pw-1');
      product.upstream.failing = true;
      expect(await verdict()).toMatchObject({ state: 'unknown', why: expect.stringContaining('HTTP 500') as string });
    });
  });
});
