import { describe, expect, test } from 'vitest';
import { createPace } from '../../src/controller/pace.ts';

const MINUTE = 60_000;

function paced() {
  let now = 0;
  const pace = createPace(() => now);
  return {
    pace,
    pass: (ms: number) => void (now += ms),
    /** Writes as soon as it may, undone after `stoodMs` each time. @returns the pauses, from undone to written again. */
    fight(times: number, stoodMs = 0, intent = 'same'): number[] {
      return Array.from({ length: times }, () => {
        const pause = pace.pauseMs('object', intent);
        now += pause;
        pace.wrote('object', intent);
        now += stoodMs;
        return pause;
      });
    },
  };
}

describe('a write that is undone each time', () => {
  test('is repeated at once three times, and then after a delay that doubles, up to five minutes', () => {
    expect(paced().fight(14)).toEqual([
      ...[0, 0, 0, 0],
      ...[1, 2, 4, 8, 16, 32, 64, 128, 256, 300].map((seconds) => seconds * 1_000),
    ]);
  });

  test('a moment for which each write stands makes no difference', () => {
    const pauses = paced().fight(13, 20);
    expect(pauses.slice(0, 4)).toEqual([0, 0, 0, 0]);
    // The delay counts from the write.
    expect(pauses.slice(4)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256].map((seconds) => seconds * 1_000 - 20));
  });

  test('waits hardly at all if each write stands for minutes: mending it at once costs nothing', () => {
    expect(Math.max(...paced().fight(50, 3 * MINUTE))).toBe(0);
  });

  test('is contested from the third repeat until ten quiet minutes have passed', () => {
    const { pace, fight, pass } = paced();
    fight(3);
    expect([pace.isContested('object'), pace.quietInMs('object')]).toEqual([false, 0]);
    fight(1);
    expect([pace.isContested('object'), pace.quietInMs('object')]).toEqual([true, 10 * MINUTE]);
    pass(10 * MINUTE - 1);
    expect([pace.isContested('object'), pace.quietInMs('object')]).toEqual([true, 1]);
    pass(1);
    expect([pace.isContested('object'), pace.quietInMs('object')]).toEqual([false, 0]);
    expect(fight(4)).toEqual([0, 0, 0, 0]);
  });

  test('a day of it takes no longer to forget than an hour', () => {
    const { fight } = paced();
    fight(300);
    expect(fight(12, 2 * MINUTE).at(-1)).toBe(0);
  });
});

describe('news never waits', () => {
  test('another intent is written at once, and the contest goes on where it was', () => {
    const { pace, fight } = paced();
    fight(8);
    expect(pace.pauseMs('object', 'same')).toBe(16_000);
    expect(fight(1, 0, 'rotated')).toEqual([0]);
    expect(pace.isContested('object')).toBe(true);
    expect(pace.pauseMs('object', 'rotated')).toBeGreaterThan(4_000);
  });

  test('one after the other is no contest, however many', () => {
    const { pace } = paced();
    for (let i = 0; i < 100; i++) {
      expect(pace.pauseMs('object', `digest ${i % 2}`)).toBe(0);
      pace.wrote('object', `digest ${i % 2}`);
    }
    expect(pace.isContested('object')).toBe(false);
  });

  test('another object does not wait', () => {
    const { pace, fight } = paced();
    fight(8);
    expect(pace.pauseMs('another', 'same')).toBe(0);
    pace.forget('object');
    expect(pace.pauseMs('object', 'same')).toBe(0);
  });
});

test('of very many objects, those are forgotten that were written longest ago', () => {
  const { pace, fight } = paced();
  fight(8);
  for (let i = 0; i < 49_999; i++) pace.wrote(`object ${i}`, 'same');
  expect(pace.isContested('object')).toBe(true);
  pace.wrote('one more', 'same');
  expect(pace.isContested('object')).toBe(false);
});
