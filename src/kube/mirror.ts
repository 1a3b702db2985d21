/**
 * One try to keep a {@link Store} equal to what the server has, as far as it goes: the initial list, as a stream or in pages,
 * or the watch that continues from there. The reflector tries for ever; this knows what the store is complete up to.
 */
import type { Log } from '../log.ts';
import { askedFor } from './asked-for.ts';
import type { KubeClient, Query, WatchEvent } from './client.ts';
import { gatherInitialEvents, NoEndError } from './initial-events.ts';
import { listPages, newestVersion } from './list.ts';
import type { ApiObject, Selector } from './list.ts';
import type { Store, Stored, Versions } from './store.ts';
import { isOlder } from './version.ts';
import { OddStreamError } from './watch-stream.ts';

/** The server's versions went back: it was restored from a backup, or a gateway sends old events again. */
export class WentBackError extends Error {
  constructor(from: string, to: string) {
    super(`its version went back from ${from} to ${to}: was it restored from a backup?`);
  }
}

export interface MirrorOptions<T extends Stored> {
  client: KubeClient;
  resource: string;
  selector: Selector;
  project: (object: ApiObject) => T;
  store: Store<T>;
  log: Pick<Log, 'warn'>;
  pageSize: number;
  /** A streaming list that is silent for this long before its end never comes to it. */
  initialMs: number;
  /** Aborts when the work is over. */
  stop: AbortSignal;
  /** One watch. Calls `each` per event; ends when the server closes it, throws when it breaks or `signal` aborts. */
  stream: (
    query: Query,
    each: (event: WatchEvent<ApiObject>) => void,
    signal: AbortSignal,
    known: Versions,
  ) => Promise<void>;
  /** A page of a list came. */
  onPage: () => void;
  /** The store holds all that the server had at some moment just now. */
  onSynced: () => void;
}

interface Mirror {
  /** The store is complete up to some version: `follow` continues from there. */
  readonly isComplete: boolean;
  /** What the server has must be listed again. The store keeps what it has until then. */
  distrust(): void;
  /** The initial list as a stream (one request, no pages held by the server), and then the watch on the same stream. */
  streamFromStart(): Promise<void>;
  /** Lists in pages. The store changes only after the last page. */
  list(): Promise<void>;
  /** A watch from the version that was reached. */
  follow(): Promise<void>;
}

export function createMirror<T extends Stored>(options: MirrorOptions<T>): Mirror {
  const { client, resource, selector, project, store, log, stop, stream } = options;
  const { isOfCollection, isSelected } = askedFor(selector);
  let version: string | undefined;
  /** Just listed: the server has this version. */
  let isFresh = false;
  let toldOfOthers = false;

  /** Whether the object belongs to this collection at all. */
  function isOurs(object: ApiObject): boolean {
    if (isOfCollection(object)) return true;
    if (!toldOfOthers)
      log.warn({ resource }, `the server sends objects that were not asked for as ${resource}: they are left out`);
    toldOfOthers = true;
    return false;
  }

  const projected = (object: ApiObject): T | undefined =>
    isOurs(object) && isSelected(object) ? project(object) : undefined;

  function apply({ type, object }: WatchEvent<ApiObject>): void {
    const { namespace = '', name, resourceVersion: reached } = object.metadata;
    // In one watch versions never go back, neither those of events nor those of bookmarks.
    if (reached !== undefined && version !== undefined && isOlder(reached, version))
      throw new WentBackError(version, reached);
    if (type !== 'BOOKMARK' && isOurs(object)) {
      // An object that stops matching the selector has left.
      if (type !== 'DELETED' && isSelected(object)) store.put(project(object));
      else store.remove(namespace, name, reached);
    }
    // Last: an event that could not be applied is requested again.
    version = reached ?? version;
  }

  function complete(items: Iterable<T>, reached: string | undefined): void {
    if (!reached) throw new OddStreamError('the list of the server has no resourceVersion');
    store.replace(items, reached);
    version = reached;
    isFresh = true;
    options.onSynced();
  }

  return {
    get isComplete() {
      return version !== undefined;
    },
    distrust() {
      version = undefined;
    },
    async streamFromStart() {
      const initial = gatherInitialEvents(projected, options.initialMs, complete);
      try {
        await stream(
          { sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' },
          (event) => (initial.ended ? apply(event) : initial.take(event)),
          AbortSignal.any([stop, initial.overdue]),
          // Until then each object counts: what does not come is gone.
          {
            get size() {
              return initial.ended ? store.own.size : 0;
            },
            delete: (reached) => store.own.delete(reached),
          },
        );
      } catch (error) {
        if (!initial.overdue.aborted) throw error;
        throw new NoEndError('the server does not mark the end of the initial events', { cause: error });
      } finally {
        initial.stop();
        isFresh = false;
      }
      if (!initial.ended) throw new OddStreamError('the server closed the stream before the end of the initial events');
    },
    async list() {
      let items: T[] = [];
      const reached = await listPages(client, selector, {
        pageSize: options.pageSize,
        signal: stop,
        each: (object) => items.push(project(object)),
        restart: () => {
          items = [];
        },
        onPage: options.onPage,
      });
      complete(items, reached);
    },
    async follow() {
      const from = version;
      if (from === undefined) throw new Error('nothing to continue from');
      // A server that was restored while no watch was open says nothing of it until it passes our version.
      const newest = isFresh ? undefined : await newestVersion(client, selector, stop);
      isFresh = false;
      if (newest !== undefined && isOlder(newest, from)) throw new WentBackError(from, newest);
      await stream({ resourceVersion: from }, apply, stop, store.own);
    },
  };
}
