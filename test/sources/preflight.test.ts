/** Judgements over registries that a test plays, with time that a test lets pass. */
import { describe, expect, test } from 'vitest';
import type { SourceConfig } from '../../src/config/schema.ts';
import type { Credential } from '../../src/credentials/docker-config.ts';
import type { Judgement } from '../../src/sources/merge.ts';
import { createPreflight } from '../../src/sources/preflight.ts';
import { createRefusals } from '../../src/observe/refusals.ts';
import type { LoginVerdict } from '../../src/registry/auth.ts';
import { sourceConfig } from '../plan/observations.ts';
import { createMemory } from './memory.ts';

const MINUTE = 60_000;
const START = Date.parse('2030-01-01T00:00:00Z');
const login = (password: string, key = 'a.corp', username = 'robot'): Credential => ({ key, username, password });
type Says = LoginVerdict['state'];

/** What outlives a restart: the state and the clock. */
const cluster = () => ({ state: createMemory(), clock: { ms: START } });

function preflight(says: (credential: Credential) => Says | Promise<Says>, { state, clock } = cluster()) {
  const asked: string[] = [];
  const judged: string[] = [];
  const timers = new Map<object, { run: () => void; at: number }>();
  const signals: AbortSignal[] = [];
  const it = createPreflight({
    state,
    refusals: createRefusals(state, () => clock.ms),
    check: async (credential, signal) => {
      asked.push(`${credential.key} ${credential.password}`);
      signals.push(signal);
      const verdict = await says(credential);
      return { state: verdict, why: `${credential.key}: ${verdict}` };
    },
    onVerdict: (source) => judged.push(source),
    now: () => clock.ms,
    timers: {
      set: (run, ms) => {
        const timer = {};
        timers.set(timer, { run, at: clock.ms + ms });
        return timer;
      },
      clear: (timer) => {
        timers.delete(timer as object);
      },
    },
  });
  return {
    ...it,
    asked,
    judged,
    state,
    clock,
    timers,
    signals,
    /** Lets time pass: what is due runs. */
    async pass(ms: number): Promise<void> {
      clock.ms += ms;
      for (const [timer, { run, at }] of timers) if (at <= clock.ms && timers.delete(timer)) run();
      for (let i = 0; i < 5; i++) await tick();
    },
    /** Judges until nothing is pending, as the source book does when it is told. */
    async decided(
      source: SourceConfig,
      credentials: readonly Credential[],
      group: 'own' | 'aliases' = 'own',
    ): Promise<Judgement[]> {
      for (;;) {
        const judgements = it.judge(source, group, credentials);
        if (!judgements.some(({ state: each }) => each === 'pending')) return judgements;
        await tick();
      }
    },
  };
}
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const auto = sourceConfig({ verify: 'auto' });
const enforce = sourceConfig({ verify: 'enforce' });

