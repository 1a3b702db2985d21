/** Who is let in, what is asked of the API server for it, and how little strangers can make us ask. */
import { describe, expect, test } from 'vitest';
import { createAccess, secured } from '../../src/server/access.ts';
import type { AccessOptions } from '../../src/server/access.ts';
import { refusal, scriptedClient } from '../kube/scripted-client.ts';
import type { Call } from '../kube/scripted-client.ts';

const TOKEN = 'eyJhbGciOi.J9-_~+/abc==';
const USER = {
  username: 'system:serviceaccount:team:viewer',
  uid: 'u-1',
  groups: ['system:authenticated'],
  extra: { 'authentication.kubernetes.io/credential-id': ['JTI=1'] },
};
const never = new AbortController().signal;

interface World {
  /** By token; undefined: nobody's. */
  users: Record<string, object | undefined>;
  allowed: boolean;
  fail?: Error | undefined;
  hold?: Promise<void>;
}

function start(parts: Partial<World> = {}, options: Partial<AccessOptions> = {}) {
  const world: World = { users: { [TOKEN]: USER }, allowed: true, ...parts };
  const clock = { now: 1_000_000 };
  const warnings: unknown[] = [];
  let running = 0;
  const seen = { most: 0 };
  const { client, calls } = scriptedClient(async (call: Call) => {
    seen.most = Math.max(seen.most, ++running);
    try {
      await world.hold;
      if (world.fail !== undefined) throw world.fail;
      const { spec } = call.body as { spec: { token?: string } };
      if (call.path.endsWith('/tokenreviews')) {
        const user = world.users[spec.token ?? ''];
        return {
          spec,
          status: user === undefined ? { user: {}, error: 'invalid bearer token' } : { authenticated: true, user },
        };
      }
      return { status: { allowed: world.allowed } };
    } finally {
      running--;
    }
  });
  const access = createAccess({
    client,
    path: '/report',
    now: () => clock.now,
    log: { warn: (...line: unknown[]) => void warnings.push(line) },
    ...options,
  });
  return {
    world,
    clock,
    calls,
    warnings,
    seen,
    access,
    ask: (header = `Bearer ${TOKEN}`) => access.allow(header, never),
  };
}

describe('asks the API server', () => {
  test('whose the token is, and whether they may get the path, with all that it said of them', async () => {
    const { ask, calls } = start();
    expect(await ask()).toBe('allowed');
    expect(calls.map(({ verb, path, body }) => [verb, path, body])).toEqual([
      [
        'create',
        '/apis/authentication.k8s.io/v1/tokenreviews',
        { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: TOKEN } },
      ],
      [
        'create',
        '/apis/authorization.k8s.io/v1/subjectaccessreviews',
        {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SubjectAccessReview',
          spec: {
            user: USER.username,
            uid: USER.uid,
            groups: USER.groups,
            extra: USER.extra,
            nonResourceAttributes: { path: '/report', verb: 'get' },
          },
        },
      ],
    ]);
    expect(calls.every(({ sensitive }) => sensitive)).toBe(true);
  });

  test("and no more than the first when the token is nobody's", async () => {
    const { ask, calls } = start();
    expect(await ask('Bearer other')).toBe('unauthenticated');
    expect(calls).toHaveLength(1);
  });

  test('whoever has no name is nobody, whatever else is said of them', async () => {
    expect(await start({ users: { [TOKEN]: { groups: ['system:masters'] } } }).ask()).toBe('unauthenticated');
  });

  test('and takes no for an answer', async () => {
    expect(await start({ allowed: false }).ask()).toBe('forbidden');
  });

  test('never about what is no bearer token', async () => {
    const { access, calls } = start();
    const headers = [
      undefined,
      '',
      'Bearer',
      'Bearer ',
      `Basic ${TOKEN}`,
      `bearer: ${TOKEN}`,
      TOKEN,
      `Bearer ${TOKEN} ${TOKEN}`,
      `Bearer ${TOKEN},x`,
      'Bearer =',
      'Bearer a=b',
      'Bearer ä',
      'Bearer a\nb',
      `Bearer ${'x'.repeat(9_000)}`,
      ' Bearer x',
    ];
    for (const header of headers) expect(await access.allow(header, never), header).toBe('unauthenticated');
    expect(calls).toEqual([]);
  });

  test('about "bearer" in any case', async () => {
    expect(await start().ask(`bearer  ${TOKEN}`)).toBe('allowed');
  });
});

