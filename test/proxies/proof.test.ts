/** What proves that a cache proxy pulls with its login, and what does not: on a registry and a cache in memory. */
import { describe, expect, test } from 'vitest';
import type { Verdict } from '../../src/proxies/adapter.ts';
import { basicLogin, failure } from '../sandbox/registry/server.ts';
import { leaks } from '../registry/leaks.ts';
import { ann, inFrontOf, proving, pusher, remember, REPOSITORY, strangers } from './proving.ts';

const stateOf = ({ state, reason }: Verdict): string => (reason === undefined ? state : `${state}: ${reason}`);
const TAGS = ['1', '2', '3'];
const quiet = (verdict: Verdict): Verdict => {
  for (const login of [ann, pusher, strangers]) expect(leaks(verdict, login)).toEqual([]);
  expect(verdict.why).not.toMatch(/[\r\n]/);
  return verdict;
};

async function filled(...parameters: Parameters<typeof proving>) {
  const p = await proving(...parameters);
  for (const tag of TAGS) p.upstream.putImage(REPOSITORY, tag);
  return p;
}

describe('a blob that cannot exist', () => {
  test.each([
    ['cold', []],
    ['warm', TAGS],
  ])('proves a good login, also a second time, with a cache that is %s', async (_, pulled) => {
    const p = await filled();
    expect(await p.pull(...pulled)).toEqual(pulled.map(() => 200));
    for (let times = 0; times < 2; times++)
      expect(quiet(await p.ask())).toEqual({
        state: 'verified',
        why: `it asked the registry for a random blob of ${p.upstream.host}/corp/app, and was told that there is none: only a login that may pull there is told so`,
      });
  });

  test('leaves nothing in the cache, and takes no image', async () => {
    const p = await filled();
    await p.ask();
    p.upstream.revoke(ann.username);
    expect(await p.pull(...TAGS)).toEqual([404, 404, 404]);
    expect(p.cache.requests.filter(({ path }) => path.includes('/manifests/'))).toHaveLength(TAGS.length);
  });

  test('shows a login that was revoked, whatever the cache holds', async () => {
    const p = await filled();
    await p.pull(...TAGS);
    p.upstream.revoke(ann.username);
    expect(await p.pull(...TAGS)).toEqual([200, 200, 200]);
    expect(quiet(await p.ask())).toMatchObject({
      state: 'refused',
      why: expect.stringMatching(/^the registry refuses the login: /) as string,
    });
  });

  test('shows a wrong login in the source, where the cache still pulls with the one before', async () => {
    const p = await filled({ cacheLogin: strangers });
    await p.pull(...TAGS);
    expect(await p.ask({ login: { ...ann, password: 'mistyped' } })).toMatchObject({ state: 'refused' });
    expect(p.upstream.failedLogins(ann.username)).toBe(1);
  });

  test("shows a cache whose own login is refused while the source's works, whatever a stranger pulled before", async () => {
    const p = await filled({ cacheLogin: strangers });
    await p.pull(...TAGS);
    p.upstream.revoke(strangers.username);
    expect(await p.pull(...TAGS)).toEqual([200, 200, 200]);
    expect(quiet(await p.ask())).toEqual({
      state: 'refused',
      why: expect.stringMatching(
        /^the registry tells the login that .*corp\/app has no such blob, and the cache proxy is not told: .*500/,
      ) as string,
    });
  });

  test('cannot be feigned by a stranger who asks for blobs before: each time it is another', async () => {
    const p = await filled();
    const asked: string[] = [];
    const front = await inFrontOf(p.cache, ({ path }) => {
      if (path.includes('/blobs/')) asked.push(path);
      return undefined;
    });
    for (let i = 0; i < 3; i++) await p.ask({ cacheUrl: front.url });
    expect([asked.length, new Set(asked).size]).toEqual([3, 3]);
  });

  test.each([500, 503, 429])('says nothing while the registry answers %i', async (status) => {
    const p = await filled();
    await p.pull(...TAGS);
    p.upstream.breakDown(status);
    expect(stateOf(quiet(await p.ask()))).toBe('unknown: upstream');
  });

  test('says nothing while the registry does not answer at all', async () => {
    const p = await filled();
    await p.pull(...TAGS);
    await p.upstream.stop();
    expect(stateOf(quiet(await p.ask()))).toBe('unknown: upstream');
  });

  test('says nothing if the registry goes away before the cache asks it', async () => {
    const p = await filled();
    const front = await inFrontOf(p.cache, ({ path }) => {
      if (path.includes('/blobs/')) p.upstream.breakDown(503);
      return undefined;
    });
    expect(stateOf(quiet(await p.ask({ cacheUrl: front.url })))).toBe('unknown: upstream');
  });

  test('says nothing through a cache that is down, or breaks', async () => {
    const p = await filled();
    const front = await inFrontOf(p.cache, ({ path }) =>
      path.includes('/blobs/') ? failure(503, 'UNAVAILABLE', 'no') : undefined,
    );
    expect(stateOf(await p.ask({ cacheUrl: front.url }))).toBe('unknown: cache');
    const broken = await inFrontOf(p.cache, () => failure(502, 'UNKNOWN', 'no'));
    expect(stateOf(await p.ask({ cacheUrl: broken.url }))).toBe('unknown: cache');
    await p.cache.stop();
    expect(stateOf(quiet(await p.ask()))).toBe('unknown: cache');
  });

  test.each([
    ['of no registry', { status: 404, headers: { 'content-type': 'text/plain' }, body: 'default backend - 404' }],
    ['with a page', { status: 404, headers: { 'content-type': 'text/html' }, body: '<html>' }],
    ['about something else', failure(404, 'NAME_UNKNOWN', 'no')],
  ])('is not proven by a "not found" %s', async (_, reply) => {
    const p = await filled();
    const everywhere = await inFrontOf(p.cache, () => reply);
    expect(stateOf(await p.ask({ cacheUrl: everywhere.url }))).toBe('unknown: cache');
    const blobs = await inFrontOf(p.cache, ({ path }) => (path.includes('/blobs/') ? reply : undefined));
    expect(stateOf(await p.ask({ cacheUrl: blobs.url }))).toBe('unknown: cache');
  });

  test('needs the login of a cache that asks for one of its own', async () => {
    const p = await filled();
    const front = await inFrontOf(p.cache, ({ headers }) =>
      basicLogin(headers.authorization)?.password === 'own'
        ? undefined
        : failure(401, 'UNAUTHORIZED', 'no', { 'www-authenticate': 'Basic realm="cache"' }),
    );
    const cacheUrl = front.url;
    expect(stateOf(await p.ask({ cacheUrl }))).toBe('unknown: cache');
    expect(stateOf(await p.ask({ cacheUrl, cacheLogin: { username: 'p', password: 'wrong' } }))).toBe('unknown: cache');
    expect(stateOf(await p.ask({ cacheUrl, cacheLogin: { username: 'p', password: 'own' } }))).toBe('verified');
  });

  test('proves nothing of a public repository, and neither does an image of it', async () => {
    const p = await filled({ openToAll: ['corp/*'] });
    const kept = remember();
    expect(quiet(await p.ask({ memory: kept.of('one') }))).toEqual({
      state: 'unknown',
      reason: 'public',
      why: `${p.upstream.host}/corp/app:1 is public, and a cache gets that without a login`,
    });
    expect(kept.asked.size).toBe(0);
  });

  test('proves nothing where the registry says "not found" to anybody: then images are asked for', async () => {
    const p = await filled({ hides: true });
    const kept = remember();
    expect(await p.ask({ memory: kept.of('one') })).toMatchObject({
      state: 'verified',
      why: expect.stringContaining('which the probe never asked for before') as string,
    });
    expect(kept.asked.size).toBe(1);
    p.cache.restart({ ...ann, password: 'stale' });
    expect(stateOf(await p.ask({ memory: kept.of('two') }))).toBe('refused');
  });
});

