/** One watch: a stream of events that throws when the server reports an error in it, and is cut when it falls silent. */
import { monotonic } from '../clock.ts';
import { apiErrorOf } from './api-error.ts';
import { isBookmark, isObject } from './asked-for.ts';
import type { KubeClient, Query, WatchEvent } from './client.ts';
import { acceptObject } from './list.ts';
import type { ApiObject, Selector } from './list.ts';
import type { Versions } from './store.ts';

/** A stream that ends sooner counts as broken. */
const TOO_SHORT_MS = 1_000;

/** The stream was cut: no event and no bookmark came in time. */
export class SilentError extends Error {}
/** The server answers, but not as a watch should. */
export class OddStreamError extends Error {}

interface StreamOptions {
  query: Query;
  idleMs: number;
  signal: AbortSignal;
  /** As in {@link KubeClient.watch}. */
  known?: Versions;
}

/** Calls `each` per event. Ends when the server closes it; rejects when it breaks, is cut or is stopped. */
export async function watchStream(
  client: KubeClient,
  { path, fieldSelector, labelSelector, metadataOnly }: Selector,
  { query, idleMs, signal, known }: StreamOptions,
  each: (event: WatchEvent<ApiObject>) => void,
): Promise<void> {
  const cut = new AbortController();
  const idle = setTimeout(() => cut.abort(), idleMs);
  const openedAt = monotonic();
  const options = {
    query: { fieldSelector, labelSelector, allowWatchBookmarks: true, ...query },
    accept: acceptObject(metadataOnly),
    signal: AbortSignal.any([cut.signal, signal]),
    ...(known && { known }),
  };
  try {
    await client.watch<unknown>(path, options, (event) => {
      idle.refresh();
      each(eventOf(event, path));
    });
    // Otherwise a proxy that answers and hangs up would be asked again without a wait.
    if (monotonic() - openedAt < TOO_SHORT_MS) throw new OddStreamError('the server closed the watch at once');
  } catch (error) {
    if (!cut.signal.aborted) throw error;
    throw new SilentError('no event and no bookmark in time', { cause: error });
  } finally {
    clearTimeout(idle);
    cut.abort();
  }
}

/** Any line of JSON can come: a gateway in between may answer with anything. */
function eventOf(line: unknown, path: string): WatchEvent<ApiObject> {
  const { type, object } = (typeof line === 'object' && line !== null ? line : {}) as {
    type?: unknown;
    object?: unknown;
  };
  switch (type) {
    case 'ERROR': {
      const { code } = (object ?? {}) as { code?: unknown };
      const status = typeof code === 'number' && code >= 400 && code < 600 ? code : 500;
      throw apiErrorOf(`WATCH ${path}`, status, JSON.stringify(object ?? null), undefined, false);
    }
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      if (isObject(object)) return { type, object };
      break;
    case 'BOOKMARK':
      if (isBookmark(object)) return { type, object };
      break;
  }
  throw new OddStreamError('the server sent an event that is none of a watch');
}
