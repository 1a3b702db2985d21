import { expect, test } from 'vitest';
import { createPace } from '../../src/controller/pace.ts';

test('a few writes in a row are free, then each waits longer than the one before, up to ten seconds', () => {
  let now = 0;
  const pace = createPace(() => now);
  const pauses = Array.from({ length: 10 }, () => {
    pace.wrote('cache');
    const pause = pace.pauseMs('cache');
    now += pause;
    return pause;
  });
  expect(pauses).toEqual([0, 0, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000]);
  expect([pace.pauseMs('cache'), pace.pauseMs('other')]).toEqual([0, 0]);
});

test('after a quiet minute it starts anew, and at once where it is forgotten', () => {
  let now = 0;
  const pace = createPace(() => now);
  for (let i = 0; i < 5; i++) pace.wrote('cache');
  expect(pace.pauseMs('cache')).toBe(2_000);
  now += 60_000;
  pace.wrote('cache');
  expect(pace.pauseMs('cache')).toBe(0);
  for (let i = 0; i < 5; i++) pace.wrote('cache');
  pace.forget('cache');
  expect(pace.pauseMs('cache')).toBe(0);
});
