/**
 * A leader's term as an AbortSignal that also knows the clock. A process that was stopped and goes on runs what is at hand
 * before its timers fire: by then another replica may lead. So each request looks at the clock itself, as it is sent.
 */
const clocks = new WeakMap<AbortSignal, () => boolean>();

/** Ends the term when `isOver` says so, too; by a monotonic clock. */
export function endBy(term: AbortSignal, isOver: () => boolean): void {
  clocks.set(term, isOver);
}

/** For a signal that is no term: whether it is aborted. */
export const isOver = (signal: AbortSignal | undefined): boolean =>
  signal !== undefined && (signal.aborted || clocks.get(signal)?.() === true);

/** Aborts with either; over when the term is. */
export function during(term: AbortSignal, signal: AbortSignal): AbortSignal {
  const both = AbortSignal.any([term, signal]);
  endBy(both, () => isOver(term));
  return both;
}

/** What undici tells of a request. */
interface Handler {
  onRequestStart?(controller: { abort(reason: Error): void }, context: unknown): void;
}
type Dispatch<H extends Handler> = (options: never, handler: H) => boolean;

/**
 * For `compose` of undici: a request with a `term` in its options is dropped if the term is over when its turn on a connection
 * comes, after all waits. `over`: the error that the request then fails with.
 */
export function dropWhenOver(over: () => Error) {
  return <H extends Handler>(dispatch: Dispatch<H>): Dispatch<H> =>
    (options, handler) => {
      const { term } = options as { term?: AbortSignal };
      const start = handler.onRequestStart?.bind(handler);
      if (term !== undefined)
        handler.onRequestStart = (controller, context) => {
          start?.(controller, context);
          if (isOver(term)) controller.abort(over());
        };
      return dispatch(options, handler);
    };
}
