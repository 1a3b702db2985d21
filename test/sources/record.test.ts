/** What is written down of a source, and read again: enough to go on after a restart, and no credential. */
import { describe, expect, test } from 'vitest';
import type { Credential } from '../../src/credentials/docker-config.ts';
import { entryMac, keyId, nextRecord, recordOf, stageOf } from '../../src/sources/record.ts';
import { NOTHING, settled } from '../../src/sources/rollout.ts';
import type { Rollout, Stage } from '../../src/sources/rollout.ts';
import { sourceConfig } from '../plan/observations.ts';
import { createMemory } from './memory.ts';
import type { Held, SourceRecord } from '../../src/observe/records.ts';

const state = createMemory();
const [EARLIER, NOW] = ['2030-01-01T00:00:00.000Z', '2030-02-01T00:00:00.000Z'];
const login = (key: string, password = 'pw'): Credential => ({ key, username: 'robot', password });
const content = (digest: string, ...credentials: Credential[]) => ({ digest, credentials });
type Content = ReturnType<typeof content>;
const id = (key: string) => keyId(state, key);
const canaries = { namespaces: new Set(['team-a']), proxies: new Set(['cache']) };
const trying = (stage: Exclude<Stage, { state: 'settled' }>, newest = content('two')): Rollout<Content> => ({
  passed: content('one'),
  newest,
  stage,
});
const LOOKING = { state: 'looking', canaries } as const;

interface Parts {
  rollout?: Rollout<Content>;
  held?: readonly Held[];
  unproven?: readonly string[];
  goes?: readonly string[];
  candidates?: readonly Credential[];
  copies?: readonly string[];
}
function next(before: SourceRecord | undefined, { copies = [], ...parts }: Parts = {}, at = NOW): SourceRecord {
  const standing = {
    rollout: settled(content('one')),
    held: [],
    unproven: [],
    goes: [],
    candidates: [],
    isHeld: (digest: string) => copies.includes(digest),
    ...parts,
  };
  return nextRecord(state, sourceConfig(), before, standing, at);
}

test('the record of another Secret under the same source name is none', () => {
  const memory = createMemory();
  const config = sourceConfig();
  expect(recordOf(memory, config)).toBeUndefined();
  memory.setSource(config.name, next(undefined));
  expect(recordOf(memory, config)).toEqual(next(undefined));
  expect(recordOf(memory, sourceConfig({ secret: { namespace: 'other', name: 'upstream-registry' } }))).toBeUndefined();
});

test('keys and logins are told apart by 128 bits each, and neither can be read', () => {
  const { logins } = next(undefined, { rollout: settled(content('one', login('a.test', 'hunter2'))) });
  expect(logins).toEqual({ [id('a.test')]: entryMac(state, login('a.test', 'hunter2')) });
  expect(JSON.stringify(logins)).toMatch(/^\{"[0-9a-f]{32}":"[0-9a-f]{32}"\}$/);
  expect(entryMac(state, login('a.test', 'other'))).not.toBe(entryMac(state, login('a.test', 'hunter2')));
  expect(keyId(state, 'b.test')).not.toBe(id('a.test'));
});

describe('a rollout that has not passed', () => {
  const before = ['x fails'];
  const why = ['y fails'];
  test.each<[string, Exclude<Stage, { state: 'settled' }>]>([
    ['before the canaries have it', LOOKING],
    ['while they are watched', { state: 'canary', canaries, before }],
    ['halted', { state: 'halted', canaries, before, why }],
  ])('goes on at the same stage: %s', (_, stage) => {
    const record = next(undefined, { rollout: trying(stage) });
    expect(record).toMatchObject({
      passed: ['one'],
      trying: { digest: 'two', state: stage.state, namespaces: ['team-a'], proxies: ['cache'] },
    });
    if (record.trying === undefined) throw new Error('nothing is tried');
    expect(stageOf(record.trying)).toEqual(stage);
  });

  test('is written down with the first hundred of its failures', () => {
    const many = Array.from({ length: 101 }, (_, i) => `failure ${i}`);
    const { trying: tried } = next(undefined, {
      rollout: trying({ state: 'halted', canaries, before: many, why: many }),
    });
    expect([tried?.before, tried?.why]).toEqual([many.slice(0, 100), many.slice(0, 100)]);
  });

  test('is forgotten when it has passed', () => {
    expect(next(next(undefined, { rollout: trying(LOOKING) }))).not.toHaveProperty('trying');
  });
});

