/** Cache proxies whose objects another writer writes back, again and again: their writes are paced, and the source is told. */
import { some } from '../text.ts';
import type { Stored, Store } from '../kube/store.ts';
import { UNDONE_DOCS, UNNAMED } from '../plan/undone.ts';
import type { ProxyOutcome } from '../reconcile/proxy.ts';
import type { Retry } from '../retry.ts';
import type { Metrics } from '../server/metrics.ts';
import { createPace } from './pace.ts';

/** An object that it writes. */
interface Written {
  readonly target: { readonly namespace: string; readonly name: string };
  readonly store: Pick<Store<Stored & { readonly other: () => string | undefined }>, 'get'>;
}

interface ProxyContests {
  /** How long to wait with a write, in milliseconds; 0: not at all. */
  pauseMs(proxy: string, intent: string, objects: readonly Written[]): number;
  wrote(proxy: string, intent: string): void;
  /** The outcome, with the contest as its problem if it has no other. */
  judge(proxy: string, outcome: ProxyOutcome): ProxyOutcome;
  /** The retry, or when to see that the contest is over. */
  again(proxy: string, retry: Retry): Retry;
  forget(proxy: string): void;
}

/** `now`: a monotonic clock, in milliseconds. */
export function createProxyContests({
  metrics,
  now,
}: {
  metrics: Pick<Metrics, 'contestedObjects'>;
  now: () => number;
}): ProxyContests {
  const pace = createPace(now);
  /** What is told of each, once: who writes it back can change each time. */
  const told = new Map<string, string>();
  const count = (): void => metrics.contestedObjects.set({ kind: 'CacheProxy' }, told.size);
  count();

  return {
    pauseMs(proxy, intent, objects) {
      const ms = pace.pauseMs(proxy, intent);
      if (ms > 0 && !told.has(proxy)) {
        told.set(proxy, describe(objects));
        count();
      }
      return ms;
    },
    wrote: pace.wrote,
    judge(proxy, outcome) {
      const note = told.get(proxy);
      if (note === undefined) return outcome;
      if (pace.isContested(proxy))
        return outcome.problem === undefined ? { ...outcome, problem: { reason: 'WriteUndone', note } } : outcome;
      told.delete(proxy);
      count();
      return outcome;
    },
    again(proxy, retry) {
      const afterMs = pace.quietInMs(proxy);
      return retry === 'done' && afterMs > 0 ? { afterMs } : retry;
    },
    forget(proxy) {
      pace.forget(proxy);
      if (told.delete(proxy)) count();
    },
  };
}

function describe(objects: readonly Written[]): string {
  const names = objects.map(({ target: { namespace, name } }) => `${namespace}/${name}`);
  const by = objects
    .map(({ target: { namespace, name }, store }) => store.get(namespace, name)?.other())
    .find((writer) => writer !== undefined);
  return (
    `another writer undoes each write of Pullpass to ${some(names)}: ${by ?? UNNAMED}. ` +
    `Pullpass writes again after a growing delay of up to 5 minutes. What ends it: ${UNDONE_DOCS}`
  );
}
