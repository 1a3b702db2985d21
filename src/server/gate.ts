/** Bounds work that strangers can ask for: they can ask as often as they like. */
import { createLimit } from '../async/limit.ts';

/** So much at once, and so much a second once the reserve is used up. */
const AT_ONCE = 8;
const RESERVE = 50;
const PER_SECOND = 10;

/** Runs work a few at a time, from a budget that fills up again; undefined, and nothing run, when it is used up. */
export function createGate(now: () => number) {
  let budget = RESERVE;
  let filledAt = now();
  const limit = createLimit(AT_ONCE);
  return async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    const at = now();
    // A clock that is set back takes nothing away.
    budget = Math.min(RESERVE, budget + (Math.max(0, at - filledAt) / 1000) * PER_SECOND);
    filledAt = at;
    if (budget < 1) return undefined;
    budget--;
    return limit(work);
  };
}