describe('of the contents that passed', () => {
  const after = (digests: readonly string[], copies: readonly string[] = []) =>
    digests.reduce<SourceRecord | undefined>(
      (before, digest) => next(before, { rollout: settled(content(digest)), copies }),
      undefined,
    )?.passed;

  test('the newest three are remembered, the newest first, each once', () => {
    expect(after(['one', 'two', 'three', 'four'])).toEqual(['four', 'three', 'two']);
    expect(after(['one', 'two', 'one'])).toEqual(['one', 'two']);
  });

  test('older ones are remembered while a copy holds them, twenty in all', () => {
    expect(after(['one', 'two', 'three', 'four', 'five'], ['one'])).toEqual(['five', 'four', 'three', 'one']);
    const all = Array.from({ length: 25 }, (_, i) => `content-${i}`);
    expect(after(all, all)).toEqual(all.toReversed().slice(0, 20));
  });

  test('they stay where nothing is in force, and so do the logins', () => {
    const before = next(undefined, { rollout: settled(content('one', login('a.test'))) });
    expect(next(before, { rollout: NOTHING })).toMatchObject({ passed: ['one'], logins: before.logins });
  });
});

describe('the time of the newest content', () => {
  const first = next(undefined, {}, EARLIER);

  test('is that of its first sight', () => {
    expect([first.since, next(first).since]).toEqual([EARLIER, EARLIER]);
    expect(next(first, { rollout: settled(content('two')) }).since).toBe(NOW);
    expect(next(first, { rollout: NOTHING }).since).toBe(EARLIER);
  });

  test('is not that of its way through the canaries', () => {
    const tried = next(first, { rollout: trying(LOOKING) }, EARLIER);
    expect(next(tried, { rollout: trying(LOOKING) }).since).toBe(EARLIER);
    expect(next(tried, { rollout: settled(content('two')) }).since).toBe(EARLIER);
    expect(next(first, { rollout: trying(LOOKING) }).since).toBe(NOW);
  });
});

describe('a removal that was confirmed', () => {
  const confirmed = { rollout: trying(LOOKING), goes: ['gone.test'] };

  test('is counted once', () => {
    const first = next(undefined, { goes: ['a.test', 'b.test'] });
    expect([next(undefined).removals, first.removals, next(first).removals]).toEqual([0, 1, 1]);
    expect(next(first, { goes: ['c.test'] }).removals).toBe(2);
  });

  test('is remembered until it has passed the canaries, each key once', () => {
    const first = next(undefined, confirmed);
    expect(first.letGo).toEqual([id('gone.test')]);
    const second = next(first, { ...confirmed, goes: ['gone.test', 'other.test'] });
    expect(second.letGo).toEqual([id('gone.test'), id('other.test')]);
    expect(next(second, { rollout: trying(LOOKING) }).letGo).toEqual(second.letGo);
    expect(next(second).letGo).toEqual([]);
  });

  test('is void when the entry comes back', () => {
    const first = next(undefined, { ...confirmed, goes: ['gone.test', 'other.test'] });
    expect(next(first, { rollout: trying(LOOKING), candidates: [login('gone.test')] }).letGo).toEqual([
      id('other.test'),
    ]);
  });
});

describe('a login that its registry did not take', () => {
  const rollout = settled(content('one', login('a.test'), login('b.test')));
  const first = next(undefined, { rollout, unproven: ['a.test', 'not-in-force.test'] });

  test('is remembered while it is in force', () => {
    expect(first.unproven).toEqual([id('a.test')]);
    expect(next(first, { rollout }).unproven).toEqual([id('a.test')]);
    expect(next(first, { rollout: settled(content('two', login('b.test'))) }).unproven).toEqual([]);
  });

  test('is another one with another password', () => {
    expect(next(first, { rollout: settled(content('two', login('a.test', 'new'))) }).unproven).toEqual([]);
  });
});

describe('an entry that is held back', () => {
  const held: Held = { key: 'a.test', cause: 'refused', why: 'no', keeps: true };
  const candidates = [login('a.test', 'bad')];
  const first = next(undefined, { held: [held], candidates }, EARLIER);

  test('is written down with the login that is held, and since when', () => {
    expect(first.held).toEqual([{ ...held, login: entryMac(state, login('a.test', 'bad')), since: EARLIER }]);
    const gone: Held = { ...held, cause: 'vanished' };
    expect(next(undefined, { held: [gone] }).held).toEqual([{ ...gone, login: '', since: NOW }]);
  });

  test('is the same one while key, cause and login are: then its time stays, whatever the reason is in words', () => {
    const since = (parts: Partial<Held>, password = 'bad') =>
      next(first, { held: [{ ...held, ...parts }], candidates: [login('a.test', password), login('b.test', 'bad')] })
        .held[0]?.since;
    expect(since({ why: 'still no' })).toBe(EARLIER);
    expect(since({}, 'another')).toBe(NOW);
    expect(since({ cause: 'unproven' })).toBe(NOW);
    expect(since({ key: 'b.test' })).toBe(NOW);
  });

  test('is written down without a login that stands in its key', () => {
    const key = 'robot:hunter2@a.test';
    const record = next(undefined, { held: [{ ...held, key }], candidates: [login(key)] });
    expect(JSON.stringify(record)).not.toContain('hunter2');
    expect(record.held[0]?.login).toBe(entryMac(state, login(key)));
  });
});
