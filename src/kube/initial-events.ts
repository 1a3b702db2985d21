/**
 * A streaming list: the server sends all objects as events, then a bookmark that marks their end, and then the changes. A
 * server or gateway that does not know it answers as with a plain watch: the end never comes, and that is noticed here.
 */
import { OddStreamError } from './watch-stream.ts';
import type { WatchEvent } from './client.ts';
import type { ApiObject } from './list.ts';

const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';
/** As in a list: a server that never comes to an end must not fill the memory. */
const MOST_OBJECTS = 500_000;
/** The end may take so many times as long as a silence before it. */
const IN_ALL = 6;

/** The end of the initial events does not come. */
export class NoEndError extends OddStreamError {}

interface InitialEvents {
  /** Aborts when the end should have come. */
  readonly overdue: AbortSignal;
  readonly ended: boolean;
  take(event: WatchEvent<ApiObject>): void;
  /** Stops waiting for the end. */
  stop(): void;
}

/** `project`: undefined for an object that was not asked for. `waitMs`: longest silence before the end. */
export function gatherInitialEvents<T>(
  project: (object: ApiObject) => T | undefined,
  waitMs: number,
  onEnd: (objects: Iterable<T>, version: string | undefined) => void,
): InitialEvents {
  const objects = new Map<string, T>();
  const late = new AbortController();
  const inAll = setTimeout(() => late.abort(), IN_ALL * waitMs);
  const silence = setTimeout(() => late.abort(), waitMs);
  let ended = false;
  const stop = (): void => {
    clearTimeout(inAll);
    clearTimeout(silence);
  };
  return {
    overdue: late.signal,
    get ended() {
      return ended;
    },
    take({ type, object }) {
      if (type === 'BOOKMARK' && object.metadata.annotations?.[INITIAL_EVENTS_END] === 'true') {
        stop();
        ended = true;
        onEnd(objects.values(), object.metadata.resourceVersion);
        objects.clear();
        return;
      }
      // A plain watch has bookmarks, too: they bring the end no nearer.
      if (type === 'BOOKMARK') return;
      silence.refresh();
      // Changes during the initial events come before their end, too: an object can be deleted again.
      const key = `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
      const projected = type === 'DELETED' ? undefined : project(object);
      if (projected === undefined) objects.delete(key);
      else objects.set(key, projected);
      if (objects.size > MOST_OBJECTS) throw new OddStreamError(`more than ${MOST_OBJECTS} objects`);
    },
    stop,
  };
}
