/**
 * Keeps a {@link Store} equal to what the server has: list, then watch, forever. It never stops by itself: every error
 * leads to another try with a longer backoff, a silent stream is cut, and an expired resourceVersion (410) leads to a
 * new list, which also shows what was deleted meanwhile.
 */
import { sleep } from '../async/sleep.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { ApiError, isForbidden, isGone, isTooNew } from './api-error.ts';
import type { KubeClient, Query, WatchEvent } from './client.ts';
import { listPages } from './list.ts';
import type { ApiObject, Selector } from './list.ts';
import type { Store, Stored } from './store.ts';
import { SilentError, watchStream } from './watch-stream.ts';

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
  stop(): Promise<void>;
}

const DEFAULTS: ReflectorTimings = {
  watchMs: 300_000,
  idleMs: 150_000,
  minBackoffMs: 250,
  maxBackoffMs: 30_000,
  pageSize: 500,
};
/** A stream that lasted this long resets the backoff, unless it fell silent. */
const HEALTHY_MS = 5_000;
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

export function startReflector<T extends Stored>(options: ReflectorOptions<T>): Reflector {
  const { client, resource, selector, store, log, onRestart, random = Math.random } = options;
  const project = options.project as (object: ApiObject) => T;
  const timings = { ...DEFAULTS, ...options.timings };
  const stopping = new AbortController();
  const synced = Promise.withResolvers<void>();
  let isSynced = false;
  let lastSign = Date.now();
  let lastTry = lastSign;
  let problem: string | undefined;
  let failures = 0;
  // The version to watch from: set as long as the store is complete up to it.
  let version: string | undefined;
  // Servers before 1.32 lack streaming lists, later ones can switch them off: detected once.
  let watchList = true;

  const sign = (): void => {
    lastSign = Date.now();
    problem = undefined;
  };

  /** One stream. Calls `each` per event; ends when the server closes it, throws when it breaks, goes idle or is stopped. */
  async function stream(query: Query, each: (event: WatchEvent<ApiObject>) => void): Promise<void> {
    const openedAt = Date.now();
    let alive = false;
    try {
      const timeoutSeconds = Math.ceil((timings.watchMs * (1 + random())) / 1000);
      const options = { query: { timeoutSeconds, ...query }, idleMs: timings.idleMs, signal: stopping.signal };
      for await (const event of watchStream(client, selector, options)) {
        sign();
        each(event);
        alive = true;
      }
      alive = true;
    } catch (error) {
      if (error instanceof SilentError) alive = false;
      throw error;
    } finally {
      // Not at the first event: if the server breaks each watch soon after accepting it, the backoff must grow.
      if (alive && Date.now() - openedAt >= HEALTHY_MS) failures = 0;
    }
  }

  function apply({ type, object }: WatchEvent<ApiObject>): void {
    if (type === 'DELETED')
      store.remove(object.metadata.namespace ?? '', object.metadata.name, object.metadata.resourceVersion);
    else if (type !== 'BOOKMARK') store.put(project(object));
    // Last: an event that could not be applied is requested again.
    version = object.metadata.resourceVersion ?? version;
  }

  /** Lists in pages. The store changes only after the last page. */
  async function list(): Promise<void> {
    let items: T[] = [];
    const reached = await listPages(client, selector, {
      pageSize: timings.pageSize,
      signal: stopping.signal,
      each: (object) => items.push(project(object)),
      restart: () => {
        items = [];
      },
      onPage: () => {
        lastSign = Date.now();
      },
    });
    becomeSynced(items, reached);
  }

  /** The initial list as a stream (one request, no pages held by the server), and then the watch on the same stream. */
  async function watchFromStart(): Promise<void> {
    let initial: Map<string, T> | undefined = new Map();
    await stream({ sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }, (event) => {
      if (initial === undefined) return apply(event);
      if (event.type === 'BOOKMARK' && event.object.metadata.annotations?.[INITIAL_EVENTS_END] === 'true') {
        becomeSynced(initial.values(), event.object.metadata.resourceVersion);
        initial = undefined;
      } else if (event.type !== 'BOOKMARK') {
        // Changes during the initial events come before their end, too: an object can be deleted again.
        const { namespace = '', name } = event.object.metadata;
        if (event.type === 'DELETED') initial.delete(`${namespace}/${name}`);
        else initial.set(`${namespace}/${name}`, project(event.object));
      }
    });
    if (initial !== undefined) throw new Error('the server closed the stream before the end of the initial events');
  }

  function becomeSynced(items: Iterable<T>, reached: string | undefined): void {
    if (!reached) throw new Error('the list of the server has no resourceVersion');
    store.replace(items, reached);
    version = reached;
    sign();
    isSynced = true;
    synced.resolve();
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      lastTry = Date.now();
      try {
        if (version !== undefined) await stream({ resourceVersion: version }, apply);
        else if (watchList) await watchFromStart();
        else await list();
      } catch (error) {
        if (stopping.signal.aborted) return;
        if (version === undefined && watchList && isWatchListUnknown(error)) {
          watchList = false;
          log.debug({ resource }, 'the server has no streaming lists: listing in pages');
          continue;
        }
        // A broken watch continues from its last event, unless the server no longer keeps that version or is behind it:
        // restored from a backup, it counts from a lower version, and is silent until it passes ours.
        if (isGone(error) || isTooNew(error) || error instanceof SilentError) version = undefined;
        onRestart?.(resource);
        failures++;
        const text = messageOf(error);
        // A watch cut by a restarting server is normal; the same problem is logged once, not at every try.
        const worthTelling = failures > 1 || isForbidden(error);
        if (worthTelling && problem !== text)
          log.warn(
            { resource, failures },
            `cannot watch ${resource}: ${text}${isForbidden(error) ? ' (apply the output of `pullpass rbac`)' : ''}`,
          );
        if (worthTelling) problem = text;
        await sleep(backoff(failures, error, timings, random), stopping.signal);
      }
    }
  }

  const running = run();
  return {
    resource,
    synced: synced.promise,
    get isSynced() {
      return isSynced;
    },
    silentForMs: () => Date.now() - lastSign,
    isStuck: () => Date.now() - Math.max(lastSign, lastTry) > 2 * (timings.idleMs + timings.maxBackoffMs),
    get problem() {
      return problem;
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
