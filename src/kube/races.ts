/** Lost races with other writers: when to try again, and when to give up. */
import { sleep } from '../async/sleep.ts';
import type { FailureKind } from '../errors.ts';
import { isRace } from './api-error.ts';

/** The state that the plan was made for has changed: plan again. Not a failure. */
export class SupersededError extends Error {
  override name = 'SupersededError';
  readonly kind: FailureKind = 'superseded';
}

/** Others write the object all the time: each of our tries came too late. */
export class LostRaceError extends Error {
  override name = 'LostRaceError';
  readonly kind: FailureKind = 'passing';
}

/** How many races for one object may be lost before the work queue takes over. */
const ATTEMPTS = 5;

/** Waits after a refusal: without a random wait, many writers keep colliding. `lost`: races lost so far. @throws LostRaceError */
export async function beforeRerun(what: string, lost: number, refusal: unknown, signal: AbortSignal): Promise<void> {
  if (lost >= ATTEMPTS)
    throw new LostRaceError(`${what}others wrote it ${ATTEMPTS} times while we tried to`, { cause: refusal });
  if (refusal !== undefined) await sleep(Math.random() * 10 * 2 ** lost, signal);
}

/** The error for a patch whose object had changed, or that the server rejects; undefined: accepted. Throws other errors. */
export async function refusalOf(patched: Promise<unknown>): Promise<Error | undefined> {
  try {
    await patched;
    return undefined;
  } catch (error) {
    if (!(error instanceof Error && isRace(error))) throw error;
    return error;
  }
}
