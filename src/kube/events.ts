/**
 * Reports problems to people as Events. Each reconcile reports all that it sees; only news is written. Nothing here
 * throws, blocks a reconcile or grows without bound. A dropped report counts as not written: the next reconcile
 * reports it again.
 */
import { sleep } from '../async/sleep.ts';
import { systemTimers } from '../async/timers.ts';
import type { Log } from '../log.ts';
import type { EventReason } from '../names.ts';
import { ApiError, isConflict, isNamespaceTerminating, isNotFound, UnreachableError } from './api-error.ts';
import type { KubeClient } from './client.ts';
import { eventBody, eventName, eventSeries, namespaceOfEvent } from './event-body.ts';
import type { RecordedEvent, Regarding, Sightings } from './event-body.ts';
import { paths } from './paths.ts';

export type { RecordedEvent, Regarding } from './event-body.ts';

const HOUR_MS = 3_600_000;
/** A problem that lasts is written again after this long. An API server keeps an Event as long by default. */
const SERIES_INTERVAL_MS = HOUR_MS;
/** A problem that was not seen for this long is a new one. */
const SERIES_WINDOW_MS = 2 * HOUR_MS;
/** Largest number of remembered objects and problems together. */
const MAX_REMEMBERED = 4096;
const MAX_QUEUED = 1000;
const MAX_TRIES = 3;
const RETRY_AFTER_MS = 5_000;
/** client-go's limit for one reporter and object. */
const OBJECT_LIMIT = { burst: 25, perMs: 1 / 300_000 };
const GLOBAL_LIMIT = { burst: 100, perMs: 10 / 1000 };

interface EventRecorderOptions {
  client: KubeClient;
  log: Log;
  /** Identifies this process: the pod's name. */
  instance: string;
}

export interface EventRecorder {
  /** Takes a report and returns at once. */
  record(event: RecordedEvent): void;
  /** The problem is gone (without `reason`: all problems of the object). If it comes back, that is news. Writes nothing. */
  resolve(regarding: Regarding, reason?: EventReason): void;
  /** Resolves when every accepted report is written or dropped. */
  flush(): Promise<void>;
  /** Accepts and writes nothing more; aborts a write under way. */
  stop(): void;
}

interface Bucket {
  tokens: number;
  filledAt: number;
}

/** One problem of one object, as one Event. */
interface Series extends Sightings {
  readonly event: RecordedEvent;
  readonly name: string;
  readonly firstAt: number;
  /** The server has an Event of that name, as far as we know. */
  exists: boolean;
  queued: boolean;
  /** When the server last answered a write of it, in milliseconds since 1970. */
  answeredAt: number | undefined;
}

