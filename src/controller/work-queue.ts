/**
 * The queue between triggers and reconciles: it holds keys, never objects or events. A key has at most one pending due
 * time, the earliest that anybody asked for, and is never in flight twice. What a handler is to see is the state of the
 * world when it runs, so asking ten times for the same key costs one run.
 */

/** Longest delay that a timer takes; a longer one fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export interface QueueTimers {
  /** Calls `run` once, `ms` milliseconds from now. */
  set(run: () => void, ms: number): unknown;
  clear(timer: unknown): void;
}

export interface WorkQueueOptions<K extends string> {
  /** Delay before the first retry of a key, in milliseconds; it doubles with each further one. */
  baseDelayMs?: number;
  /** Longest delay between two retries, in milliseconds. */
  maxDelayMs?: number;
  /** How much of a retry's delay is left to chance: 0 none, 0.5 takes away up to half of it. */
  jitter?: number;
  random?: () => number;
  /** Milliseconds of a clock that does not jump. */
  now?: () => number;
  timers?: QueueTimers;
  /** Number of keys that are due and wait for a free hand; told whenever it changes. */
  onDepth?: (depth: number) => void;
  /** How long a key that is handed out now was due, in milliseconds. */
  onWait?: (ms: number) => void;
  /** How long a handler took, in milliseconds. */
  onDuration?: (ms: number, key: K) => void;
  /** A handler threw or rejected: a bug, for handlers decide on errors themselves. The key is retried with backoff. */
  onError?: (error: unknown, key: K) => void;
}

export interface RunOptions<K extends string> {
  /** How many keys are in flight at once at most. */
  concurrency: number;
  handle: (key: K) => Promise<void>;
  /** Stops this run; the queue keeps its keys for another one. */
  signal?: AbortSignal;
}

export interface WorkQueue<K extends string> {
  /** Makes the key due now, whatever it was waiting for. In flight: it runs once more afterwards. */
  add(key: K): void;
  /**
   * Makes the key due in `ms` milliseconds, unless it is due earlier already. Only the earliest due time is kept:
   * a handler that wants another look later has to ask for it each time it runs.
   */
  addAfter(key: K, ms: number): void;
  /** Makes the key due after its own backoff, which grows until {@link forget}. Returns the delay in milliseconds. */
  retry(key: K): number;
  /** The key succeeded: its next backoff starts small again. Its pending due time stays. */
  forget(key: K): void;
  /** How often the key was retried since it last succeeded. */
  retries(key: K): number;
  /** Hands out keys in the order they became due; resolves after `signal` or {@link shutdown}, when the last is done. */
  run(options: RunOptions<K>): Promise<void>;
  /** Keys that are due. */
  depth(): number;
  /** Keys whose handler is running. */
  inFlight(): number;
  /** Keys that become due later: delayed or backing off. */
  waiting(): number;
  /** Resolves when no key is due or in flight. Keys that become due later do not count. */
  idle(): Promise<void>;
  /** Hands out nothing more until {@link resume}; keys are still taken in, and those in flight go on. */
  pause(): void;
  resume(): void;
  /** For good: drops all pending keys, hands out nothing more; resolves when the last handler is done. */
  shutdown(): Promise<void>;
}

