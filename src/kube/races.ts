/** Others write, too: what a writer finds when it comes too late. */
import type { FailureKind } from '../errors.ts';

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
