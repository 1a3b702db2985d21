/** Judgements over registries that a test plays, with time that a test lets pass. */
import { describe, expect, test } from 'vitest';
import type { SourceConfig } from '../../src/config/schema.ts';
import type { Credential } from '../../src/credentials/docker-config.ts';
import { createPreflight } from '../../src/reconcile/preflight.ts';
import type { Judgement } from '../../src/reconcile/preflight.ts';
import type { SourceRecord } from '../../src/reconcile/state.ts';
import type { LoginVerdict } from '../../src/registry/auth.ts';
import { sourceConfig } from '../plan/observations.ts';

const MINUTE = 60_000;
const START = Date.parse('2030-01-01T00:00:00Z');
const login = (password: string, key = 'a.corp', more: Partial<Credential> = {}): Credential => ({ key, username: 'robot', password, ...more });
type Says = LoginVerdict['state'];

/** Records outlive a restart, and so does the clock; all else does not. */
function cluster() {
  const records = new Map<string, SourceRecord>();
  return { records, clock: { ms: START } };
}

function preflight(says: (credential: Credential) => Says | Promise<Says>, { records, clock } = cluster()) {
  const asked: string[] = [];
  const judged: string[] = [];
  const timers = new Map<object, { run: () => void; at: number }>();
  const signals: AbortSignal[] = [];
  const judge = createPreflight({
    state: { mac: (text) => `mac(${Buffer.from(text).toString('base64')})`, source: (name) => records.get(name), setSource: (name, record) => { if (record === undefined) records.delete(name); else records.set(name, record); } },
    check: async (credential, signal) => {
      asked.push(`${credential.key} ${credential.password}`);
      signals.push(signal);
      const state = await says(credential);
      return { state, why: `${credential.key}: ${state}` };
    },
    onVerdict: (source) => judged.push(source),
    now: () => clock.ms,
    timers: {
      set: (run, ms) => {
        const timer = {};
        timers.set(timer, { run, at: clock.ms + ms });
        return timer;
      },
      clear: (timer) => { timers.delete(timer as object); },
    },
  });
  return {
    ...judge, asked, judged, records, clock, timers, signals,
    /** Lets time pass: what is due runs. */
    pass(ms: number): void {
      clock.ms += ms;
      for (const [timer, { run, at }] of timers) if (at <= clock.ms && timers.delete(timer)) run();
    },
    /** Judges until it is no longer pending, as the source book does when it is told. */
    async decided(source: SourceConfig, mac: string, credentials: readonly Credential[]): Promise<Judgement> {
      for (;;) {
        const judgement = judge.judge(source, mac, credentials);
        if (judgement.state !== 'pending') return judgement;
        await tick();
      }
    },
  };
}
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const auto = sourceConfig({ verify: 'auto' });
const enforce = sourceConfig({ verify: 'enforce' });

