/** The one place that decides, from the kind of a failure, whether and when to retry. */
import { kindOf, retryAfterOf } from './errors.ts';

/**
 * `done`: not before a watch event or the resync. `backoff`: after the key's own growing delay, the default for any error.
 * Otherwise in so many milliseconds.
 */
export type Retry = 'done' | 'backoff' | { readonly afterMs: number };

/** The object that was planned for has changed: observe it again almost at once, this is no failure. */
const SUPERSEDED_MS = 50;

/** For all errors of one reconcile: the longest wait that the server asked for; else `backoff` if any error needs it. */
export function retryAfter(errors: readonly unknown[]): Retry {
  const asked = errors.flatMap((error) => retryAfterOf(error) ?? []);
  if (asked.length > 0) return { afterMs: Math.max(...asked) };
  const kinds = errors.map(kindOf);
  if (kinds.some((kind) => kind !== 'refused' && kind !== 'superseded')) return 'backoff';
  return kinds.includes('superseded') ? { afterMs: SUPERSEDED_MS } : 'done';
}

/** The same where no watch sees changes: what was refused is retried, too. */
export function retryUnwatched(error: unknown): Retry {
  const retry = retryAfter([error]);
  return retry === 'done' ? 'backoff' : retry;
}

const MINUTE_MS = 60_000;
const LONGEST_MS = 15 * MINUTE_MS;

/**
 * Checks that are repeated though nothing failed on our side: the first delay and the longest, in milliseconds.
 *
 * - `not yet`: something else must happen first
 * - `pull unknown`: right after the login was applied; the product may still be restarting
 * - `pull refused`: each pull can be one more failed login upstream
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

/** `times`: how many times in a row this was seen before. The delay doubles each time. */
export function delayMs(wait: keyof typeof DELAYS_MS, times = 0): number {
  const [first, longest] = DELAYS_MS[wait];
  return Math.min(longest, first * 2 ** times);
}

/** The wait before a login that was refused `times` times is tried again. One refusal may be an error of the token server. */
export function refusedLoginMs(times: number): number {
  if (times <= 1) return 5 * MINUTE_MS;
  return times === 2 ? 30 * MINUTE_MS : 360 * MINUTE_MS;
}
