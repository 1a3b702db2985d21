/** Limits work that unauthenticated clients can cause. */
import { createLimit } from '../async/limit.ts';

/** Most jobs at once, and most per second when the reserve is used up. */
const AT_ONCE = 8;
const RESERVE = 50;
const PER_SECOND = 10;

/** A token bucket and a limit of concurrency; undefined, and nothing run, when the budget is used up. */
export function createGate(now: () => number) {
  let budget = RESERVE;
  let filledAt = now();
  const limit = createLimit(AT_ONCE);
  return async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    const at = now();
    // A clock that is set back reduces nothing.
    budget = Math.min(RESERVE, budget + (Math.max(0, at - filledAt) / 1000) * PER_SECOND);
    filledAt = at;
    if (budget < 1) return undefined;
    budget--;
    return limit(work);
  };
}
