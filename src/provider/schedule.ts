/** When a login is renewed, and when a failed renewal is tried again. Pure. */
import { tokenSpan } from '../credentials/token-expiry.ts';
import type { Answer } from './answer.ts';

export interface Timings {
  /** One run of a program: a kubelet allows a minute, too. */
  readonly programMs: number;
  /** How often the Secret is looked at. */
  readonly lookMs: number;
  /** The shortest and the longest time from one login to the next. */
  readonly soonestMs: number;
  readonly latestMs: number;
  /** Where nothing says how long a login lives. A plugin then means to be asked for each pull. */
  readonly unknownMs: number;
  /** The first and the longest wait after a failure. */
  readonly retryMs: readonly [first: number, longest: number];
}

export const TIMINGS: Timings = {
  programMs: 60_000,
  lookMs: 15_000,
  soonestMs: 10_000,
  latestMs: 24 * 3_600_000,
  unknownMs: 2 * 60_000,
  retryMs: [10_000, 15 * 60_000],
};

export interface Schedule {
  /** When the first of its logins ends, in milliseconds since 1970; undefined: nothing says so. */
  readonly expiresAt: number | undefined;
  /** How long until it is renewed. */
  readonly waitMs: number;
}

/**
 * Half of the life that is left, if the login itself says when it ends (ECR, ACR); else half of the time for which the plugin
 * vouches. So half of it is there for failures, preflight, canaries and copies. The cacheDuration does not count where the end is known:
 * it says how long a kubelet may go without asking, such as 5 minutes of 3 hours, and each new login goes through the whole cluster.
 *
 * @param now milliseconds since 1970
 * @param chance from 0 to 1: many providers started together do not ask together
 */
export function scheduleOf(
  { logins, cacheMs }: Answer,
  { now, refreshMs, chance, timings }: { now: number; refreshMs: number | undefined; chance: number; timings: Timings },
): Schedule {
  const ends = logins.flatMap(({ password }) => tokenSpan(password)?.endsAt.getTime() ?? []);
  const known = ends.length === 0 ? undefined : Math.min(...ends);
  const expiresAt = known ?? (cacheMs === undefined ? undefined : Math.min(now + cacheMs, LAST_TIME));
  const left = expiresAt === undefined ? 0 : expiresAt - now;
  const told = left > 0 ? left / 2 : (refreshMs ?? timings.unknownMs);
  const ms = Math.min(told, refreshMs ?? Infinity) * (1 - 0.1 * chance);
  return { expiresAt, waitMs: Math.round(Math.min(timings.latestMs, Math.max(timings.soonestMs, ms))) };
}

/** The last one that RFC 3339 can write. */
const LAST_TIME = Date.UTC(9999, 11, 31);

/**
 * `failures`: in a row, this one included. The delay doubles, but always leaves time for some more before the end.
 *
 * @param leftMs until the login in force ends; undefined: nobody knows
 */
export function retryMs(failures: number, leftMs: number | undefined, chance: number, { retryMs }: Timings): number {
  const [first, longest] = retryMs;
  const most = leftMs === undefined ? longest : Math.min(longest, Math.max(first, leftMs / 10));
  return Math.min(most, first * 2 ** Math.min(failures - 1, 30)) * (1 - 0.2 * chance);
}
