import { describe, expect, test } from 'vitest';
import { createRotations } from '../../src/rotation/rotations.ts';
import { createLog } from '../../src/log.ts';
import type { CopyState } from '../../src/plan/copy.ts';
import { source } from '../plan/observations.ts';
import type { SourceStanding } from '../../src/plan/namespace-plan.ts';

function rotating() {
  const lines: Record<string, unknown>[] = [];
  const pending: [string, number][] = [];
  const complete: [string, number][] = [];
  let time = 1_000;
  const rotations = createRotations(
    createLog('info', { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) }),
    { pending: (name, n) => pending.push([name, n]), complete: (name, seconds) => complete.push([name, seconds]) },
    () => time,
  );
  const planned = (digest: string | undefined) => [
    source({ digest, config: { name: 'upstream' } }),
    source({ digest, config: { name: 'second' } }),
  ];
  return {
    ...rotations,
    lines,
    pending,
    complete,
    rotations,
    planned,
    pass: (ms: number) => {
      time += ms;
    },
    settle: (namespace: string, copy: CopyState, { digest = 'new', into = true, name = 'upstream' } = {}) =>
      rotations.settle(namespace, [standing(name, copy, into)], planned(digest)),
  };
}
const standing = (name: string, copy: CopyState, into: boolean): SourceStanding => ({
  source: name,
  copyName: 'regcred',
  copy,
  accounts: { selected: 1, referenced: 1 },
  choice: into ? { in: true, why: 'enabled' } : { in: false, why: 'disabled' },
});

describe('a rotation', () => {
  test('is complete when every namespace carries the new content, and says how long it took', () => {
    const r = rotating();
    r.begin('upstream', 'new', ['a', 'b', 'c'], false);
    r.settle('a', 'in sync');
    r.pass(1_500);
    r.settle('b', 'none', { into: false });
    expect(r.complete).toEqual([]);
    r.settle('c', 'in sync');
    expect(r.complete).toEqual([['upstream', 1.5]]);
    expect(r.pending).toEqual([
      ['upstream', 3],
      ['upstream', 2],
      ['upstream', 1],
      ['upstream', 0],
    ]);
    expect(r.lines).toEqual([
      expect.objectContaining({
        source: 'upstream',
        copies: 2,
        seconds: 1.5,
        msg: expect.stringMatching(/^rotation complete: /) as string,
      }),
    ]);
  });

  test.each<[CopyState, boolean]>([
    ['in sync', true],
    ['foreign', true],
    ['none', true],
    ['source', true],
    ['leftover', true],
    ['retained', true],
    ['stale', false],
    ['missing', false],
    ['terminating', false],
  ])('a namespace whose copy is %s is done with: %j', (state, done) => {
    const r = rotating();
    r.begin('upstream', 'new', ['a'], false);
    r.settle('a', state);
    expect(r.complete).toHaveLength(done ? 1 : 0);
  });

  test.each([
    [false, false],
    [true, true],
  ])('a namespace that keeps a copy of it by the brake, current: %j, is done with: %j', (current, done) => {
    const r = rotating();
    r.begin('upstream', 'new', ['a'], false);
    r.rotations.settle('a', [standing('upstream', 'held', false)], r.planned('new'), {
      copies: [{ name: 'regcred', source: 'upstream', current }],
      accounts: [],
    });
    expect(r.complete).toHaveLength(done ? 1 : 0);
  });

  test('does not take for done what was planned before the content changed: it may have written the old one', () => {
    const r = rotating();
    r.begin('upstream', 'new', ['a'], false);
    r.settle('a', 'in sync', { digest: 'old' });
    r.settle('a', 'in sync', { digest: 'none was read' });
    expect(r.complete).toEqual([]);
    r.settle('a', 'in sync');
    expect(r.complete).toHaveLength(1);
  });

  test('starts anew with a newer content', () => {
    const r = rotating();
    r.begin('upstream', 'old', ['a', 'b'], false);
    r.settle('a', 'in sync', { digest: 'old' });
    r.begin('upstream', 'new', ['a', 'b'], false);
    r.settle('b', 'in sync');
    expect(r.complete).toEqual([]);
    r.settle('a', 'in sync');
    expect(r.complete).toHaveLength(1);
  });

  test('does not wait for a namespace that is gone', () => {
    const r = rotating();
    r.begin('upstream', 'new', ['a', 'b'], false);
    r.begin('second', 'new', ['b'], true);
    r.settle('a', 'in sync');
    r.drop('b');
    expect(r.complete.map(([name]) => name)).toEqual(['upstream']); // the first content of a source replaces nothing
    expect(r.lines.map(({ msg }) => msg)).toEqual([
      expect.stringMatching(/^rotation complete: /),
      expect.stringMatching(/^every copy /),
    ]);
  });

  test('counts a namespace once, and not one that it does not wait for', () => {
    const r = rotating();
    r.begin('upstream', 'new', ['a', 'b'], false);
    r.settle('a', 'in sync');
    r.settle('a', 'in sync');
    r.settle('new', 'in sync');
    r.settle('b', 'in sync', { name: 'second' });
    expect(r.pending.at(-1)).toEqual(['upstream', 1]);
  });

  test('waits for cache proxies, too', () => {
    const r = rotating();
    r.begin('upstream', 'new', ['a', 'proxy/hub'], false);
    r.settle('a', 'in sync');
    expect(r.complete).toEqual([]);
    r.arrive('upstream', 'proxy/hub');
    expect(r.complete).toHaveLength(1);
    expect(r.lines[0]).toMatchObject({ copies: 1 });
  });

  test('of a cluster without namespaces is no rotation', () => {
    const r = rotating();
    r.begin('upstream', 'new', [], false);
    expect([r.pending, r.complete, r.lines]).toEqual([[], [], []]);
  });
});

describe('giving up', () => {
  test('tells that nothing is pending, and completes nothing', () => {
    const r = rotating();
    r.begin('upstream', 'new', ['a'], false);
    r.clear();
    expect(r.pending.at(-1)).toEqual(['upstream', 0]);
    r.settle('a', 'in sync');
    expect(r.complete).toEqual([]);
  });

  test('spares the sources that stay', () => {
    const r = rotating();
    r.begin('upstream', 'new', ['a'], false);
    r.begin('second', 'new', ['a'], false);
    r.clear(new Set(['upstream']));
    expect(r.pending.at(-1)).toEqual(['second', 0]);
    r.settle('a', 'in sync');
    expect(r.complete.map(([name]) => name)).toEqual(['upstream']);
  });
});

test('a rotation that only blocked namespaces keep from being complete says so once, with what blocks them', () => {
  const r = rotating();
  const blocked = (namespace: string, into = true): void =>
    r.rotations.settle(
      namespace,
      [{ ...standing('upstream', 'blocked', into), blockedBy: 'finalizer "x"' }],
      r.planned('new'),
    );
  r.begin('upstream', 'new', ['a', 'b', 'c', 'd'], false);
  blocked('a');
  // Nobody waits for what is not wanted any more.
  blocked('d', false);
  r.settle('b', 'stale');
  expect(r.lines).toEqual([]);
  r.settle('b', 'in sync');
  r.settle('c', 'in sync');
  blocked('a');
  expect(r.complete).toEqual([]);
  expect(r.lines).toMatchObject([
    { level: 'warn', blocked: 1, msg: 'rotation not complete: all others are done, and blocked is a (finalizer "x")' },
  ]);
  r.settle('a', 'in sync');
  expect(r.complete).toHaveLength(1);
});
