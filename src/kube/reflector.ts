/**
 * Keeps a {@link Store} equal to what the server has: list, then watch, forever. It never stops by itself: every error
 * leads to another try with a longer backoff, a silent stream is cut, and a version that the server no longer has, or does
 * not have yet because it was restored from a backup, leads to a new list, which also shows what was deleted meanwhile.
 */
import { sleep } from '../async/sleep.ts';
import { monotonic } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { ApiError, isForbidden, isGone, isTooNew, UnreachableError } from './api-error.ts';
import type { KubeClient, Query, WatchEvent } from './client.ts';
import { NoEndError } from './initial-events.ts';
import type { ApiObject, Selector } from './list.ts';
import { createMirror, WentBackError } from './mirror.ts';
import type { Store, Stored, Versions } from './store.ts';
import { OddStreamError, SilentError, watchStream } from './watch-stream.ts';

interface ReflectorOptions<T extends Stored> {
  client: KubeClient;
  /** Name for logs and metrics, such as `serviceaccounts`. */
  resource: string;
  selector: Selector;
  /** Picks the needed fields of an object. The rest is freed at once. */
  project: (object: never) => T;
  store: Store<T>;
  log: Log;
  onRestart?: (resource: string) => void;
  timings?: Partial<ReflectorTimings>;
  /** A number in [0, 1). */
  random?: () => number;
}

export interface ReflectorTimings {
  /** How long the server is asked to keep a watch open: at least this, at most twice this. */
  watchMs: number;
  /** A stream without any event or bookmark for this long is dead (bookmarks come about once a minute). */
  idleMs: number;
  /** A streaming list that is silent for this long before its end never comes to it. */
  initialMs: number;
  minBackoffMs: number;
  maxBackoffMs: number;
  pageSize: number;
}

export interface Reflector {
  readonly resource: string;
  /** Resolves when the store holds all that the server had at some moment after the start. */
  readonly synced: Promise<void>;
  readonly isSynced: boolean;
  /** Milliseconds since the last sign of life from the server. */
  silentForMs(): number;
  /** No event and no try for longer than all limits allow: only a restart helps. */
  isStuck(): boolean;
  /** The last error, until the next event or complete list. */
  readonly problem: string | undefined;
  /** Whether that error was a clear no: there is no right to read it. */
  readonly isRefused: boolean;
  stop(): Promise<void>;
}

const DEFAULTS: ReflectorTimings = {
  watchMs: 300_000,
  idleMs: 150_000,
  initialMs: 10_000,
  minBackoffMs: 250,
  maxBackoffMs: 30_000,
  pageSize: 500,
};
/** A stream that lasted this long resets the backoff, unless it fell silent. */
const HEALTHY_MS = 5_000;
/** After an outage as long as this, the server may have been restored from a backup, and may count beyond our version again. */
const OUTAGE_MS = 15_000;
/** So many odd streams in a row are no accident. */
const ODD = 3;