describe('a new login', () => {
  test('is pending while it is tried, and the caller is told once when that is over', async () => {
    const answer = Promise.withResolvers<Says>();
    const p = preflight(() => answer.promise);
    expect([p.judge(auto, 'own', [login('one')]), p.judge(auto, 'own', [login('one')])]).toEqual([
      [{ state: 'pending' }],
      [{ state: 'pending' }],
    ]);
    await tick();
    expect(p.judged).toEqual([]);
    answer.resolve('accepted');
    for (let i = 0; i < 5; i++) await tick();
    expect(p.judged).toEqual(['upstream']);
    expect(p.judge(auto, 'own', [login('one')])).toEqual([{ state: 'accepted', proven: true }]);
    expect(p.asked).toEqual(['a.corp one']);
  });

  test.each<[SourceConfig['verify'], Says, Judgement]>([
    ['auto', 'accepted', { state: 'accepted', proven: true }],
    ['auto', 'unknown', { state: 'accepted', proven: false }],
    ['auto', 'refused', { state: 'refused', why: 'a.corp: refused' }],
    ['enforce', 'accepted', { state: 'accepted', proven: true }],
    ['enforce', 'unknown', { state: 'unproven', why: 'a.corp: unknown' }],
    ['enforce', 'refused', { state: 'refused', why: 'a.corp: refused' }],
    ['off', 'refused', { state: 'accepted' }],
  ])('with verify %s, %s -> %j', async (verify, says, judgement) => {
    const p = preflight(() => says);
    expect(await p.decided(sourceConfig({ verify }), [login('one')])).toEqual([judgement]);
    expect(p.asked).toHaveLength(verify === 'off' ? 0 : 1);
  });

  test('is judged by itself: one that is refused holds none back beside it', async () => {
    const p = preflight(({ key }) => (key === 'b.corp' ? 'refused' : key === 'c.corp' ? 'unknown' : 'accepted'));
    expect(
      (await p.decided(enforce, [login('1'), login('2', 'b.corp'), login('3', 'c.corp')])).map(({ state }) => state),
    ).toEqual(['accepted', 'refused', 'unproven']);
    expect(p.standings().map(({ key, state }) => `${key} ${state}`)).toEqual([
      'a.corp accepted',
      'b.corp refused',
      'c.corp unknown',
    ]);
  });

  test('a check that fails is no answer, and its message shows no login of the key', async () => {
    const p = preflight(() => Promise.reject(new Error('connection reset')));
    expect(await p.decided(enforce, [login('one', 'https://ann:hunter2@a.corp')])).toEqual([
      { state: 'unproven', why: expect.stringMatching(/not tried to the end: connection reset/) as string },
    ]);
    expect(JSON.stringify([p.state.refusals(), p.standings()])).not.toContain('hunter2');
  });

  test('a pattern names no host: it is not tried, and "could not be tried" is not "tried"', async () => {
    const p = preflight(() => 'accepted');
    const patterns = [login('1', '*.corp'), login('2', 'a?.corp'), login('3', 'a[bc].corp')];
    expect(await p.decided(auto, patterns)).toEqual(patterns.map(() => ({ state: 'accepted', proven: false })));
    expect((await p.decided(enforce, patterns)).map(({ state }) => state)).toEqual([
      'unproven',
      'unproven',
      'unproven',
    ]);
    expect(p.asked).toEqual([]);
  });

  test('a name that is no registry gets no login: people took it for the one of Docker Hub', async () => {
    const p = preflight(() => 'accepted');
    const misnamed = [login('1', 'docker.com'), login('2', 'dockerhub.com'), login('3', 'hub.docker.com/r/corp')];
    expect(await p.decided(auto, misnamed)).toEqual(misnamed.map(() => ({ state: 'accepted', proven: false })));
    expect(await p.decided(enforce, misnamed)).toEqual(
      misnamed.map(() => ({
        state: 'unproven',
        why: expect.stringMatching(
          /^no registry has this name, .*; write (https:\/\/index\.docker\.io\/v1\/|docker\.io\/corp)$/,
        ) as string,
      })),
    );
    expect(p.asked).toEqual([]);
    // Pullpass knows these for Docker Hub, and tries them there.
    await p.decided(auto, [login('4', 'registry-1.docker.io'), login('5', 'docker.io:443')]);
    expect(p.asked).toHaveLength(2);
  });

  test('is tried again when it comes back after another one: it may have been revoked meanwhile', async () => {
    const p = preflight(() => 'accepted');
    await p.decided(auto, [login('one')]);
    await p.decided(auto, [login('two')]);
    await p.decided(auto, [login('one')]);
    expect(p.asked).toEqual(['a.corp one', 'a.corp two', 'a.corp one']);
  });

  test("a verdict on one that is not asked for any more is nobody's", async () => {
    const answers = new Map([
      ['one', Promise.withResolvers<Says>()],
      ['two', Promise.withResolvers<Says>()],
    ]);
    const p = preflight(({ password }) => answers.get(password)?.promise ?? 'unknown');
    p.judge(auto, 'own', [login('one')]);
    p.judge(auto, 'own', [login('two')]);
    answers.get('one')?.resolve('refused');
    for (let i = 0; i < 5; i++) await tick();
    expect([p.judged, p.judge(auto, 'own', [login('two')])]).toEqual([[], [{ state: 'pending' }]]);
  });
});

