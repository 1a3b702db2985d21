/**
 * Reports problems to people as Events. Each reconcile reports all that it sees; only news is written. Each namespace has a
 * share of what is remembered, waits and is written, so that a tenant whose objects always change delays only its own Events;
 * those about sources and cache proxies go first. Nothing here throws, blocks a reconcile or grows without bound. A dropped
 * report counts as not written: the next reconcile reports it again.
 */
import { createBucket, createBuckets } from '../async/buckets.ts';
import type { Rate } from '../async/buckets.ts';
import { createShares } from '../async/shares.ts';
import { systemTimers } from '../async/timers.ts';
import { monotonic, wall } from '../clock.ts';
import type { Log } from '../log.ts';
import { PLATFORM_REASONS } from '../names.ts';
import type { EventReason } from '../names.ts';
import type { KubeClient } from './client.ts';
import { cutNote, eventName, namespaceOfEvent } from './event-body.ts';
import type { RecordedEvent, Regarding } from './event-body.ts';
import { createEventMemory } from './event-memory.ts';
import type { Series } from './event-memory.ts';
import { createEventWriter } from './event-writer.ts';
import { createHourlyLog } from './hourly-log.ts';

export type { RecordedEvent, Regarding } from './event-body.ts';

const HOUR_MS = 3_600_000;
/** A problem that lasts is written again after this long. An API server keeps an Event as long by default. */
const SERIES_INTERVAL_MS = HOUR_MS;
/** A problem that was not seen for this long is a new one. */
const SERIES_WINDOW_MS = 2 * HOUR_MS;
/** How many Events wait at most. A namespace tells at most about 20 of its ServiceAccounts at once. */
const WAITING = { perShare: 64, inAll: 1000 };
const RATE: Rate = { burst: 100, perSecond: 10 };
/** Of one namespace: enough for all that it tells at once. */
const SHARE_RATE: Rate = { burst: 64, perSecond: 0.2 };
/** Writes at a time; one a share, so that a namespace whose writes are slow (a quota that is busy) delays no other. */
const WRITERS = 4;
/** How soon to look again for what may be written then. */
const AGAIN_MS = 100;

/** Why a report was not written. */
export const DROP_REASONS = ['object', 'namespace', 'all', 'failed'] as const;
type DropReason = (typeof DROP_REASONS)[number];

interface EventRecorderOptions {
  client: KubeClient;
  log: Log;
  /** Identifies this process: the pod's name. */
  instance: string;
  onDropped?: (reason: DropReason) => void;
}

export interface EventRecorder {
  /** Takes a report and returns at once. */
  record(event: RecordedEvent): void;
  /**
   * The problem is gone, or, without `note`, all of the object with this reason. One that waits is not written any more; one that
   * comes back is news.
   */
  resolve(regarding: Regarding, reason: EventReason, note?: string): void;
  /** Resolves when every accepted report is written or dropped. */
  flush(): Promise<void>;
  /** Accepts and writes nothing more; aborts a write under way. */
  stop(): void;
}

