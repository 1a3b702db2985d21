/** A limit of time that leaves nothing behind: AbortSignal.timeout and AbortSignal.any live on until the time is over. */

interface TimeLimit extends Disposable {
  /** Aborts with `signal`, for its reason, or after `ms` with a TimeoutError. */
  readonly signal: AbortSignal;
}

export function timeLimit(ms: number, signal?: AbortSignal): TimeLimit {
  const over = new AbortController();
  const end = (): void => over.abort(signal?.reason);
  const timer = setTimeout(() => over.abort(new DOMException('timed out', 'TimeoutError')), ms);
  if (signal?.aborted === true) end();
  else signal?.addEventListener('abort', end);
  return {
    signal: over.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
    },
  };
}
