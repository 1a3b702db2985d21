/**
 * Stops what is under way: each when its time is over, or when its signal aborts. One timer, and one listener a signal, serve all of
 * them: a timer and signals for each would be a good part of what a call costs.
 */
import { monotonic } from '../clock.ts';

type Stop = (why: 'timed out' | 'was stopped') => void;

export interface UnderWay {
  /** Returns what to call at its end. `signal` must not be aborted yet. */
  add(stop: Stop, signal?: AbortSignal): () => void;
}

/** `ms`: how long each may take; Infinity: for ever. */
export function createUnderWay(ms: number): UnderWay {
  /** When each is over: the first to end comes first, for all get the same time. */
  const ends = new Map<Stop, number>();
  const bySignal = new Map<AbortSignal, { readonly stops: Set<Stop>; readonly listen: () => void }>();
  let isArmed = false;

  function arm(afterMs: number): void {
    isArmed = true;
    // What is under way keeps the process alive; its limit need not.
    setTimeout(endOverdue, afterMs).unref();
  }

  function endOverdue(): void {
    isArmed = false;
    for (const [stop, at] of ends) {
      const left = at - monotonic();
      if (left > 0) return arm(left);
      ends.delete(stop);
      stop('timed out');
    }
  }

  function listenersOf(signal: AbortSignal): Set<Stop> {
    const known = bySignal.get(signal);
    if (known !== undefined) return known.stops;
    const stops = new Set<Stop>();
    const listen = (): void => {
      bySignal.delete(signal);
      for (const stop of stops) stop('was stopped');
    };
    signal.addEventListener('abort', listen, { once: true });
    bySignal.set(signal, { stops, listen });
    return stops;
  }

  return {
    add(stop, signal) {
      if (ms !== Infinity) {
        ends.set(stop, monotonic() + ms);
        if (!isArmed) arm(ms);
      }
      const stops = signal && listenersOf(signal);
      stops?.add(stop);
      return () => {
        ends.delete(stop);
        stops?.delete(stop);
        if (signal === undefined || stops?.size !== 0) return;
        // A signal that follows others is kept in memory as long as somebody listens.
        const { listen } = bySignal.get(signal) ?? {};
        if (listen) signal.removeEventListener('abort', listen);
        bySignal.delete(signal);
      };
    },
  };
}
