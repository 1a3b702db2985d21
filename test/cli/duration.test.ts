import { InvalidArgumentError } from 'commander';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { duration, sayDuration } from '../../src/cli/duration.ts';

const DAY_MS = 24 * 3_600_000;
const parse = duration(DAY_MS);

test.each([
  ['0', 0],
  ['90', 90_000],
  ['90s', 90_000],
  ['10m', 600_000],
  ['1h30m', 5_400_000],
  ['1h0m5s', 3_605_000],
  ['24h', DAY_MS],
])('%s is %d ms', (text, ms) => {
  expect(parse(text)).toBe(ms);
});

test.each(['', 'm', '-1', '1.5h', '10 m', '10M', '5m1h', '1m1m', '1d', '1e3', 'Infinity', '24h1s', '9999999999'])(
  '%j is refused, and what is right is said',
  (text) => {
    expect(() => parse(text)).toThrow(InvalidArgumentError);
    expect(() => parse(text)).toThrow(/such as 90s, 10m or 1h30m, .* at most 24h\.$/);
  },
);

test('what is said of a duration is read as that duration', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 86_400 }), (seconds) => {
      expect(parse(sayDuration(seconds * 1000))).toBe(seconds * 1000);
    }),
  );
});