describe('a new content', () => {
  test('is pending while it is tried, and the caller is told once when that is over', async () => {
    const answer = Promise.withResolvers<Says>();
    const p = preflight(() => answer.promise);
    expect(p.judge(auto, 'm1', [login('one')])).toEqual({ state: 'pending' });
    expect(p.judge(auto, 'm1', [login('one')])).toEqual({ state: 'pending' });
    await tick();
    expect(p.judged).toEqual([]);
    answer.resolve('accepted');
    await tick();
    expect(p.judged).toEqual(['upstream']);
    expect(p.judge(auto, 'm1', [login('one')])).toEqual({ state: 'accepted', notes: [] });
    expect(p.asked).toEqual(['a.corp one']);
    expect(p.records.get('upstream')).toEqual({ mac: 'm1', state: 'accepted', why: [], since: new Date(START).toISOString(), refused: {} });
  });

  test.each<[SourceConfig['verify'], Says, Judgement]>([
    ['auto', 'accepted', { state: 'accepted', notes: [] }],
    ['auto', 'unknown', { state: 'accepted', notes: ['a.corp: unknown'] }],
    ['auto', 'refused', { state: 'held back', why: ['a.corp: refused'] }],
    ['enforce', 'accepted', { state: 'accepted', notes: [] }],
    ['enforce', 'unknown', { state: 'held back', why: ['a.corp: unknown'] }],
    ['enforce', 'refused', { state: 'held back', why: ['a.corp: refused'] }],
    ['off', 'refused', { state: 'accepted', notes: [] }],
  ])('with verify %s, %s -> %j', async (verify, says, judgement) => {
    const p = preflight(() => says);
    expect(await p.decided(sourceConfig({ verify }), 'm1', [login('one')])).toEqual(judgement);
    expect(p.asked).toHaveLength(verify === 'off' ? 0 : 1);
  });

  test('is held back by one login of several, and says which', async () => {
    const p = preflight(({ key }) => (key === 'b.corp' ? 'refused' : key === 'c.corp' ? 'unknown' : 'accepted'));
    const credentials = [login('1'), login('2', 'b.corp'), login('3', 'c.corp')];
    expect(await p.decided(auto, 'm1', credentials)).toEqual({ state: 'held back', why: ['b.corp: refused'] });
    expect(await p.decided(sourceConfig({ name: 'strict', verify: 'enforce' }), 'm1', credentials)).toEqual({ state: 'held back', why: ['b.corp: refused', 'c.corp: unknown'] });
    expect(p.standings().filter(({ source }) => source === 'strict').map(({ key, state }) => `${key} ${state}`)).toEqual(['a.corp accepted', 'b.corp refused', 'c.corp unknown']);
  });

  test('a check that fails is no answer, and its message shows no login of the key', async () => {
    const p = preflight(() => Promise.reject(new Error('connection reset')));
    expect(await p.decided(auto, 'm1', [login('one', 'https://ann:hunter2@a.corp')])).toEqual({ state: 'accepted', notes: [expect.stringMatching(/not tried to the end: connection reset/)] });
    expect(JSON.stringify([...p.records, p.standings()])).not.toContain('hunter2');
  });

  test('globs and entries without a login are not tried; an identity token is', async () => {
    const p = preflight(() => 'refused');
    expect(await p.decided(auto, 'm1', [login('1', '*.corp'), login('2', 'a?.corp'), login('3', 'a[bc].corp'), login('', 'a.corp'), login('4', 'b.corp', { username: '' })])).toEqual({ state: 'accepted', notes: [] });
    expect(p.asked).toEqual([]);
    expect(await p.decided(auto, 'm2', [login('', 'a.corp', { identityToken: 't' })])).toMatchObject({ state: 'held back' });
  });

  test('makes the verdict on the one before it count for nothing', async () => {
    const answers = new Map([['one', Promise.withResolvers<Says>()], ['two', Promise.withResolvers<Says>()]]);
    const p = preflight(({ password }) => answers.get(password)?.promise ?? 'unknown');
    p.judge(auto, 'm1', [login('one')]);
    p.judge(auto, 'm2', [login('two')]);
    answers.get('one')?.resolve('refused');
    await tick();
    expect(p.judged).toEqual([]);
    expect(p.timers.size).toBe(0);
    expect(p.judge(auto, 'm2', [login('two')])).toEqual({ state: 'pending' });
    answers.get('two')?.resolve('accepted');
    await tick();
    expect(p.judge(auto, 'm2', [login('two')])).toMatchObject({ state: 'accepted' });
    expect(p.records.get('upstream')).toMatchObject({ mac: 'm2', state: 'accepted' });
  });

  test('that was tried first and answered last does not replace what is remembered of the newer one', async () => {
    const first = Promise.withResolvers<Says>();
    const p = preflight(({ password }) => (password === 'one' ? first.promise : 'accepted'));
    p.judge(auto, 'm1', [login('one')]);
    await p.decided(auto, 'm2', [login('two')]);
    first.resolve('refused');
    await tick();
    expect(p.records.get('upstream')).toMatchObject({ mac: 'm2', state: 'accepted' });
    expect(Object.values(p.records.get('upstream')?.refused ?? {})).toEqual([expect.objectContaining({ times: 1 })]);
  });
});