describe('an answer', () => {
  test.each([
    ['allowed', {}],
    ['forbidden', { allowed: false }],
    ['unauthenticated', { users: {} }],
  ] as const)('%s counts for ten seconds, and is asked for again after that', async (verdict, parts) => {
    const { ask, calls, clock } = start(parts);
    expect(await ask()).toBe(verdict);
    const first = calls.length;
    clock.now += 9_999;
    expect(await ask()).toBe(verdict);
    expect(calls).toHaveLength(first);
    clock.now += 1;
    await ask();
    expect(calls).toHaveLength(2 * first);
  });

  test('a right that is given or taken away shows then', async () => {
    const { world, ask, clock } = start({ allowed: false });
    expect(await ask()).toBe('forbidden');
    world.allowed = true;
    clock.now += 10_000;
    expect(await ask()).toBe('allowed');
    world.users = {};
    clock.now += 10_000;
    expect(await ask()).toBe('unauthenticated');
  });

  test('is for that token alone', async () => {
    const { world, ask } = start();
    expect(await ask()).toBe('allowed');
    expect(await ask(`Bearer ${TOKEN}x`)).toBe('unauthenticated');
    world.users = {};
    expect(await ask()).toBe('allowed');
  });

  test('many requests with one token at once ask once; one that has gone takes the answer from nobody', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { access, calls } = start({ hold: promise });
    const gone = new AbortController();
    const asked = [
      access.allow(`Bearer ${TOKEN}`, gone.signal),
      ...Array.from({ length: 20 }, () => access.allow(`Bearer ${TOKEN}`, never)),
    ];
    gone.abort();
    resolve();
    expect(await Promise.all(asked)).toEqual(Array.from({ length: 21 }, () => 'allowed'));
    expect(calls).toHaveLength(2);
  });

  test('strangers who try tokens do not make us forget whom we let in', async () => {
    const { ask, calls, clock } = start();
    expect(await ask()).toBe('allowed');
    // As many as the budget allows, for as long as the answer counts.
    for (let i = 0; i < 600; i++) {
      clock.now += 15;
      await ask(`Bearer stranger-${i}`);
    }
    const before = calls.length;
    expect(await ask()).toBe('allowed');
    expect(calls).toHaveLength(before);
  });
});

describe('when the API server cannot be asked', () => {
  test('nobody is let in, nothing is remembered, and one line a minute says why, without the token', async () => {
    const { world, ask, calls, warnings, clock } = start({
      fail: refusal(403, { message: `cannot create with ${TOKEN}` }),
    });
    expect([await ask(), await ask()]).toEqual(['unavailable', 'unavailable']);
    expect(calls).toHaveLength(2);
    world.fail = undefined;
    expect(await ask()).toBe('allowed');
    expect(warnings).toHaveLength(1);
    expect(JSON.stringify(warnings)).toContain('cannot check who may see /report: ');
    expect(JSON.stringify(warnings)).not.toContain(TOKEN);
    clock.now += 60_000;
    world.fail = new Error('socket hang up');
    await ask();
    expect(warnings).toHaveLength(2);
  });

  test('also when only the second question fails', async () => {
    const { client } = scriptedClient(({ path }) => {
      if (path.endsWith('/tokenreviews')) return { status: { authenticated: true, user: USER } };
      throw refusal(500);
    });
    expect(await createAccess({ client, path: '/report', now: () => 0 }).allow(`Bearer ${TOKEN}`, never)).toBe(
      'unavailable',
    );
  });

  test('an answer of another shape lets nobody in', async () => {
    for (const answer of [
      {},
      { status: {} },
      { status: { authenticated: 'true', user: USER } },
      { status: { authenticated: true } },
    ]) {
      const { client } = scriptedClient(() => answer);
      expect(await createAccess({ client, path: '/report', now: () => 0 }).allow(`Bearer ${TOKEN}`, never)).toBe(
        'unauthenticated',
      );
    }
  });
});

test('a thousand strangers at once make few reviews, few of them at the same time, and the rest is told to try again', async () => {
  const { ask, calls, seen, clock } = start();
  const verdicts = await Promise.all(Array.from({ length: 1_000 }, (_, i) => ask(`Bearer stranger-${i}`)));
  expect(verdicts.filter((verdict) => verdict === 'unauthenticated')).toHaveLength(50);
  expect(verdicts.filter((verdict) => verdict === 'unavailable')).toHaveLength(950);
  expect(calls).toHaveLength(50);
  expect(seen.most).toBeLessThanOrEqual(8);
  expect(await ask()).toBe('unavailable');
  clock.now += 100;
  expect(await ask()).toBe('allowed');
  clock.now -= 1_000_000;
  expect(await ask('Bearer after-the-clock-was-set-back')).toBe('unavailable');
  clock.now += 200;
  expect(await ask('Bearer after-the-clock-was-set-back')).toBe('unauthenticated');
});

test('a secured page is made for those only who may see it; others get one line that says what is missing', async () => {
  const { world, clock, access } = start();
  let made = 0;
  const page = secured(() => ({ contentType: 'text/html', body: `page ${++made}` }), access);
  const get = (authorization?: string) => page({ authorization, signal: never });
  expect(await get(`Bearer ${TOKEN}`)).toEqual({ contentType: 'text/html', body: 'page 1' });
  expect(await get()).toMatchObject({
    status: 401,
    headers: { 'www-authenticate': 'Bearer realm="pullpass"' },
    body: expect.stringMatching(/^a bearer token is needed [^\n]*\n$/) as string,
  });
  expect(await get('Bearer unknown')).toMatchObject({ status: 401 });
  world.allowed = false;
  clock.now += 10_000;
  expect(await get(`Bearer ${TOKEN}`)).toMatchObject({
    status: 403,
    body: expect.stringMatching(/ClusterRole pullpass-report-viewer\n$/) as string,
  });
  world.fail = refusal(500);
  clock.now += 10_000;
  expect(await get(`Bearer ${TOKEN}`)).toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
  expect(made).toBe(1);
});
