/** The one place that decides whether, and when, a key is tried again. */
import { kindOf } from '../errors.ts';
import { retryAfterOf } from '../kube/api-error.ts';
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
  const afterMs = retryAfterOf(error);
  if (afterMs !== undefined) return { then: 'wait', afterMs };
  const kind = kindOf(error);
  if (kind === 'superseded') return { then: 'again', afterMs: 50 };
  return { then: kind === 'refused' ? 'refused' : 'retry' };
}