export function createEventRecorder({ client, log, instance }: EventRecorderOptions): EventRecorder {
  const stopping = new AbortController();
  /** Least recently reported first. */
  const objects = new Map<string, { bucket: Bucket; problems: Map<string, Series> }>();
  const queue: Series[] = [];
  const global: Bucket = { tokens: GLOBAL_LIMIT.burst, filledAt: Date.now() };
  /** When each kind of failure was logged. */
  const logged = new Map<string, number>();
  let remembered = 0;
  let names = 0n;
  let draining: Promise<void> | undefined;

  function record(event: RecordedEvent): void {
    if (stopping.signal.aborted) return;
    const at = Date.now();
    const { bucket, problems } = objectOf(event.regarding, at);
    const key = JSON.stringify([event.reason, event.type, event.note]);
    let series = problems.get(key);
    if (series !== undefined && at - series.lastAt < SERIES_WINDOW_MS) {
      series.count++;
      series.lastAt = at;
      if (series.queued || (series.answeredAt !== undefined && at - series.answeredAt < SERIES_INTERVAL_MS)) return;
    } else {
      series = undefined;
    }
    if (queue.length >= MAX_QUEUED)
      return logOnce('queue', undefined, `more than ${MAX_QUEUED} Events wait to be written; dropping further ones`);
    if (!take(bucket, OBJECT_LIMIT, at)) return;
    if (series === undefined) {
      const name = eventName(event.regarding.name, BigInt(Math.trunc(at)) * 1_000_000n + (names++ % 1_000_000n));
      series = { event, name, firstAt: at, count: 1, lastAt: at, exists: false, queued: false, answeredAt: undefined };
      if (!problems.has(key)) remembered++;
      problems.set(key, series);
      forgetOldest();
    }
    series.queued = true;
    queue.push(series);
    draining ??= drain();
  }

  function objectOf(regarding: Regarding, at: number): { bucket: Bucket; problems: Map<string, Series> } {
    const key = keyOf(regarding);
    const known = objects.get(key);
    const object = known ?? {
      bucket: { tokens: OBJECT_LIMIT.burst, filledAt: at },
      problems: new Map<string, Series>(),
    };
    if (known === undefined) remembered++;
    objects.delete(key);
    objects.set(key, object);
    return object;
  }

  function forgetOldest(): void {
    for (const [key, { problems }] of objects) {
      if (remembered <= MAX_REMEMBERED) return;
      objects.delete(key);
      remembered -= 1 + problems.size;
    }
  }

  function resolve(regarding: Regarding, reason?: EventReason): void {
    const problems = objects.get(keyOf(regarding))?.problems;
    for (const [key, { event }] of problems ?? []) {
      if (reason !== undefined && event.reason !== reason) continue;
      // The object stays known, so that a problem that comes and goes is still rate-limited.
      problems?.delete(key);
      remembered--;
    }
  }

  /** Writes one Event at a time; starts after the caller's synchronous code. */
  async function drain(): Promise<void> {
    await Promise.resolve();
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      while (!stopping.signal.aborted && !take(global, GLOBAL_LIMIT, Date.now()))
        await sleep(1 / GLOBAL_LIMIT.perMs, stopping.signal, systemTimers);
      await write(next);
      next.queued = false;
    }
    draining = undefined; // no await since the queue was empty: the next report starts a new drain
  }

  async function write(series: Series): Promise<void> {
    for (let tries = 1; !stopping.signal.aborted; tries++) {
      try {
        await send(series);
        series.exists = true;
        series.answeredAt = Date.now();
        return;
      } catch (error) {
        if (stopping.signal.aborted) return;
        const passing =
          error instanceof UnreachableError || (error instanceof ApiError && (error.code === 429 || error.code >= 500));
        if (!passing) series.answeredAt = Date.now(); // a retry soon would change nothing
        // The namespace is deleted or being deleted, and its Events too.
        if (isNotFound(error) || isNamespaceTerminating(error)) return;
        if (!passing || tries >= MAX_TRIES)
          return logOnce(
            error instanceof ApiError ? `${error.code} ${error.reason}` : 'unreachable',
            error,
            'cannot write an Event; further failures of this kind are not logged for an hour',
          );
        const asked = error instanceof ApiError ? error.retryAfterMs : undefined;
        await sleep(asked ?? RETRY_AFTER_MS, stopping.signal, systemTimers);
      }
    }
  }

  async function send(series: Series): Promise<void> {
    const namespace = namespaceOfEvent(series.event.regarding);
    const { signal } = stopping;
    if (series.exists) {
      try {
        await client.patch(
          paths.events(namespace, series.name),
          'application/merge-patch+json',
          { series: eventSeries(series) },
          { signal },
        );
        return;
      } catch (error) {
        if (!isNotFound(error)) throw error;
        series.exists = false; // it expired on the server: create it again, with its count
      }
    }
    try {
      await client.create(
        paths.events(namespace),
        eventBody(series.name, instance, series.event, series.firstAt, series),
        { signal },
      );
    } catch (error) {
      // The name is unique: an earlier try, whose answer was lost, created it.
      if (!isConflict(error)) throw error;
    }
  }

  function take(bucket: Bucket, limit: { burst: number; perMs: number }, at: number): boolean {
    bucket.tokens = Math.min(limit.burst, bucket.tokens + Math.max(0, at - bucket.filledAt) * limit.perMs);
    bucket.filledAt = at;
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  function logOnce(kind: string, error: unknown, what: string): void {
    const before = logged.get(kind);
    if (before !== undefined && Date.now() - before < HOUR_MS) return;
    logged.set(kind, Date.now());
    log.warn(error === undefined ? {} : { err: error }, what);
  }

  return {
    record,
    resolve,
    async flush() {
      while (draining !== undefined) await draining;
    },
    stop() {
      stopping.abort();
      queue.length = 0;
    },
  };
}

const keyOf = ({ apiVersion, kind, namespace, name, uid }: Regarding): string =>
  JSON.stringify([apiVersion, kind, namespace, name, uid]);