export function startReflector<T extends Stored>(options: ReflectorOptions<T>): Reflector {
  const { client, resource, selector, store, log, onRestart, random = Math.random } = options;
  const project = options.project as (object: ApiObject) => T;
  const timings = { ...DEFAULTS, ...options.timings };
  const stopping = new AbortController();
  const synced = Promise.withResolvers<void>();
  let isSynced = false;
  let lastSign = monotonic();
  let lastTry = lastSign;
  let problem: string | undefined;
  let refused = false;
  let failures = 0;
  /** When the first of these failures was. */
  let failingSince: number | undefined;
  // Servers before 1.32 lack streaming lists, later ones can switch them off, and gateways may ignore them: detected once.
  let watchList = true;
  /** How many lists in a row failed. */
  let failedLists = 0;

  const sign = (): void => {
    lastSign = monotonic();
    problem = undefined;
    refused = false;
  };

  /** One stream. Calls `each` per event; ends when the server closes it, throws when it breaks, goes idle or is stopped. */
  async function stream(
    query: Query,
    each: (event: WatchEvent<ApiObject>) => void,
    signal: AbortSignal,
    known: Versions,
  ): Promise<void> {
    const openedAt = monotonic();
    let alive = false;
    try {
      const timeoutSeconds = Math.ceil((timings.watchMs * (1 + random())) / 1000);
      const options = { query: { timeoutSeconds, ...query }, idleMs: timings.idleMs, signal, known };
      await watchStream(client, selector, options, (event) => {
        sign();
        each(event);
        alive = true;
      });
      alive = true;
    } catch (error) {
      if (error instanceof SilentError || error instanceof WentBackError) alive = false;
      throw error;
    } finally {
      if (alive) failingSince = undefined;
      // Not at the first event: if the server breaks each watch soon after accepting it, the backoff must grow.
      if (alive && monotonic() - openedAt >= HEALTHY_MS) failures = 0;
    }
  }

  const mirror = createMirror({
    ...{ client, resource, selector, project, store, log, stream },
    ...{ pageSize: timings.pageSize, initialMs: timings.initialMs, stop: stopping.signal },
    onPage: () => {
      lastSign = monotonic();
    },
    onSynced: () => {
      sign();
      failedLists = 0;
      isSynced = true;
      synced.resolve();
    },
  });

  /** Whatever is wrong with streaming lists, a plain list is tried now and then. */
  function step(): Promise<void> {
    if (mirror.isComplete) return mirror.follow();
    return watchList && failedLists % ODD !== ODD - 1 ? mirror.streamFromStart() : mirror.list();
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      lastTry = monotonic();
      try {
        await step();
      } catch (error) {
        if (stopping.signal.aborted) return;
        if (!mirror.isComplete && watchList && (isWatchListUnknown(error) || error instanceof NoEndError)) {
          watchList = false;
          log.debug({ resource }, 'the server has no streaming lists: listing in pages');
          continue;
        }
        onRestart?.(resource);
        failures++;
        failingSince ??= monotonic();
        // A clear no of the server is no reason to ask it in another way.
        if (!mirror.isComplete) failedLists += error instanceof ApiError ? 0 : 1;
        // A broken watch continues from its last event, unless that version may be none of the server's.
        else if (mustList(error)) mirror.distrust();
        const text = messageOf(error);
        // A watch cut by a restarting server is normal; the same problem is logged once, not at every try.
        const worthTelling = failures > 1 || isForbidden(error) || error instanceof WentBackError;
        if (worthTelling && problem !== text)
          log.warn(
            { resource, failures },
            `cannot watch ${resource}: ${text}${isForbidden(error) ? ' (apply the output of `pullpass rbac`)' : ''}`,
          );
        if (worthTelling) problem = text;
        refused = isForbidden(error);
        await sleep(backoff(failures, error, timings, random), stopping.signal);
      }
    }
  }

  /** Whether what the server has now must be listed again. */
  function mustList(error: unknown): boolean {
    if (isGone(error) || isTooNew(error) || error instanceof SilentError || error instanceof WentBackError) return true;
    if (error instanceof UnreachableError) return monotonic() - (failingSince ?? monotonic()) >= OUTAGE_MS;
    if (!(error instanceof OddStreamError) || failures < ODD) return false;
    // It cannot stream, it seems: then it is polled.
    watchList = false;
    return true;
  }

  const running = run();
  return {
    resource,
    synced: synced.promise,
    get isSynced() {
      return isSynced;
    },
    silentForMs: () => monotonic() - lastSign,
    isStuck: () => monotonic() - Math.max(lastSign, lastTry) > 2 * (timings.idleMs + timings.maxBackoffMs),
    get problem() {
      return problem;
    },
    get isRefused() {
      return refused;
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

function backoff(
  failures: number,
  error: unknown,
  { minBackoffMs, maxBackoffMs }: ReflectorTimings,
  random: () => number,
): number {
  const asked = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
  const grown = Math.min(maxBackoffMs, minBackoffMs * 2 ** Math.min(failures - 1, 20));
  return Math.max(asked, grown * (0.5 + random() / 2));
}

/** An older server answers 400 or 422 to `sendInitialEvents`; one with the feature off does the same. */
function isWatchListUnknown(error: unknown): boolean {
  return error instanceof ApiError && (error.code === 400 || error.code === 422);
}