describe('an image that was never asked for', () => {
  const ask = { tellsAbsence: false };

  test('proves the login once, and is then held; for the same login that proof stays', async () => {
    const p = await proving();
    p.upstream.putImage(REPOSITORY, '1');
    const kept = remember();
    const first = await p.ask({ ...ask, memory: kept.of('one') });
    expect(quiet(first)).toEqual({
      state: 'verified',
      why: `${p.cache.host}/corp/app:1 came through it, which the probe never asked for before`,
    });
    const images = (): number => p.cache.requests.filter(({ path }) => path.includes('/manifests/')).length;
    const asked = images();
    expect(await p.ask({ ...ask, memory: kept.of('one', first.why) })).toEqual(first);
    expect(quiet(await p.ask({ ...ask, memory: kept.of('two') }))).toEqual({
      state: 'unknown',
      reason: 'held already',
      why: `all that ${p.upstream.host}/corp/app has may be in the cache, which then serves it with any login: push a new tag to it, or configure probe.push`,
    });
    expect(images()).toBe(asked);
    p.upstream.putImage(REPOSITORY, '2');
    expect(stateOf(await p.ask({ ...ask, memory: kept.of('two') }))).toBe('verified');
  });

  test('the configured one goes first', async () => {
    const p = await filled();
    const kept = remember();
    await p.ask({ ...ask, reference: '2', memory: kept.of('one') });
    expect([...kept.asked]).toEqual(['2']);
    const { digest } = p.upstream.putImage(REPOSITORY, '4', 'by its digest');
    expect(await p.ask({ ...ask, reference: digest, memory: kept.of('one') })).toMatchObject({
      state: 'verified',
      why: expect.stringContaining(`/corp/app@${digest} came through it`) as string,
    });
  });

  test('is held already where the tag moved, and the cache serves what it had', async () => {
    const p = await proving({ cacheLogin: strangers });
    p.upstream.putImage(REPOSITORY, '1');
    await p.pull('1');
    p.upstream.revoke(strangers.username);
    p.upstream.putImage(REPOSITORY, '1', 'moved');
    const kept = remember();
    expect(stateOf(await p.ask({ ...ask, memory: kept.of('one') }))).toBe('unknown: held already');
    expect([...kept.asked]).toEqual(['1']);
  });

  test('is refused through a cold cache whose own login is refused, and not burnt: mended, it proves', async () => {
    const p = await proving({ cacheLogin: strangers });
    p.upstream.putImage(REPOSITORY, '1');
    p.upstream.revoke(strangers.username);
    const kept = remember();
    expect(quiet(await p.ask({ ...ask, memory: kept.of('one') }))).toEqual({
      state: 'refused',
      why: expect.stringMatching(
        /^the login gets .*corp\/app:1 from the registry, and the cache proxy does not: .*404/,
      ) as string,
    });
    expect(kept.asked.size).toBe(0);
    p.cache.restart(ann);
    expect(stateOf(await p.ask({ ...ask, memory: kept.of('one') }))).toBe('verified');
  });

  test('is remembered before it is asked for: after a crash it counts as held', async () => {
    const p = await proving();
    p.upstream.putImage(REPOSITORY, '1');
    const kept = remember();
    const saved: string[][] = [];
    const front = await inFrontOf(p.cache, ({ path }) => {
      if (path.includes('/manifests/')) saved.push([...kept.asked]);
      return undefined;
    });
    await p.ask({ ...ask, memory: kept.of('one'), cacheUrl: front.url });
    expect(saved).toEqual([['1']]);
    const cannot = { ...remember().of('one'), setAsked: () => Promise.reject(new Error('conflict')) };
    await expect(p.ask({ ...ask, memory: cannot, cacheUrl: front.url })).rejects.toThrow('conflict');
    expect(saved).toHaveLength(1);
  });

  test('stays remembered where the cache breaks: it may have it', async () => {
    const p = await proving();
    p.upstream.putImage(REPOSITORY, '1');
    const kept = remember();
    const front = await inFrontOf(p.cache, ({ path }) =>
      path.includes('/manifests/') ? failure(502, 'UNKNOWN', 'no') : undefined,
    );
    const memory = kept.of('one');
    expect(stateOf(await p.ask({ ...ask, memory, cacheUrl: front.url }))).toBe('unknown: cache');
    expect(stateOf(await p.ask({ ...ask, memory }))).toBe('unknown: held already');
  });

  test('no more than three are tried, if the cache serves other versions of them', async () => {
    const p = await proving({ cacheLogin: strangers });
    const tags = ['1', '2', '3', '4', '5'];
    for (const tag of tags) p.upstream.putImage(REPOSITORY, tag);
    await p.pull(...tags);
    p.upstream.revoke(strangers.username);
    for (const tag of tags) p.upstream.putImage(REPOSITORY, tag, `${tag} moved`);
    const kept = remember();
    expect(stateOf(await p.ask({ ...ask, memory: kept.of('one') }))).toBe('unknown: held already');
    expect(kept.asked.size).toBe(3);
  });

  test('the registry that refuses the login, is down or has no image is said, and nothing is asked of the cache', async () => {
    const p = await filled();
    const memory = remember().of('one');
    const images = () => p.cache.requests.filter(({ path }) => path.includes('/manifests/'));
    expect(stateOf(await p.ask({ ...ask, memory, login: { ...ann, password: 'wrong' } }))).toBe('refused');
    p.upstream.breakDown(503);
    expect(stateOf(await p.ask({ ...ask, memory }))).toBe('unknown: upstream');
    p.upstream.breakDown();
    for (const tag of TAGS) p.upstream.removeTag(REPOSITORY, tag);
    expect(stateOf(await p.ask({ ...ask, memory }))).toBe('unknown: held already');
    const empty = await proving();
    expect(quiet(await empty.ask({ ...ask, memory }))).toMatchObject({ state: 'unknown', reason: 'no image' });
    expect([...images(), ...empty.cache.requests.filter(({ path }) => path.includes('/manifests/'))]).toEqual([]);
  });

  test('a registry that goes away before the cache asks it is no refusal', async () => {
    const p = await proving({ cacheLogin: strangers });
    p.upstream.putImage(REPOSITORY, '1');
    const front = await inFrontOf(p.cache, ({ path }) => {
      if (path.includes('/manifests/')) p.upstream.breakDown(503);
      return undefined;
    });
    const kept = remember();
    const options = { ...ask, memory: kept.of('one'), cacheUrl: front.url };
    expect(stateOf(await p.ask(options))).toBe('unknown: upstream');
    expect(kept.asked.size).toBe(0);
  });
});

