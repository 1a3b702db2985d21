/** Others write, too: what a writer does that comes too late, and when it gives up. */
import { sleep } from '../async/sleep.ts';
import type { FailureKind } from '../errors.ts';
import { isRace } from './api-error.ts';

/** What the plan was made for is no longer there: plan again. Not a failure. */
export class SupersededError extends Error {
  override name = 'SupersededError';
  readonly kind: FailureKind = 'superseded';
}

/** A ServiceAccount that others write all the time: each of our tries came too late. */
export class LostRaceError extends Error {
  override name = 'LostRaceError';
  readonly kind: FailureKind = 'passing';
}

/** How often a lost race for one object is run again before the work queue takes over. */
const ATTEMPTS = 5;

/** Waits after a refusal: without a pause, many writers keep running into each other. `lost`: how often before. @throws LostRaceError */
export async function beforeRerun(what: string, lost: number, refusal: unknown, signal: AbortSignal): Promise<void> {
  if (lost >= ATTEMPTS)
    throw new LostRaceError(`${what}others wrote it ${ATTEMPTS} times while we tried to`, { cause: refusal });
  if (refusal !== undefined) await sleep(Math.random() * 10 * 2 ** lost, signal);
}

/** What the server said of a patch whose object had changed, or that it does not take; undefined: it took it. Throws all else. */
export async function refusalOf(patched: Promise<unknown>): Promise<Error | undefined> {
  try {
    await patched;
    return undefined;
  } catch (error) {
    if (!(error instanceof Error && isRace(error))) throw error;
    return error;
  }
}