test('a content that came back while a newer one was tried is what is remembered', async () => {
  const answer = Promise.withResolvers<Says>();
  const p = preflight(({ password }) => (password === 'two' ? answer.promise : 'accepted'));
  await p.decided(auto, 'm1', [login('one')]);
  p.judge(auto, 'm2', [login('two')]);
  p.judge(auto, 'm1', [login('one')]);
  answer.resolve('refused');
  await tick();
  expect(p.records.get('upstream')).toMatchObject({ mac: 'm1', state: 'accepted' });
  expect(p.judge(auto, 'm1', [login('one')])).toMatchObject({ state: 'accepted' });
});

describe('a refused login', () => {
  test('is tried at once, after 5 minutes, after 30 more, and then every 6 hours', async () => {
    const p = preflight(() => 'refused');
    const tries: number[] = [];
    await p.decided(auto, 'm1', [login('one')]);
    tries.push(0);
    for (let minutes = 1; minutes <= 24 * 60; minutes++) {
      const before = p.asked.length;
      p.pass(MINUTE);
      await p.decided(auto, 'm1', [login('one')]);
      if (p.asked.length > before) tries.push(minutes);
    }
    expect(tries).toEqual([0, 5, 35, 395, 755, 1115]);
  });

  test('is not tried more often by a controller that keeps restarting', async () => {
    const c = cluster();
    let asked = 0;
    for (let minutes = 0; minutes < 60; minutes++, c.clock.ms += MINUTE) {
      const p = preflight(() => 'refused', c);
      expect(await p.decided(auto, 'm1', [login('one')])).toEqual({ state: 'held back', why: ['a.corp: refused'] });
      p.stop();
      asked += p.asked.length;
    }
    expect(asked).toBe(3);
  });

  test('is not tried more often by a content that differs elsewhere, nor by two that alternate', async () => {
    const p = preflight(({ password }) => (password === 'bad' ? 'refused' : 'accepted'));
    for (let i = 0; i < 20; i++) {
      await p.decided(auto, `bad ${i}`, [login('bad'), login(`${i}`, 'b.corp')]);
      await p.decided(auto, `good ${i}`, [login('good')]);
    }
    expect(p.asked.filter((line) => line === 'a.corp bad')).toHaveLength(1);
  });

  test('is not tried more often by the schedule of rechecks', async () => {
    const p = preflight(() => 'accepted');
    await p.decided(auto, 'm1', [login('one')]);
    const later = preflight(() => 'refused', p);
    for (let i = 0; i < 8; i++, p.clock.ms += 15 * MINUTE) await later.recheck(auto, [login('one')]);
    expect(later.asked).toHaveLength(3);
  });

  test('is let through by the try that is accepted, without a change of the source', async () => {
    let says: Says = 'refused';
    const p = preflight(() => says);
    await p.decided(auto, 'm1', [login('one')]);
    says = 'accepted';
    p.judged.length = 0;
    p.pass(4 * MINUTE);
    expect(p.judged).toEqual([]);
    p.pass(MINUTE);
    expect(p.judged).toEqual(['upstream']);
    expect(await p.decided(auto, 'm1', [login('one')])).toEqual({ state: 'accepted', notes: [] });
    expect(p.records.get('upstream')).toMatchObject({ state: 'accepted', refused: {} });
    expect(p.timers.size).toBe(0);
  });

  test('holds back another login no longer than that takes: a new content is tried at once', async () => {
    const p = preflight(({ password }) => (password === 'one' ? 'refused' : 'accepted'));
    await p.decided(auto, 'm1', [login('one')]);
    expect(await p.decided(auto, 'm2', [login('two')])).toMatchObject({ state: 'accepted' });
    expect(p.timers.size).toBe(0);
  });

  test.each([
    ['registry', login('one', 'b.corp')],
    ['user', login('one', 'a.corp', { username: 'ann' })],
    ['identity token', login('one', 'a.corp', { identityToken: 'two' })],
  ])('says nothing of one with another %s: that is tried', async (_, other) => {
    const p = preflight((credential) => (credential === other ? 'accepted' : 'refused'));
    await p.decided(auto, 'm1', [login('one', 'a.corp', { identityToken: 'one' }), login('one')]);
    expect(await p.decided(auto, 'm2', [other])).toEqual({ state: 'accepted', notes: [] });
  });

  test('is held back since its first refusal, and in force since the try that was accepted', async () => {
    let says: Says = 'refused';
    const p = preflight(() => says);
    await p.decided(auto, 'm1', [login('one')]);
    p.pass(5 * MINUTE);
    await p.decided(auto, 'm1', [login('one')]);
    expect(p.records.get('upstream')).toMatchObject({ state: 'held back', since: new Date(START).toISOString() });
    says = 'accepted';
    p.pass(30 * MINUTE);
    await p.decided(auto, 'm1', [login('one')]);
    expect(p.records.get('upstream')).toMatchObject({ state: 'accepted', since: new Date(START + 35 * MINUTE).toISOString() });
  });

  test('that a recheck found is not forgotten by a check that was under way', async () => {
    const slow = Promise.withResolvers<Says>();
    const p = preflight(({ password }) => (password === 'two' ? slow.promise : password === 'ended' ? 'refused' : 'accepted'));
    await p.decided(auto, 'm1', [login('one')]);
    p.judge(auto, 'm2', [login('two')]);
    await p.recheck(auto, [login('ended')]);
    slow.resolve('accepted');
    await tick();
    expect(p.records.get('upstream')).toMatchObject({ mac: 'm2', state: 'accepted' });
    expect(Object.values(p.records.get('upstream')?.refused ?? {})).toMatchObject([{ times: 1, why: 'a.corp: refused' }]);
  });

  test('is among those that are kept when it is one of the newest, however many there were', async () => {
    const p = preflight(() => 'refused');
    for (let i = 0; i < 60; i++, p.clock.ms += 1_000) await p.decided(auto, `m${i}`, [login(`${i}`)]);
    p.asked.length = 0;
    await p.decided(auto, 'newest', [login('59')]);
    await p.decided(auto, 'oldest', [login('0')]);
    expect(p.asked).toEqual(['a.corp 0']);
  });

  test('is remembered without any part of it', async () => {
    const p = preflight(() => 'refused');
    await p.decided(auto, 'm1', [login('hunter2')]);
    expect(JSON.stringify([...p.records, p.standings()])).not.toContain('hunter2');
  });

  test('does not fill the state, however many there are', async () => {
    const p = preflight(() => 'refused');
    for (let i = 0; i < 80; i++, p.clock.ms += 1_000) await p.decided(auto, `m${i}`, [login(`${i}`)]);
    expect(Object.keys(p.records.get('upstream')?.refused ?? {})).toHaveLength(50);
    p.clock.ms += 25 * 60 * MINUTE;
    await p.decided(auto, 'last', [login('last')]);
    expect(Object.keys(p.records.get('upstream')?.refused ?? {})).toHaveLength(1);
  });
});

