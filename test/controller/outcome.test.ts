import { describe, expect, test } from 'vitest';
import { outcomeOf } from '../../src/controller/outcome.ts';
import { isPassing, kindOf } from '../../src/errors.ts';
import { UnreachableError } from '../../src/kube/api-error.ts';
import type { Action } from '../../src/plan/action.ts';
import { refusal } from '../kube/scripted-client.ts';
import { LostRaceError, SupersededError } from '../../src/kube/races.ts';

const action: Action = { type: 'deleteCopy', namespace: 'n', name: 'c', uid: 'u', resourceVersion: '1' };
const after = (...errors: unknown[]) => outcomeOf(errors.map((error) => ({ action, error })));
const terminating = refusal(403, { details: { causes: [{ reason: 'NamespaceTerminating' }] } });

const isRefusal = (error: unknown): boolean => kindOf(error) === 'refused' || kindOf(error) === 'forbidden';

describe('one failure', () => {
  test.each<[string, unknown, object]>([
    ['a plan that was overtaken', new SupersededError('x'), { then: 'again', afterMs: 50 }],
    ['a race that was lost five times', new LostRaceError('x'), { then: 'retry' }],
    ['no answer', new UnreachableError('x'), { then: 'retry' }],
    ['a bug', new TypeError('x'), { then: 'retry' }],
    ['anything that is thrown', 'text', { then: 'retry' }],
    ['409', refusal(409), { then: 'retry' }],
    ['403', refusal(403), { then: 'retry' }],
    ['401', refusal(401), { then: 'retry' }],
    ['500', refusal(500), { then: 'retry' }],
    ['429', refusal(429), { then: 'retry' }],
    ['429 with a wish', refusal(429, {}, '7'), { then: 'wait', afterMs: 7_000 }],
    ['429 without any time to wait', refusal(429, {}, '0'), { then: 'retry' }],
    [
      '503 with a wish in the body',
      refusal(503, { details: { retryAfterSeconds: 2 } }),
      { then: 'wait', afterMs: 2_000 },
    ],
    ['422', refusal(422), { then: 'refused' }],
    ['400', refusal(400), { then: 'refused' }],
  ])('%s', (_, error, expected) => {
    expect(after(error)).toEqual(expected);
  });
});

describe('several failures', () => {
  test('none is done', () => expect(after()).toEqual({ then: 'done' }));
  test('the longest wish of the server counts before everything else', () => {
    expect(
      after(refusal(500), refusal(429, {}, '2'), new SupersededError('x'), refusal(429, {}, '9'), refusal(422)),
    ).toEqual({ then: 'wait', afterMs: 9_000 });
  });
  test('a failure that may pass counts before one that is settled at once, and before a refusal', () => {
    expect(after(refusal(422), new SupersededError('x'), refusal(500))).toEqual({ then: 'retry' });
    expect(after(refusal(422), new SupersededError('x'))).toEqual({ then: 'again', afterMs: 50 });
    expect(after(refusal(422), refusal(400))).toEqual({ then: 'refused' });
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
