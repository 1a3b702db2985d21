/** Writes one Event: creates it, or brings its count up to date; tries again what may pass. Never throws. */
import { sleep } from '../async/sleep.ts';
import { systemTimers } from '../async/timers.ts';
import { monotonic } from '../clock.ts';
import { ApiError, isConflict, isNamespaceTerminating, isNotFound, UnreachableError } from './api-error.ts';
import type { KubeClient } from './client.ts';
import { eventBody, eventSeries, namespaceOfEvent } from './event-body.ts';
import type { Series } from './event-memory.ts';
import type { HourlyLog } from './hourly-log.ts';
import { paths } from './paths.ts';

const MAX_TRIES = 3;
const RETRY_AFTER_MS = 5_000;

interface EventWriterOptions {
  client: KubeClient;
  warn: HourlyLog;
  instance: string;
  signal: AbortSignal;
}

/** false: given up. */
type EventWriter = (series: Series) => Promise<boolean>;

export function createEventWriter({ client, warn, instance, signal }: EventWriterOptions): EventWriter {
  async function write(series: Series): Promise<boolean> {
    // Resolved while it waited for another try: no longer queued.
    for (let tries = 1; !signal.aborted && series.queued; tries++) {
      try {
        await send(series);
        series.exists = true;
        series.answeredAt = monotonic();
        return true;
      } catch (error) {
        if (signal.aborted) return true;
        const passing =
          error instanceof UnreachableError || (error instanceof ApiError && (error.code === 429 || error.code >= 500));
        if (!passing) series.answeredAt = monotonic(); // a retry soon would change nothing
        // The namespace is deleted or being deleted, and its Events too.
        if (isNotFound(error) || isNamespaceTerminating(error)) return true;
        if (!passing || tries >= MAX_TRIES) {
          warn(
            error instanceof ApiError ? `${error.code} ${error.reason}` : 'unreachable',
            { err: error },
            'cannot write an Event; further failures of this kind are not logged for an hour',
          );
          return false;
        }
        const asked = error instanceof ApiError ? error.retryAfterMs : undefined;
        await sleep(asked ?? RETRY_AFTER_MS, signal, systemTimers);
      }
    }
    return true;
  }

  async function send(series: Series): Promise<void> {
    const namespace = namespaceOfEvent(series.event.regarding);
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
    const body = eventBody(series.name, instance, series.event, series.firstAt, series);
    try {
      await client.create(paths.events(namespace), body, { signal });
    } catch (error) {
      // The name is unique: an earlier try, whose answer was lost, created it.
      if (!isConflict(error)) throw error;
    }
  }

  return write;
}