test('with enforce, a registry that is not there is asked again every minute', async () => {
  let says: Says = 'unknown';
  const p = preflight(() => says);
  await p.decided(enforce, 'm1', [login('one')]);
  p.pass(MINUTE - 1);
  expect(p.asked).toHaveLength(1);
  p.pass(1);
  expect(await p.decided(enforce, 'm1', [login('one')])).toMatchObject({ state: 'held back' });
  expect(p.asked).toHaveLength(2);
  says = 'accepted';
  p.pass(MINUTE);
  expect(await p.decided(enforce, 'm1', [login('one')])).toMatchObject({ state: 'accepted' });
});

describe('what was found of a key', () => {
  test('goes with the key', async () => {
    const p = preflight(() => 'accepted');
    await p.decided(auto, 'm1', [login('1'), login('2', 'b.corp')]);
    await p.decided(auto, 'm2', [login('2', 'b.corp'), login('3', 'c.corp')]);
    expect(p.standings().map(({ key }) => key)).toEqual(['b.corp', 'c.corp']);
  });

  test('stays where the key holds a login of its own, and is told without it', async () => {
    const p = preflight(() => 'accepted');
    await p.decided(auto, 'm1', [login('1', 'https://ann:hunter2@a.corp')]);
    expect(p.standings()).toMatchObject([{ key: 'https://***@a.corp', state: 'accepted' }]);
  });
});

