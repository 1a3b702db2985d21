/** The events of a watch, one after the other; leaving the loop ends the watch. */
import type { KubeClient, WatchEvent } from '../../src/kube/client.ts';

export async function* eventsOf<T>(
  client: KubeClient,
  path: string,
  { signal, ...options }: Parameters<KubeClient['watch']>[1],
): AsyncGenerator<WatchEvent<T>> {
  const left = new AbortController();
  const waiting: WatchEvent<T>[] = [];
  let news = Promise.withResolvers<void>();
  let over: { readonly error?: unknown } | undefined;
  const end = (how: { readonly error?: unknown }): void => {
    over = how;
    news.resolve();
  };
  void client
    .watch<T>(path, { ...options, signal: AbortSignal.any([signal, left.signal]) }, (event) => {
      waiting.push(event);
      news.resolve();
    })
    .then(
      () => end({}),
      (error: unknown) => end({ error }),
    );
  try {
    for (;;) {
      yield* waiting.splice(0);
      if (waiting.length > 0) continue;
      if (over !== undefined) break;
      await news.promise;
      news = Promise.withResolvers();
    }
    if ('error' in over) throw over.error;
  } finally {
    left.abort();
  }
}