export function createEventRecorder({ client, log, instance, onDropped }: EventRecorderOptions): EventRecorder {
  const stopping = new AbortController();
  const { signal } = stopping;
  const memory = createEventMemory();
  const warn = createHourlyLog(log);
  const write = createEventWriter({ client, warn, instance, signal });
  const rate = createBucket(RATE);
  const rateOfShare = createBuckets(SHARE_RATE);
  const lane = (may: (share: string) => boolean) => ({
    waiting: createShares<Series>(WAITING),
    writing: new Set<string>(),
    may,
  });
  // In the order in which they may write.
  const lanes = { platform: lane(() => true), tenants: lane((namespace) => rateOfShare.take(namespace)) };
  const laneOf = (reason: EventReason) => lanes[PLATFORM_REASONS.has(reason) ? 'platform' : 'tenants'];
  let names = 0n;
  let isDue = false;
  let timer: unknown;
  let landing = Promise.withResolvers<void>();

  function record({ note, ...rest }: RecordedEvent): void {
    if (signal.aborted) return;
    const event: RecordedEvent = { ...rest, note: cutNote(note) };
    const at = monotonic();
    const time = wall();
    const share = shareOf(event.regarding, event.reason);
    const known = memory.of(share, event.regarding);
    let series = [...known.problems].find((each) => isSame(each.event, event));
    if (series !== undefined && !series.queued && at - series.seenAt >= SERIES_WINDOW_MS) {
      memory.forget(series);
      series = undefined;
    }
    if (series !== undefined) {
      series.count++;
      series.lastAt = time;
      series.seenAt = at;
      if (series.queued || (series.answeredAt !== undefined && at - series.answeredAt < SERIES_INTERVAL_MS)) return;
    }
    if (!known.bucket.take()) return onDropped?.('object');
    if (series === undefined) {
      const name = eventName(event.regarding.name, BigInt(Math.trunc(time)) * 1_000_000n + (names++ % 1_000_000n));
      const sightings = { count: 1, firstAt: time, lastAt: time, seenAt: at };
      const { bucket } = known;
      series = { event, name, share, bucket, ...sightings, exists: false, queued: true, answeredAt: undefined };
      memory.add(known, series);
    }
    series.queued = true;
    const dropped = laneOf(event.reason).waiting.add(share, series);
    if (dropped !== undefined) {
      withdraw(dropped.item);
      onDropped?.(dropped.full === 'share' ? 'namespace' : 'all');
      if (dropped.full === 'all')
        warn('all', {}, `more than ${WAITING.inAll} Events wait to be written; dropping further ones`);
    }
    lookSoon();
  }

  /** It does not wait any more, and was not written. */
  function withdraw(series: Series): void {
    series.queued = false;
    series.bucket.giveBack();
    if (!series.exists) memory.forget(series);
  }

  function resolve(regarding: Regarding, reason: EventReason, note?: string): void {
    const share = shareOf(regarding, reason);
    const cut = note === undefined ? undefined : cutNote(note);
    for (const series of memory.find(share, regarding)) {
      if (series.event.reason !== reason || (cut !== undefined && series.event.note !== cut)) continue;
      if (laneOf(reason).waiting.remove(share, series)) withdraw(series);
      series.queued = false;
      memory.forget(series);
    }
    land();
  }

  /** Starts what may be written now. */
  function look(): void {
    if (signal.aborted) return;
    for (const { waiting, writing, may } of Object.values(lanes)) {
      while (writing.size < WRITERS && !rate.isEmpty()) {
        const next = waiting.take((share) => !writing.has(share) && may(share));
        if (next === undefined) break;
        rate.take();
        writing.add(next.share);
        void write(next.item).then((done) => {
          if (!done) onDropped?.('failed');
          next.item.queued = false;
          writing.delete(next.share);
          land();
          look();
        });
      }
      if (waiting.size > 0) lookAgain();
    }
  }

  /** After the caller's synchronous code. */
  function lookSoon(): void {
    if (isDue) return;
    isDue = true;
    queueMicrotask(() => {
      isDue = false;
      look();
    });
  }

  function lookAgain(): void {
    timer ??= systemTimers.set(() => {
      timer = undefined;
      look();
    }, AGAIN_MS);
  }

  function land(): void {
    landing.resolve();
    landing = Promise.withResolvers();
  }

  return {
    record,
    resolve,
    async flush() {
      const isBusy = (): boolean =>
        !signal.aborted && Object.values(lanes).some(({ waiting, writing }) => waiting.size + writing.size > 0);
      while (isBusy()) await landing.promise;
    },
    stop() {
      stopping.abort();
      systemTimers.clear(timer);
      for (const { waiting } of Object.values(lanes)) waiting.clear();
      land();
    },
  };
}

/** A namespace, or an object of the platform team. */
const shareOf = (regarding: Regarding, reason: EventReason): string =>
  PLATFORM_REASONS.has(reason)
    ? JSON.stringify([regarding.kind, regarding.namespace, regarding.name])
    : namespaceOfEvent(regarding);

const isSame = (a: RecordedEvent, b: RecordedEvent): boolean =>
  a.reason === b.reason && a.type === b.type && a.note === b.note;
