/** The one place that decides whether, and when, a key is tried again. */
import { ApiError, isForbidden, isInvalid, UnreachableError } from '../kube/api-error.ts';
import { NotYetError } from '../proxies/proxy.ts';
import { LostRaceError, SupersededError } from '../reconcile/apply.ts';
import { StillNamedError } from '../reconcile/consumers.ts';
import type { Failure } from '../reconcile/namespace.ts';

export type Outcome =
  | { readonly then: 'done' }
  /** Somebody else was quicker: look again at once, it is no failure. */
  | { readonly then: 'again'; readonly afterMs: number }
  /** With the key's own growing delay; the default for any error. */
  | { readonly then: 'retry' }
  /** The server said how long to wait. */
  | { readonly then: 'wait'; readonly afterMs: number }
  /** The server will say the same until something changes, and a change comes as an event: no retry before the resync. */
  | { readonly then: 'refused' };

/** The most patient answer that one of the failures asks for; a refusal counts only where nothing else went wrong. */
export function outcomeOf(failures: readonly Failure[]): Outcome {
  const outcomes = failures.map(({ error }) => outcomeOfError(error));
  const waits = outcomes.flatMap((o) => (o.then === 'wait' ? [o.afterMs] : []));
  if (waits.length > 0) return { then: 'wait', afterMs: Math.max(...waits) };
  for (const then of ['retry', 'again', 'refused'] as const) {
    const found = outcomes.find((o) => o.then === then);
    if (found) return found;
  }
  return { then: 'done' };
}

export function outcomeOfError(error: unknown): Outcome {
  if (error instanceof SupersededError) return { then: 'again', afterMs: 50 };
  // The object that names the copy may be out of sight here: what changes there is found out by looking.
  if (error instanceof StillNamedError) {
    const outcome = outcomeOfError(error.cause);
    return outcome.then === 'refused' ? { then: 'retry' } : outcome;
  }
  if (!(error instanceof ApiError)) return { then: 'retry' };
  if (error.retryAfterMs !== undefined) return { then: 'wait', afterMs: error.retryAfterMs };
  // Policy, an immutable Secret. (The 422 of a JSON Patch that lost a race has become a LostRaceError.)
  return { then: isInvalid(error) ? 'refused' : 'retry' };
}

/** Failures that somebody has to do something about, and that belong on the namespace as an Event. */
export function isRefusal(error: unknown): boolean {
  return isForbidden(error) || isInvalid(error);
}

/** Failures that pass by themselves and are told only when they last. */
export function isPassing(error: unknown): boolean {
  if (error instanceof StillNamedError) return error.cause instanceof NotYetError || isPassing(error.cause);
  return (
    error instanceof SupersededError ||
    error instanceof LostRaceError ||
    error instanceof UnreachableError ||
    (error instanceof ApiError && (error.code === 409 || error.code === 429 || error.code >= 500))
  );
}
