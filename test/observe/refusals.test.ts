/** Refused logins while the clock of the machine is wrong, and after it was set. */
import { expect, test } from 'vitest';
import type { Refusal } from '../../src/observe/records.ts';
import { accountId, createRefusals, loginId } from '../../src/observe/refusals.ts';

const MINUTE = 60_000;
const login = { host: 'registry.test', username: 'robot', password: 'one' };
const mac = (text: string): string => Buffer.from(text).toString('hex').padEnd(64, '0');

function remembering(at: number) {
  const refusal: Refusal = { times: 1, at: new Date(at).toISOString(), why: 'wrong' };
  let records: ReadonlyMap<string, ReadonlyMap<string, Refusal>> = new Map([
    [accountId(mac, login), new Map([[loginId(mac, login), refusal]])],
  ]);
  return {
    mac,
    refusals: () => records,
    setRefusals: (next: typeof records) => {
      records = next;
    },
  };
}

test.each([
  ['an hour', 60 * MINUTE],
  ['a year', 365 * 24 * 60 * MINUTE],
])('a refusal from %s ahead, written before the clock was set back, waits no longer than any other', (_, ahead) => {
  let now = Date.UTC(2030, 0, 1);
  const refusals = createRefusals(remembering(now + ahead), () => now);
  expect(refusals.waits(login)?.untilMs).toBe(now + 5 * MINUTE);
  now += 4 * MINUTE;
  expect(refusals.waits(login)?.untilMs).toBe(now + MINUTE);
  now += MINUTE;
  expect(refusals.waits(login)).toBeUndefined();
});

test('a change of the time of day in between moves no wait', () => {
  const state = remembering(0);
  const refusals = createRefusals(state);
  refusals.refused(login, 'wrong');
  const until = refusals.waits(login)?.untilMs;
  const now = Date.now;
  try {
    for (const ms of [-3_600_000, 3_600_000, 31_536_000_000]) {
      Date.now = () => now() + ms;
      expect(refusals.waits(login)?.untilMs).toBe(until);
    }
  } finally {
    Date.now = now;
  }
});
