/**
 * The log lines about what tenants decide: each namespace has a share of them, and all together have one, so that a namespace
 * whose objects always change buries neither the lines of the others nor those of the platform, which are always written.
 */
import { createBucket, createBuckets } from '../async/buckets.ts';
import type { Rate } from '../async/buckets.ts';
import { systemTimers } from '../async/timers.ts';
import type { Timers } from '../async/timers.ts';
import type { Log } from '../log.ts';
import { agree, plural } from '../text.ts';

/** Of one namespace: more than one reconcile tells. */
const SHARE_RATE: Rate = { burst: 50, perSecond: 0.2 };
const RATE: Rate = { burst: 1000, perSecond: 20 };
/** How long lines are counted before it is said how many were left out. */
const COUNTED_MS = 10_000;
/** Namespaces that are named then, those with most lines first. */
const NAMED = 3;
/** Namespaces that are counted one by one. */
const MOST_COUNTED = 1000;

export interface TenantLog {
  line(level: 'debug' | 'info' | 'warn' | 'error', namespace: string, facts: object, text: string): void;
  /** Says what was left out so far. */
  stop(): void;
}

interface TenantLogOptions {
  log: Log;
  onDropped?: () => void;
  timers?: Timers;
}

export function createTenantLog({ log, onDropped, timers = systemTimers }: TenantLogOptions): TenantLog {
  const shares = createBuckets(SHARE_RATE);
  const all = createBucket(RATE);
  /** Lines that were left out, by namespace; those of further namespaces under ''. */
  const left = new Map<string, number>();
  let timer: unknown;

  function count(namespace: string): void {
    onDropped?.();
    const name = left.has(namespace) || left.size < MOST_COUNTED ? namespace : '';
    left.set(name, (left.get(name) ?? 0) + 1);
    timer ??= timers.set(say, COUNTED_MS);
  }

  function say(): void {
    timers.clear(timer);
    timer = undefined;
    const most = [...left].filter(([namespace]) => namespace !== '').sort(([, a], [, b]) => b - a);
    const named = most.slice(0, NAMED);
    const lines = [...left.values()].reduce((sum, n) => sum + n, 0) - named.reduce((sum, [, n]) => sum + n, 0);
    left.clear();
    const tell = (n: number, whom: string, facts: object): void =>
      log.warn({ ...facts, lines: n }, `${plural(n, 'more line')} about ${whom} ${agree(n, 'was', 'were')} not logged`);
    for (const [namespace, n] of named) tell(n, `namespace ${namespace}`, { namespace });
    if (lines > 0) tell(lines, 'other namespaces', {});
  }

  return {
    line(level, namespace, facts, text) {
      // A line that is not written anyway costs nothing.
      if (!log.isLevelEnabled(level)) return;
      if (shares.take(namespace) && all.take()) log[level]({ namespace, ...facts }, text);
      else count(namespace);
    },
    stop: say,
  };
}
