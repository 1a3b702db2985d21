/**
 * The queue between triggers and reconciles: it holds keys, never objects or events. A key has at most one pending due
 * time, the earliest that anybody asked for, and is never in flight twice. What a handler is to see is the state of the
 * world when it runs, so asking ten times for the same key costs one run.
 */
import { aborted } from '../async/sleep.ts';
import { systemTimers } from '../async/timers.ts';

/** Longest delay that a timer takes; a longer one fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;
/** How much of a retry's delay is left to chance: up to half of it is taken away. */
const JITTER = 0.5;

interface WorkQueueOptions {
  /** Delay before the first retry of a key, in milliseconds; it doubles with each further one. */
  baseDelayMs?: number;
  /** Longest delay between two retries, in milliseconds. */
  maxDelayMs?: number;
  random?: () => number;
  /** Number of keys that are due and wait for a free hand; told whenever it changes. */
  onDepth?: (depth: number) => void;
  /** How long a key that is handed out now was due, in milliseconds. */
  onWait?: (ms: number) => void;
}

interface RunOptions<K extends string> {
  /** How many keys are in flight at once at most. */
  concurrency: number;
  /** Tells of its errors itself: they only mean that the key is retried. */
  handle: (key: K) => Promise<void>;
  /** Stops this run; the queue keeps its keys for another one. */
  signal: AbortSignal;
}

export interface WorkQueue<K extends string> {
  /** Makes the key due now, whatever it was waiting for. In flight: it runs once more afterwards. */
  add(key: K): void;
  /**
   * Makes the key due in `ms` milliseconds, unless it is due earlier already. Only the earliest due time is kept:
   * a handler that wants another look later has to ask for it each time it runs.
   */
  addAfter(key: K, ms: number): void;
  /** Makes the key due after its own backoff, which grows until {@link forget}. */
  retry(key: K): void;
  /** The key succeeded: its next backoff starts small again. Its pending due time stays. */
  forget(key: K): void;
  /** How often the key was retried since it last succeeded. */
  retries(key: K): number;
  /** Hands out keys in the order they became due; resolves after `signal` or {@link shutdown}, when the last is done. */
  run(options: RunOptions<K>): Promise<void>;
  /** Resolves when no key is due or in flight. Keys that become due later do not count. */
  idle(): Promise<void>;
  /** Hands out nothing more until {@link resume}; keys are still taken in, and those in flight go on. */
  pause(): void;
  resume(): void;
  /** For good: drops all pending keys, hands out nothing more; resolves when the last handler is done. */
  shutdown(): Promise<void>;
}

export function createWorkQueue<K extends string>({
  baseDelayMs = 250,
  maxDelayMs = 5 * 60_000,
  random = Math.random,
  onDepth,
  onWait,
}: WorkQueueOptions = {}): WorkQueue<K> {
  /** Due keys, oldest first, with the time they became due. No key is in here and in flight. */
  const due = new Map<K, number>();
  // One live iterator, asked only while there is a due key, so it never comes to its end. A fresh one would have to
  // skip the holes that handed out keys leave behind, each time.
  const oldest = due.keys();
  const later = new Map<K, { at: number; timer: unknown }>();
  /** Keys in flight; a time means: became due again meanwhile, at that time. */
  const flying = new Map<K, number | undefined>();
  const failures = new Map<K, number>();
  const closing = new AbortController();
  const closed = closing.signal;
  let consumer: RunOptions<K> | undefined;
  let paused = false;
  let pumping = false;
  /** The next end of a handler. */
  let landing = Promise.withResolvers<void>();

  function add(key: K): void {
    if (closed.aborted) return;
    cancelWait(key);
    const now = performance.now();
    if (flying.has(key)) flying.set(key, flying.get(key) ?? now);
    else if (!due.has(key)) {
      due.set(key, now);
      onDepth?.(due.size);
      wake();
    }
  }

  function addAfter(key: K, ms: number): void {
    if (closed.aborted || due.has(key) || flying.get(key) !== undefined) return;
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

  // Keys go out on a turn of the event loop of their own: handlers that find nothing to do would otherwise follow each
  // other without a pause, and ten thousand of them would hold up probes and the renewal of the Lease.
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
    onWait?.(now - (due.get(key) ?? now));
    due.delete(key);
    flying.set(key, undefined);
    onDepth?.(due.size);
    try {
      await handle(key);
    } catch {
      retry(key);
    }
    const again = flying.get(key);
    flying.delete(key);
    if (again !== undefined && !closed.aborted) {
      due.set(key, again);
      onDepth?.(due.size);
    }
    land();
    wake();
  }

  function land(): void {
    landing.resolve();
    landing = Promise.withResolvers();
  }

  async function landed(): Promise<void> {
    while (flying.size > 0) await landing.promise;
  }

  return {
    add,
    addAfter,
    retry,
    forget: (key) => void failures.delete(key),
    retries: (key) => failures.get(key) ?? 0,
    async run({ signal, ...options }) {
      if (consumer !== undefined) throw new Error('the queue is running already');
      const over = AbortSignal.any([signal, closed]);
      consumer = { ...options, signal: over };
      wake();
      await aborted(over);
      consumer = undefined;
      await landed();
    },
    async idle() {
      while (due.size + flying.size > 0) await landing.promise;
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
      onDepth?.(0);
      land();
      await landed();
    },
  };
}