describe('accounts are not locked', () => {
  test('six keys with one login are one try, and share its verdict', async () => {
    const p = preflight(() => 'refused');
    const keys = ['a', 'b', 'c', 'd', 'e', 'f'].map((path) => login('typo', `registry.example.com/corp/${path}`));
    expect((await p.decided(auto, keys)).map(({ state }) => state)).toEqual(keys.map(() => 'refused'));
    expect(p.asked).toHaveLength(1);
  });

  test('two sources with one login are one try, however their keys are written', async () => {
    const p = preflight(() => 'refused');
    const [a, b] = [sourceConfig({ name: 'a', verify: 'auto' }), sourceConfig({ name: 'b', verify: 'enforce' })];
    const judgements = await Promise.all([
      p.decided(a, [login('typo', 'docker.io')]),
      p.decided(b, [login('typo', 'https://index.docker.io/v1/')]),
    ]);
    expect(judgements.flat().map(({ state }) => state)).toEqual(['refused', 'refused']);
    expect(p.asked).toHaveLength(1);
  });

  test('a refused login is tried again after 5 minutes, 30 minutes, then every 6 hours, across restarts', async () => {
    const shared = cluster();
    const p = preflight(() => 'refused', shared);
    await p.decided(auto, [login('typo')]);
    for (const minutes of [5, 30, 360, 360]) {
      const before = p.asked.length;
      await p.pass((minutes - 1) * MINUTE);
      const other = preflight(() => 'accepted', shared);
      expect(await other.decided(auto, [login('typo')])).toEqual([{ state: 'refused', why: 'a.corp: refused' }]);
      expect([p.asked.length, other.asked]).toEqual([before, []]);
      await p.pass(MINUTE);
      expect(p.asked.length).toBe(before + 1);
    }
  });

  test('a mended password is tried at once, but after three that were refused within the hour not before five minutes', async () => {
    const p = preflight(({ password }) => (password === 'right' ? 'accepted' : 'refused'));
    for (const typo of ['t1', 't2', 't3']) await p.decided(auto, [login(typo)]);
    expect(p.asked).toHaveLength(3);
    expect(await p.decided(auto, [login('right')])).toEqual([
      {
        state: 'unproven',
        why: expect.stringMatching(
          /^not tried before 2030-01-01T00:05Z: its account was refused 3 times at a\.corp/,
        ) as string,
      },
    ]);
    expect(p.asked).toHaveLength(3);
    await p.pass(5 * MINUTE);
    expect(p.judge(auto, 'own', [login('right')])).toEqual([{ state: 'accepted', proven: true }]);
  });

  test('six passwords of one account, however its host is written, are tried one after the other: three noes are enough', async () => {
    const p = preflight(() => tick().then(() => 'refused' as const));
    const keys = ['a.corp/1', 'https://a.corp/2', 'A.corp/3', 'a.corp:443/4', 'http://a.corp/5', 'a.corp/6'];
    const judgements = await p.decided(
      auto,
      keys.map((key, i) => login(`typo-${i}`, key)),
    );
    expect([p.asked.length, judgements.map(({ state }) => state)]).toEqual([
      3,
      ['refused', 'refused', 'refused', 'unproven', 'unproven', 'unproven'],
    ]);
  });

  test('another account at the host, and the same name at another host, are others', async () => {
    const p = preflight(() => 'refused');
    for (const typo of ['t1', 't2', 't3']) await p.decided(auto, [login(typo)]);
    await p.decided(auto, [login('t4', 'a.corp', 'somebody-else'), login('t4', 'b.corp')]);
    expect(p.asked).toHaveLength(5);
  });

  test('a success ends the count', async () => {
    const p = preflight(({ password }) => (password === 'right' ? 'accepted' : 'refused'));
    await p.decided(auto, [login('t1')]);
    await p.decided(auto, [login('t2')]);
    await p.pass(1);
    await p.decided(auto, [login('right')]);
    await p.pass(1);
    await p.decided(auto, [login('t3')]);
    await p.decided(auto, [login('t4')]);
    expect(p.asked).toEqual(['a.corp t1', 'a.corp t2', 'a.corp right', 'a.corp t3', 'a.corp t4']);
  });

  test('a clock that is set back makes nobody wait longer than a delay', async () => {
    const p = preflight(() => 'refused');
    await p.decided(auto, [login('typo')]);
    p.clock.ms -= 24 * 60 * MINUTE;
    expect(
      createRefusals(p.state, () => p.clock.ms).waits({ host: 'a.corp', username: 'robot', password: 'typo' })?.untilMs,
    ).toBe(p.clock.ms + 5 * MINUTE);
  });

  test('what is remembered is bounded, and holds nothing of a login', async () => {
    const p = preflight(() => 'refused');
    for (let i = 0; i < 80; i++) await p.decided(auto, [login(`typo-${i}`, `host-${i}.corp`)]);
    expect([...p.state.refusals().values()].reduce((sum, logins) => sum + logins.size, 0)).toBe(50);
    expect(JSON.stringify([...p.state.refusals()].map(([id, logins]) => [id, [...logins]]))).not.toMatch(/typo|robot/);
  });
});

