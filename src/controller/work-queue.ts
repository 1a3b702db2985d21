/**
 * The level-triggered work queue between triggers and reconciles: it holds keys, never objects or events. A key has at
 * most one pending due time, the earliest that was asked for, and is never in flight twice. A handler works on the
 * state when it runs, so ten requests for the same key cost one run.
 */
import { Few } from '../few.ts';
import { aborted } from '../async/sleep.ts';
import { systemTimers } from '../async/timers.ts';

/** Longest delay that a timer takes; a longer one fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** Random part of a retry's delay: up to half of it is taken away. */
const JITTER = 0.5;

interface WorkQueueOptions {
  /** Delay before the first retry of a key, in milliseconds; it doubles with each further one. */
  baseDelayMs?: number;
  /** Longest delay between two retries, in milliseconds. */
  maxDelayMs?: number;
  random?: () => number;
  meter?: QueueMeter;
}

/** What happens, for metrics; each is counted as client-go's work queue counts it. */
export interface QueueMeter {
  /** Number of keys that are due and not handed out yet; called whenever it changes. */
  onDepth?(depth: number): void;
  /** A key became due that was not due already. */
  onAdd?(): void;
  /** A key is to come back after a delay, whether it failed or not. */
  onRetry?(): void;
  /** A key is handed out: how long it was due, in milliseconds. */
  onWait?(ms: number): void;
  /** A handler ended: how long it took, in milliseconds. */
  onDone?(ms: number): void;
}

interface RunOptions<K extends string> {
  /** Largest number of keys in flight at once. */
  concurrency: number;
  /** Must report its errors itself: here a rejection only means that the key is retried. */
  handle: (key: K) => Promise<void>;
  /** Stops this run; the queue keeps its keys for another one. */
  signal: AbortSignal;
}

export interface WorkQueue<K extends string> {
  /** Makes the key due now, even if it was to be due later. In flight: it runs once more afterwards. */
  add(key: K): void;
  /**
   * Makes the key due in `ms` milliseconds, unless it is due earlier already. Only the earliest due time is kept:
   * a handler that wants to run again later must ask for it in each run.
   */
  addAfter(key: K, ms: number): void;
  /** Makes the key due after its own backoff, which grows until {@link forget}. */
  retry(key: K): void;
  /** The key succeeded: its next backoff starts small again. Its pending due time stays. */
  forget(key: K): void;
  /** How often the key was retried since it last succeeded. */
  retries(key: K): number;
  /** For how long each handler that runs now has been running, in milliseconds. */
  running(): number[];
  /** Hands out keys in the order they became due; after `signal` or {@link shutdown}, resolves when the last is done. */
  run(options: RunOptions<K>): Promise<void>;
  /** Resolves when no key is due or in flight. Keys that become due later do not count. */
  idle(): Promise<void>;
  /** Hands out nothing more until {@link resume}; keys are still accepted, and those in flight go on. */
  pause(): void;
  resume(): void;
  /** For good: drops all pending keys, hands out nothing more; resolves when the last handler is done. */
  shutdown(): Promise<void>;
}

export function createWorkQueue<K extends string>({
  baseDelayMs = 250,
  maxDelayMs = 5 * 60_000,
  random = Math.random,
  meter = {},
}: WorkQueueOptions = {}): WorkQueue<K> {
  /** Due keys, oldest first, with the time they became due. No key is in here and in flight. */
  const due = new Map<K, number>();
  // One live iterator, advanced only while a key is due, so it never ends. A new one would have to skip, each time,
  // the holes that handed out keys leave in the Map.
  const oldest = due.keys();
  const later = new Map<K, { at: number; timer: unknown }>();
  /** Keys in flight; `again`: when the key became due again meanwhile. */
  const flying = new Few<K, { readonly since: number; again?: number }>();
  const failures = new Map<K, number>();
  const closing = new AbortController();
  const closed = closing.signal;
  let consumer: RunOptions<K> | undefined;
  let paused = false;
  let pumping = false;
  /** Resolves when the next handler ends; undefined: nobody waits for it. */
  let landing: PromiseWithResolvers<void> | undefined;

  function add(key: K): void {
    if (closed.aborted) return;
    cancelWait(key);
    const now = performance.now();
    const flight = flying.get(key);
    if (due.has(key) || flight?.again !== undefined) return;
    meter.onAdd?.();
    if (flight !== undefined) {
      flight.again = now;
      return;
    }
    due.set(key, now);
    meter.onDepth?.(due.size);
    wake();
  }

  function addAfter(key: K, ms: number): void {
    if (closed.aborted) return;
    meter.onRetry?.();
    if (due.has(key) || flying.get(key)?.again !== undefined) return;
    if (!(ms > 0)) return add(key);
    const at = performance.now() + ms;
    if ((later.get(key)?.at ?? Infinity) <= at) return;
    cancelWait(key);
    later.set(key, { at, timer: systemTimers.set(() => add(key), Math.min(ms, MAX_TIMER_MS)) });
  }

  function cancelWait(key: K): void {
    systemTimers.clear(later.get(key)?.timer);
    later.delete(key);
  }

  function retry(key: K): void {
    const before = failures.get(key) ?? 0;
    failures.set(key, before + 1);
    addAfter(key, Math.min(maxDelayMs, baseDelayMs * 2 ** before) * (1 - JITTER * random()));
  }

  // Keys are handed out in a new turn of the event loop: otherwise ten thousand handlers with nothing to do would run
  // in one turn, and delay probes and the renewal of the Lease.
  function wake(): void {
    if (pumping) return;
    pumping = true;
    setImmediate(() => {
      pumping = false;
      while (consumer?.signal.aborted === false && !paused && flying.size < consumer.concurrency && due.size > 0)
        void handOut(consumer.handle);
    });
  }

  async function handOut(handle: (key: K) => Promise<void>): Promise<void> {
    const key = oldest.next().value;
    if (key === undefined) return;
    const now = performance.now();
    meter.onWait?.(now - (due.get(key) ?? now));
    due.delete(key);
    flying.set(key, { since: now });
    meter.onDepth?.(due.size);
    try {
      await handle(key);
    } catch {
      retry(key);
    }
    meter.onDone?.(performance.now() - now);
    const again = flying.get(key)?.again;
    flying.delete(key);
    if (again !== undefined && !closed.aborted) {
      due.set(key, again);
      meter.onDepth?.(due.size);
    }
    land();
    wake();
  }

  function land(): void {
    landing?.resolve();
    landing = undefined;
  }

  const nextLanding = (): Promise<void> => (landing ??= Promise.withResolvers()).promise;

  async function landed(): Promise<void> {
    while (flying.size > 0) await nextLanding();
  }

  return {
    add,
    addAfter,
    retry,
    forget: (key) => void failures.delete(key),
    retries: (key) => failures.get(key) ?? 0,
    running: () => flying.values().map(({ since }) => performance.now() - since),
    async run({ signal, ...options }) {
      if (consumer !== undefined) throw new Error('the queue is running already');
      const over = AbortSignal.any([signal, closed]);
      consumer = { ...options, signal: over };
      // While nothing ran, nothing waited for its turn: a replica that follows for a month has no key that is a month late.
      const now = performance.now();
      for (const key of due.keys()) due.set(key, now);
      wake();
      await aborted(over);
      consumer = undefined;
      await landed();
    },
    async idle() {
      while (due.size + flying.size > 0) await nextLanding();
    },
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
      wake();
    },
    async shutdown() {
      closing.abort();
      for (const key of later.keys()) cancelWait(key);
      due.clear();
      meter.onDepth?.(0);
      land();
      await landed();
    },
  };
}