describe('what is in force', () => {
  test('is not held back by a recheck; only the standings say', async () => {
    let says: Says = 'accepted';
    const p = preflight(() => says);
    await p.decided(auto, 'm1', [login('one')]);
    p.judged.length = 0;
    says = 'refused';
    p.clock.ms += MINUTE;
    await p.recheck(auto, [login('one')]);
    expect(p.judge(auto, 'm1', [login('one')])).toEqual({ state: 'accepted', notes: [] });
    expect(p.judged).toEqual([]);
    expect(p.standings()).toEqual([{ source: 'upstream', key: 'a.corp', state: 'refused', why: 'a.corp: refused', at: new Date(START + MINUTE).toISOString() }]);
    expect(p.records.get('upstream')).toMatchObject({ mac: 'm1', state: 'accepted' });
  });

  test('is forgotten when verify is switched off: nobody would ever look again', async () => {
    const p = preflight(() => 'refused');
    await p.decided(sourceConfig({ verify: 'auto' }), 'm1', [login('one')]);
    expect(p.standings()).toHaveLength(1);
    p.judge(sourceConfig({ verify: 'off' }), 'm1', [login('one')]);
    expect(p.standings()).toEqual([]);
  });

  test('is not rechecked where verify is off', async () => {
    const p = preflight(() => 'refused');
    await p.recheck(sourceConfig({ verify: 'off' }), [login('one')]);
    expect(p.asked).toEqual([]);
  });

  test.each<Says>(['unknown', 'refused'])('is let through at once after a restart, although its registry now says %s', async (says) => {
    const c = cluster();
    await preflight(() => 'accepted', c).decided(enforce, 'm1', [login('one')]);
    const p = preflight(() => says, c);
    expect(p.judge(enforce, 'm1', [login('one')])).toEqual({ state: 'accepted', notes: [] });
    expect(p.asked).toEqual([]);
  });

  test('was only let through for want of an answer: enforce asks again', async () => {
    const c = cluster();
    await preflight(() => 'unknown', c).decided(auto, 'm1', [login('one')]);
    expect(await preflight(() => 'unknown', c).decided(enforce, 'm1', [login('one')])).toMatchObject({ state: 'held back' });
  });
});

test('stop() cuts what is under way, tells nobody, and leaves no timer', async () => {
  const never = Promise.withResolvers<Says>();
  const p = preflight(({ password }) => (password === 'slow' ? never.promise : 'refused'));
  await p.decided(auto, 'm1', [login('one')]);
  p.judge(sourceConfig({ name: 'other', verify: 'auto' }), 'm1', [login('slow')]);
  p.judged.length = 0;
  p.stop();
  expect(p.timers.size).toBe(0);
  expect(p.signals.every(({ aborted }) => aborted)).toBe(true);
  never.resolve('refused');
  await tick();
  expect([p.judged, p.timers.size]).toEqual([[], 0]);
});