describe('a new image that is pushed', () => {
  const ask = { tellsAbsence: false, pusher };
  const pushes = (p: Awaited<ReturnType<typeof proving>>): number =>
    p.upstream.requests.filter(
      ({ method, path, status }) => method === 'PUT' && path.includes('/manifests/') && status === 201,
    ).length;
  /** All that the registry has was asked for before. */
  const all = (): ReturnType<typeof remember> => {
    const kept = remember();
    for (const tag of TAGS) kept.asked.add(tag);
    return kept;
  };

  test('proves the login though all else may be held, once for each login', async () => {
    const p = await filled();
    const kept = all();
    expect(quiet(await p.ask({ ...ask, memory: kept.of('one') }))).toEqual({
      state: 'verified',
      why: expect.stringMatching(
        /corp\/app:pullpass-[0-9a-f]{16} came through it, which the probe never asked for before$/,
      ) as string,
    });
    expect([pushes(p), kept.pushed]).toEqual([1, 'one']);
    expect(stateOf(await p.ask({ tellsAbsence: false, memory: kept.of('one') }))).toBe('unknown: held already');
    expect(pushes(p)).toBe(1);
    expect(stateOf(await p.ask({ ...ask, memory: kept.of('two') }))).toBe('verified');
    expect(pushes(p)).toBe(2);
  });

  test('shows a cache that pulls with a refused login though a stranger pulled all else', async () => {
    const p = await filled({ cacheLogin: strangers });
    await p.pull(...TAGS);
    p.upstream.revoke(strangers.username);
    expect(quiet(await p.ask({ ...ask, memory: remember().of('one') }))).toMatchObject({ state: 'refused' });
  });

  test('and may not be pushed is said, and is no refusal of the login', async () => {
    const p = await filled();
    const kept = all();
    const verdict = quiet(await p.ask({ ...ask, pusher: { ...pusher, password: 'wrong' }, memory: kept.of('one') }));
    expect(verdict).toMatchObject({
      state: 'unknown',
      reason: 'held already',
      why: expect.stringMatching(/; a new image could not be pushed \(.*\): push a new tag/) as string,
    });
    expect(kept.pushed).toBeUndefined();
    kept.asked.delete('1');
    expect(stateOf(await p.ask({ ...ask, pusher: { ...pusher, password: 'wrong' }, memory: kept.of('one') }))).toBe(
      'verified',
    );
  });

  test.each([
    ['is deleted after use', true, 0],
    ['stays where it may not be deleted', false, 1],
  ])('%s', async (_, mayDelete, left) => {
    const p = await filled();
    p.upstream.add(pusher.username, { password: pusher.password, repositories: ['corp/*'], mayDelete });
    expect(stateOf(await p.ask({ ...ask, memory: all().of('one') }))).toBe('verified');
    const listed = (await (await fetch(`${p.cache.url}/v2/${REPOSITORY}/tags/list`)).json()) as { tags: string[] };
    expect(listed.tags.filter((tag) => tag.startsWith('pullpass-'))).toHaveLength(left);
    expect(listed.tags.filter((tag) => !tag.startsWith('pullpass-'))).toEqual(TAGS);
  });

  test('is not needed where a blob that cannot exist proves it', async () => {
    const p = await filled();
    expect(stateOf(await p.ask({ pusher, memory: remember().of('one') }))).toBe('verified');
    expect(pushes(p)).toBe(0);
  });
});
