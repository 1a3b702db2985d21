/** One watch: a stream of events that throws when the server reports an error in it, and is cut when it falls silent. */
import { apiErrorOf } from './api-error.ts';
import type { KubeClient, Query, WatchEvent } from './client.ts';
import { acceptObject } from './list.ts';
import type { ApiObject, Selector } from './list.ts';

/** A stream that ends sooner counts as broken. */
const TOO_SHORT_MS = 1_000;

/** The stream was cut: no event and no bookmark came in time. */
export class SilentError extends Error {}

interface StreamOptions {
  query: Query;
  idleMs: number;
  signal: AbortSignal;
}

/** Ends when the server closes it; throws when it breaks, is cut or is stopped. */
export async function* watchStream(
  client: KubeClient,
  { path, fieldSelector, labelSelector, metadataOnly }: Selector,
  { query, idleMs, signal }: StreamOptions,
): AsyncGenerator<WatchEvent<ApiObject>> {
  const cut = new AbortController();
  let idle: NodeJS.Timeout | undefined;
  const touch = (): void => {
    clearTimeout(idle);
    idle = setTimeout(() => cut.abort(), idleMs);
  };
  touch();
  const openedAt = Date.now();
  try {
    for await (const event of client.watch<ApiObject>(path, {
      query: { fieldSelector, labelSelector, allowWatchBookmarks: true, ...query },
      accept: acceptObject(metadataOnly),
      signal: AbortSignal.any([cut.signal, signal]),
    })) {
      touch();
      if (event.type === 'ERROR') {
        const { code } = event.object as { code?: unknown };
        const status = typeof code === 'number' ? code : 500;
        throw apiErrorOf(`WATCH ${path}`, status, JSON.stringify(event.object), undefined, false);
      }
      yield event;
    }
    // Otherwise a proxy that answers and hangs up would be asked again without a wait.
    if (Date.now() - openedAt < TOO_SHORT_MS) throw new Error('the server closed the watch at once');
  } catch (error) {
    if (!cut.signal.aborted) throw error;
    throw new SilentError('no event and no bookmark in time', { cause: error });
  } finally {
    clearTimeout(idle);
    cut.abort();
  }
}
