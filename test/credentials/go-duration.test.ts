import { expect, test } from 'vitest';
import { parseGoDuration } from '../../src/credentials/go-duration.ts';

test.each([
  ['6h0m0s', 21_600_000],
  ['1.5h', 5_400_000],
  ['.5s', 500],
  ['1m30.25s', 90_250],
  ['-300ms', -300],
  ['+1s', 1000],
  ['0', 0],
  ['-0', 0],
  ['1us1µs1μs', 0.003],
  ['1500000ns', 1.5],
])('%s', (text, ms) => {
  expect(parseGoDuration(text)).toBeCloseTo(ms, 9);
});

test.each(['', '6', '6 h', 'h', '1d', '1h-1m', '.s', '1e3s', '9999999999h', ' 1s', '1s\n', `${'1s'.repeat(60)}`])(
  'Go does not read %j',
  (text) => {
    expect(parseGoDuration(text)).toBeUndefined();
  },
);
