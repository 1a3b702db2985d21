/**
 * Stops what is under way: each when its time is over, or when its signal aborts. One timer, and one listener a signal, serve all of
 * them: a timer and signals for each would be a good part of what a call costs.
 */
import { monotonic } from '../clock.ts';
import { Few } from '../few.ts';

type Stop = (why: 'timed out' | 'was stopped') => void;

export interface UnderWay {
  /** Returns what to call at its end. `signal` must not be aborted yet. */
  add(stop: Stop, signal?: AbortSignal): () => void;
}

/** `ms`: how long each may take; Infinity: for ever. */
export function createUnderWay(ms: number): UnderWay {
  const stops = new Few<Stop, { readonly at: number; readonly signal: AbortSignal | undefined }>();
  /** How many are under way for a signal, and its one listener. */
  const signals = new Map<AbortSignal, { count: number; readonly listen: () => void }>();
  let isArmed = false;

  function arm(afterMs: number): void {
    isArmed = true;
    // What is under way keeps the process alive; its limit need not.
    setTimeout(endOverdue, afterMs).unref();
  }

  function endOverdue(): void {
    isArmed = false;
    let next = Infinity;
    for (const [stop, { at }] of stops.entries()) {
      const left = at - monotonic();
      if (left > 0) next = Math.min(next, left);
      else {
        leave(stop);
        stop('timed out');
      }
    }
    if (next !== Infinity) arm(next);
  }

  function listenTo(signal: AbortSignal): void {
    const known = signals.get(signal);
    if (known !== undefined) return void known.count++;
    const listen = (): void => {
      for (const [stop, { signal: its }] of stops.entries()) if (its === signal && leave(stop)) stop('was stopped');
    };
    signal.addEventListener('abort', listen, { once: true });
    signals.set(signal, { count: 1, listen });
  }

  /** Whether it was still under way. */
  function leave(stop: Stop): boolean {
    const { signal } = stops.get(stop) ?? {};
    if (!stops.delete(stop)) return false;
    const known = signal && signals.get(signal);
    // A signal that follows others is kept in memory as long as somebody listens.
    if (signal && known && --known.count === 0) {
      signal.removeEventListener('abort', known.listen);
      signals.delete(signal);
    }
    return true;
  }

  return {
    add(stop, signal) {
      stops.set(stop, { at: monotonic() + ms, signal });
      if (ms !== Infinity && !isArmed) arm(ms);
      if (signal) listenTo(signal);
      return () => void leave(stop);
    },
  };
}
