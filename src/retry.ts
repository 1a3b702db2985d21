/** The one place that decides whether, and when, there is another try: from what kind of failure it was. */
import { kindOf, retryAfterOf } from './errors.ts';

/**
 * `done`: not before something changes, which comes as an event, or the resync. `backoff`: with the key's own growing delay,
 * the default for any error. Otherwise in so many milliseconds.
 */
export type Retry = 'done' | 'backoff' | { readonly afterMs: number };

/** What was planned for is another by now: look again at once, it is no failure. */
const SUPERSEDED_MS = 50;

/** After all that failed in one reconcile; nothing is done. The most patient answer that one of the errors asks for. */
export function retryAfter(errors: readonly unknown[]): Retry {
  const asked = errors.flatMap((error) => retryAfterOf(error) ?? []);
  if (asked.length > 0) return { afterMs: Math.max(...asked) };
  const kinds = errors.map(kindOf);
  if (kinds.some((kind) => kind !== 'refused' && kind !== 'superseded')) return 'backoff';
  return kinds.includes('superseded') ? { afterMs: SUPERSEDED_MS } : 'done';
}

/** The same where nobody sees what changes: also what was refused is tried again. */
export function retryUnwatched(error: unknown): Retry {
  const retry = retryAfter([error]);
  return retry === 'done' ? 'backoff' : retry;
}

const MINUTE_MS = 60_000;
const LONGEST_MS = 15 * MINUTE_MS;

/**
 * What is looked at again though nothing failed on our side: the first delay and the longest, in milliseconds.
 *
 * - `not yet`: something else has to happen first
 * - `pull unknown`: right after the login was brought; the product may still be restarting
 * - `pull refused`: each pull can be a login upstream that fails
 * - `administrator refused`: an administrator's account can be locked out, too
 * - `login unknown`: a registry that does not answer
 */
const DELAYS_MS = {
  'not yet': [2_000, LONGEST_MS],
  'pull unknown': [1_000, LONGEST_MS],
  'pull refused': [20_000, LONGEST_MS],
  'administrator refused': [5 * MINUTE_MS, 5 * MINUTE_MS],
  'login unknown': [MINUTE_MS, MINUTE_MS],
} as const;

/** `times`: how often in a row it was like this before. The delay doubles each time. */
export function delayMs(wait: keyof typeof DELAYS_MS, times = 0): number {
  const [first, longest] = DELAYS_MS[wait];
  return Math.min(longest, first * 2 ** times);
}

/** When a login may be tried again that was refused so often: it may have been a hiccup of the token server. Then only rarely. */
export function refusedLoginMs(times: number): number {
  if (times <= 1) return 5 * MINUTE_MS;
  return times === 2 ? 30 * MINUTE_MS : 360 * MINUTE_MS;
}
