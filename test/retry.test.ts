import { describe, expect, test } from 'vitest';
import { isPassing, kindOf } from '../src/errors.ts';
import { UnreachableError } from '../src/kube/api-error.ts';
import { refusal } from './kube/scripted-client.ts';
import { LostRaceError, SupersededError } from '../src/kube/races.ts';
import { delayMs, refusedLoginMs, retryAfter, retryUnwatched } from '../src/retry.ts';
import type { Retry } from '../src/retry.ts';

const after = (...errors: unknown[]) => retryAfter(errors);
const terminating = refusal(403, { details: { causes: [{ reason: 'NamespaceTerminating' }] } });

const isRefusal = (error: unknown): boolean => kindOf(error) === 'refused' || kindOf(error) === 'forbidden';

describe('one failure', () => {
  test.each<[string, unknown, Retry]>([
    ['a plan that was overtaken', new SupersededError('x'), { afterMs: 50 }],
    ['a race that was lost five times', new LostRaceError('x'), 'backoff'],
    ['no answer', new UnreachableError('x'), 'backoff'],
    ['a bug', new TypeError('x'), 'backoff'],
    ['anything that is thrown', 'text', 'backoff'],
    ['409', refusal(409), 'backoff'],
    ['403', refusal(403), 'backoff'],
    ['401', refusal(401), 'backoff'],
    ['500', refusal(500), 'backoff'],
    ['429', refusal(429), 'backoff'],
    ['429 with a wish', refusal(429, {}, '7'), { afterMs: 7_000 }],
    ['429 without any time to wait', refusal(429, {}, '0'), 'backoff'],
    ['503 with a wish in the body', refusal(503, { details: { retryAfterSeconds: 2 } }), { afterMs: 2_000 }],
    ['422', refusal(422), 'done'],
    ['400', refusal(400), 'done'],
  ])('%s', (_, error, expected) => {
    expect(after(error)).toEqual(expected);
  });
});

describe('several failures', () => {
  test('none is done', () => expect(after()).toEqual('done'));
  test('the longest wish of the server counts before everything else', () => {
    expect(
      after(refusal(500), refusal(429, {}, '2'), new SupersededError('x'), refusal(429, {}, '9'), refusal(422)),
    ).toEqual({ afterMs: 9_000 });
  });
  test('a failure that may pass counts before one that is settled at once, and before a refusal', () => {
    expect(after(refusal(422), new SupersededError('x'), refusal(500))).toEqual('backoff');
    expect(after(refusal(422), new SupersededError('x'))).toEqual({ afterMs: 50 });
    expect(after(refusal(422), refusal(400))).toEqual('done');
  });
});

test('what somebody has to do something about', () => {
  expect([refusal(403), refusal(422), refusal(400)].map(isRefusal)).toEqual([true, true, true]);
  expect(
    [
      terminating,
      refusal(409),
      refusal(404),
      refusal(429),
      refusal(500),
      new UnreachableError('x'),
      new SupersededError('x'),
      new LostRaceError('x'),
      'x',
    ].some(isRefusal),
  ).toBe(false);
});

test('what passes by itself', () => {
  expect(
    [
      refusal(409),
      refusal(429),
      refusal(500),
      refusal(503),
      new UnreachableError('x'),
      new SupersededError('x'),
      new LostRaceError('x'),
    ].every(isPassing),
  ).toBe(true);
  expect([refusal(403), refusal(422), refusal(404), new TypeError('x'), 'x'].some(isPassing)).toBe(false);
});

test('what was refused is tried again where nobody sees what changes', () => {
  expect(retryUnwatched(refusal(422))).toBe('backoff');
  expect(retryUnwatched(new SupersededError('x'))).toEqual({ afterMs: 50 });
  expect(retryUnwatched(refusal(429, {}, '7'))).toEqual({ afterMs: 7_000 });
});

test('what is looked at again is looked at ever more rarely', () => {
  const row = (wait: Parameters<typeof delayMs>[0]) => [0, 1, 2, 20, 5_000].map((times) => delayMs(wait, times) / 1000);
  expect(row('not yet')).toEqual([2, 4, 8, 900, 900]);
  expect(row('pull unknown')).toEqual([1, 2, 4, 900, 900]);
  expect(row('pull refused')).toEqual([20, 40, 80, 900, 900]);
  expect(row('administrator refused')).toEqual([300, 300, 300, 300, 300]);
  expect(row('login unknown')).toEqual([60, 60, 60, 60, 60]);
  expect([0, 1, 2, 3, 9].map((times) => refusedLoginMs(times) / 60_000)).toEqual([5, 5, 30, 360, 360]);
});
