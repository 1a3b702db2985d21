import { expect, test } from 'vitest';
import { timeLimit } from '../../src/async/time-limit.ts';

const reasonOf = (signal: AbortSignal): unknown => (signal.aborted ? signal.reason : undefined);

test('aborts when the time is over, for that reason', async () => {
  using limit = timeLimit(1);
  await new Promise((resolve) => limit.signal.addEventListener('abort', resolve));
  expect(reasonOf(limit.signal)).toMatchObject({ name: 'TimeoutError' });
});

test('aborts with another signal, for its reason, also when that was aborted before', () => {
  const other = new AbortController();
  using before = timeLimit(1e6, other.signal);
  other.abort('enough');
  using after = timeLimit(1e6, other.signal);
  expect([reasonOf(before.signal), reasonOf(after.signal)]).toEqual(['enough', 'enough']);
});

test('leaves no timer and no listener behind', () => {
  const other = new AbortController();
  const count = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = count();
  const limit = timeLimit(1e6, other.signal);
  expect(count()).toBe(before + 1);
  limit[Symbol.dispose]();
  expect(count()).toBe(before);
  other.abort();
  expect(limit.signal.aborted).toBe(false);
});
