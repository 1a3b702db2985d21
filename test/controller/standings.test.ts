/** The gauges of copies. */
import { expect, test } from 'vitest';
import { publishStandings } from '../../src/controller/standings.ts';
import type { CopyState } from '../../src/plan/copy.ts';

function counted(...states: CopyState[]): Record<string, number> {
  const counts: Record<string, number> = {};
  const gauge = { set: ({ state }: { state: string }, value: number) => void (counts[state] = value) };
  publishStandings(
    ['hub'],
    states.map((copy) => [
      {
        source: 'hub',
        copyName: 'c',
        copy,
        choice: { in: true, why: 'enabled' },
        accounts: { selected: 0, referenced: 0 },
      },
    ]),
    { copies: gauge, references: { set: () => undefined } } as unknown as Parameters<typeof publishStandings>[2],
  );
  return counts;
}

test('what is pending is not absent, and what is blocked is not behind', () => {
  expect(
    counted('unavailable', 'terminating', 'missing', 'blocked', 'blocked', 'stale', 'foreign', 'in sync', 'source'),
  ).toEqual({
    'in-sync': 1,
    stale: 1,
    missing: 1,
    foreign: 1,
    blocked: 2,
    waiting: 2,
  });
});
