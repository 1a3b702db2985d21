/** When a login is renewed. */
import { describe, expect, test } from 'vitest';
import { retryMs, scheduleOf, TIMINGS } from '../../src/provider/schedule.ts';

const NOW = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A JWT that ends so much later. */
const endsIn = (ms: number): string =>
  `${[{ alg: 'none' }, { exp: (NOW + ms) / 1000 }].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.x`;

const schedule = (passwords: string[], cacheMs?: number, refreshMs?: number, chance = 0) => {
  const logins = passwords.map((password, i) => ({ key: `${i}.example.com`, username: 'robot', password }));
  const { expiresAt, waitMs } = scheduleOf({ logins, cacheMs }, { now: NOW, refreshMs, chance, timings: TIMINGS });
  return { endsIn: expiresAt === undefined ? undefined : expiresAt - NOW, waitMs };
};

test.each([
  ['ECR: the end is in the token, and the plugin says half of it', [endsIn(12 * HOUR)], 6 * HOUR, 12 * HOUR, 6 * HOUR],
  ['ACR: the end is in the token, and the plugin says 5 minutes', [endsIn(3 * HOUR)], 5 * MINUTE, 3 * HOUR, 1.5 * HOUR],
  ['the first of several to end counts', [endsIn(4 * HOUR), endsIn(HOUR)], undefined, HOUR, HOUR / 2],
  [
    'an opaque token counts for as long as the plugin vouches for it',
    ['opaque'],
    40 * MINUTE,
    40 * MINUTE,
    20 * MINUTE,
  ],
  ['a plugin that does not want its answer kept is asked often', ['opaque'], undefined, undefined, 2 * MINUTE],
  ['no life is so short that the plugin is asked all the time', [endsIn(1000)], undefined, 1000, 10_000],
  ['no life is so long that it is not asked within a day', ['opaque'], 2 ** 63 / 1e6, undefined, 24 * HOUR],
])('%s', (_, passwords, cacheMs, end, waitMs) => {
  const found = schedule(passwords, cacheMs);
  expect(found.waitMs).toBe(waitMs);
  if (end !== undefined || cacheMs === undefined) expect(found.endsIn).toBe(end);
});

test('the longest promise can be written down', () => {
  expect(new Date(NOW + (schedule(['opaque'], 2 ** 63 / 1e6).endsIn ?? NaN)).toISOString()).toMatch(/^2318-/);
});

test('refreshEvery is the longest wait, and the wait where nothing is known', () => {
  expect(schedule([endsIn(12 * HOUR)], undefined, HOUR).waitMs).toBe(HOUR);
  expect(schedule([endsIn(HOUR)], undefined, 4 * HOUR).waitMs).toBe(HOUR / 2);
  expect(schedule(['opaque'], undefined, 4 * HOUR).waitMs).toBe(4 * HOUR);
});

test('chance makes it sooner, by a tenth at most', () => {
  expect(schedule([endsIn(10 * HOUR)], undefined, undefined, 1).waitMs).toBeCloseTo(4.5 * HOUR);
});

test('a token that is over by our clock is asked for anew soon', () => {
  expect(schedule([endsIn(-HOUR)])).toEqual({ endsIn: -HOUR, waitMs: 2 * MINUTE });
});

describe('after failures', () => {
  const waits = (leftMs: number | undefined): number[] =>
    [1, 2, 3, 8, 1000].map((failures) => retryMs(failures, leftMs, 0, TIMINGS) / 1000);

  test('the delay doubles up to 15 minutes', () => {
    expect(waits(undefined)).toEqual([10, 20, 40, 900, 900]);
    expect(retryMs(1, undefined, 1, TIMINGS)).toBe(8000);
  });

  test('near the end there is time for some tries more', () => {
    expect(waits(20 * MINUTE)).toEqual([10, 20, 40, 120, 120]);
    expect(waits(0)).toEqual([10, 10, 10, 10, 10]);
  });
});
