import { expect, test } from 'vitest';
import { createPace } from '../../src/controller/pace.ts';

test('a few writes in a row are free, then each waits longer than the one before, up to ten seconds', () => {
  let now = 0;
  const pace = createPace(() => now);
  const pauses = Array.from({ length: 10 }, () => {
    pace.wrote();
    const pause = pace.pauseMs();
    now += pause;
    return pause;
  });
  expect(pauses).toEqual([0, 0, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000]);
  expect(pace.pauseMs()).toBe(0);
});

test('after a quiet minute it starts anew', () => {
  let now = 0;
  const pace = createPace(() => now);
  expect(pace.pauseMs()).toBe(0);
  for (let i = 0; i < 5; i++) pace.wrote();
  expect(pace.pauseMs()).toBe(2_000);
  now += 60_000;
  pace.wrote();
  expect(pace.pauseMs()).toBe(0);
});