/** Timers that do not keep the process alive: what waits here is no reason to stay. */
const unrefTimers: QueueTimers = {
  set: (run, ms) => setTimeout(run, ms).unref(),
  clear: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

export function createWorkQueue<K extends string>(options: WorkQueueOptions<K> = {}): WorkQueue<K> {
  const {
    baseDelayMs = 250,
    maxDelayMs = 5 * 60_000,
    jitter = 0.5,
    random = Math.random,
    now = () => performance.now(),
    timers = unrefTimers,
  } = options;

  /** Due keys, oldest first, with the time they became due. No key is in here and in flight. */
  const due = new Map<K, number>();
  // One live iterator, asked only while there is a due key, so it never comes to its end. A fresh one would have to
  // skip the holes that handed out keys leave behind, each time.
  const oldest = due.keys();
  const later = new Map<K, { at: number; timer: unknown }>();
  /** Keys in flight; a time means: became due again meanwhile, at that time. */
  const flying = new Map<K, number | undefined>();
  const failures = new Map<K, number>();
  let consumer: RunOptions<K> | undefined;
  let stopConsumer: (() => void) | undefined;
  let paused = false;
  let closed = false;
  let pumping = false;
  const whenIdle: (() => void)[] = [];
  const whenLanded: (() => void)[] = [];

  function add(key: K): void {
    if (closed) return;
    cancelWait(key);
    if (flying.has(key)) {
      if (flying.get(key) === undefined) flying.set(key, now());
    } else if (!due.has(key)) {
      due.set(key, now());
      options.onDepth?.(due.size);
      wake();
    }
  }

  function addAfter(key: K, ms: number): void {
    if (closed || due.has(key) || flying.get(key) !== undefined) return;
    if (!(ms > 0)) return add(key);
    const at = now() + ms;
    const waiting = later.get(key);
    if (waiting !== undefined && waiting.at <= at) return;
    cancelWait(key);
    later.set(key, { at, timer: timers.set(() => add(key), Math.min(ms, MAX_TIMER_MS)) });
  }

  function cancelWait(key: K): void {
    const waiting = later.get(key);
    if (waiting === undefined) return;
    timers.clear(waiting.timer);
    later.delete(key);
  }

  function retry(key: K): number {
    if (closed) return 0;
    const before = failures.get(key) ?? 0;
    failures.set(key, before + 1);
    const full = Math.min(maxDelayMs, baseDelayMs * 2 ** before);
    const delay = full * (1 - jitter * random());
    addAfter(key, delay);
    return delay;
  }

  // Keys go out on a turn of the event loop of their own: handlers that find nothing to do would otherwise follow each
  // other without a pause, and ten thousand of them would hold up probes and the renewal of the Lease.
  function wake(): void {
    if (pumping || paused || closed || consumer === undefined) return;
    pumping = true;
    setImmediate(() => {
      pumping = false;
      while (consumer !== undefined && !paused && !closed && flying.size < consumer.concurrency && due.size > 0)
        handOut(consumer.handle);
    });
  }

  function handOut(handle: (key: K) => Promise<void>): void {
    const key = oldest.next().value;
    if (key === undefined) return;
    const startedAt = now();
    options.onWait?.(startedAt - (due.get(key) ?? startedAt));
    due.delete(key);
    flying.set(key, undefined);
    options.onDepth?.(due.size);
    Promise.resolve(key)
      .then(handle)
      .catch((error: unknown) => {
        retry(key);
        options.onError?.(error, key);
      })
      .finally(() => land(key, startedAt))
      // Only a hook can throw here; it must not take the process down.
      .catch(() => undefined);
  }

  function land(key: K, startedAt: number): void {
    const again = flying.get(key);
    flying.delete(key);
    if (again !== undefined && !closed) due.set(key, again);
    settle();
    wake();
    options.onDuration?.(now() - startedAt, key);
    if (again !== undefined && !closed) options.onDepth?.(due.size);
  }

  function settle(): void {
    if (flying.size > 0) return;
    for (const landed of whenLanded.splice(0)) landed();
    if (due.size === 0) for (const idle of whenIdle.splice(0)) idle();
  }

  const landed = (): Promise<void> =>
    flying.size === 0 ? Promise.resolve() : new Promise((resolve) => whenLanded.push(resolve));

  return {
    add,
    addAfter,
    retry,
    forget: (key) => void failures.delete(key),
    retries: (key) => failures.get(key) ?? 0,
    async run(wanted) {
      if (consumer !== undefined) throw new Error('the queue is running already');
      if (closed || wanted.signal?.aborted === true) return;
      await new Promise<void>((resolve) => {
        stopConsumer = () => {
          consumer = undefined;
          wanted.signal?.removeEventListener('abort', stop);
          resolve();
        };
        const stop = stopConsumer;
        wanted.signal?.addEventListener('abort', stop);
        consumer = wanted;
        wake();
      });
      await landed();
    },
    depth: () => due.size,
    inFlight: () => flying.size,
    waiting: () => later.size,
    idle: () =>
      due.size === 0 && flying.size === 0 ? Promise.resolve() : new Promise((resolve) => whenIdle.push(resolve)),
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
      wake();
    },
    async shutdown() {
      closed = true;
      for (const { timer } of later.values()) timers.clear(timer);
      later.clear();
      due.clear();
      failures.clear();
      options.onDepth?.(0);
      stopConsumer?.();
      settle();
      await landed();
    },
  };
}
