/** Limits work that unauthenticated clients can cause. */
import { createBucket } from '../async/buckets.ts';
import { createLimit } from '../async/limit.ts';

const AT_ONCE = 8;
const RATE = { burst: 50, perSecond: 10 };

/** A token bucket and a limit of concurrency; undefined, and nothing run, when the budget is used up. */
export function createGate(now: () => number) {
  const budget = createBucket(RATE, now);
  const limit = createLimit(AT_ONCE);
  return async <T>(work: () => Promise<T>): Promise<T | undefined> => (budget.take() ? limit(work) : undefined);
}