describe('what holds back passes', () => {
  test('with enforce a registry that could not be asked is asked again every minute, and what was said counts until then', async () => {
    let says: Says = 'unknown';
    const p = preflight(() => says);
    expect(await p.decided(enforce, [login('one')])).toMatchObject([{ state: 'unproven' }]);
    says = 'accepted';
    await p.pass(59_000);
    expect(p.judge(enforce, 'own', [login('one')])).toMatchObject([{ state: 'unproven' }]);
    await p.pass(1_000);
    expect([p.judge(enforce, 'own', [login('one')]), p.judged.length]).toEqual([
      [{ state: 'accepted', proven: true }],
      2,
    ]);
  });

  test('the schedule tries what is in force, one try a login, and forgets keys that are gone', async () => {
    let says: Says = 'accepted';
    const p = preflight(() => says);
    await p.recheck(auto, [login('one'), login('one', 'a.corp/team'), login('two', 'b.corp')]);
    expect(p.asked).toEqual(['a.corp one', 'b.corp two']);
    says = 'refused';
    await p.recheck(auto, [login('one')]);
    expect(p.standings()).toEqual([
      {
        source: 'upstream',
        key: 'a.corp',
        state: 'refused',
        why: 'a.corp: refused',
        at: new Date(START).toISOString(),
      },
    ]);
    await p.recheck(auto, [login('one')]);
    expect(p.asked).toHaveLength(3);
  });

  test('the schedule tries nothing of a source that is not to be tried', async () => {
    const p = preflight(() => 'accepted');
    await p.recheck(sourceConfig({ verify: 'off' }), [login('one')]);
    expect(p.asked).toEqual([]);
  });

  test("switched off, what was found is nobody's word", async () => {
    const p = preflight(() => 'refused');
    await p.decided(auto, [login('one')]);
    p.judge(sourceConfig({ verify: 'off' }), 'own', [login('one')]);
    expect(p.standings()).toEqual([]);
  });

  test('stopped, it cuts what is under way and says nothing more', async () => {
    const answer = Promise.withResolvers<Says>();
    const p = preflight(() => answer.promise);
    p.judge(auto, 'own', [login('one')]);
    await tick();
    p.stop();
    answer.resolve('refused');
    await tick();
    expect([p.signals[0]?.aborted, p.judged, p.timers.size]).toEqual([true, [], 0]);
  });

  test('no more than 16 registries are asked at the same time', async () => {
    let now = 0;
    let most = 0;
    const p = preflight(async () => {
      most = Math.max(most, ++now);
      await tick();
      now--;
      return 'accepted' as const;
    });
    await p.decided(
      auto,
      Array.from({ length: 60 }, (_, i) => login('one', `host-${i}.corp`)),
    );
    expect([p.asked.length, most]).toEqual([60, 16]);
  });
});
