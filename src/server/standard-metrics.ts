/**
 * Metrics under the names and labels that controllers in Go have from client-go, so that dashboards and alerts for these fit.
 * `resource` of the requests is our own addition.
 */
import type { Registry } from 'prom-client';
import { LEASE_NAME, MANAGER } from '../names.ts';
import { familiesIn } from './families.ts';

/** From a millisecond to a few minutes. */
const SECONDS = [0.001, 0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300];
/** The one work queue. */
const name = MANAGER;

/** `always`: exposed by each replica; `leading`: only while it leads, because only then the queue is worked on. */
export function createStandardMetrics(always: Registry, leading: Registry) {
  const { gauge, counter, histogram } = familiesIn(always, '');
  const led = familiesIn(leading, '');
  let running = (): readonly number[] => [];

  const master = gauge(
    'leader_election_master_status',
    '1 if this replica holds the Lease, 0 if it stands by; name is the Lease.',
    ['name'],
  );
  const requests = counter('rest_client_requests_total', 'Requests to the API server; code <error> means no answer.', [
    'code',
    'method',
    'host',
    'resource',
  ]);
  let depth = 0;
  led.gaugeOf('workqueue_depth', 'Keys that are due and wait to be reconciled.', ['name'], () => [[{ name }, depth]]);
  const adds = counter('workqueue_adds_total', 'Keys that became due.', ['name']);
  const retries = counter('workqueue_retries_total', 'Keys that were put back, to come again after a delay.', ['name']);
  const waited = histogram(
    'workqueue_queue_duration_seconds',
    'How long a key was due before its reconcile began.',
    SECONDS,
    ['name'],
  );
  const worked = histogram('workqueue_work_duration_seconds', 'How long one reconcile took.', SECONDS, ['name']);
  led.gaugeOf(
    'workqueue_unfinished_work_seconds',
    'For how long the reconciles that run now have been running, all together.',
    ['name'],
    () => [[{ name }, running().reduce((sum, ms) => sum + ms, 0) / 1000]],
  );
  led.gaugeOf(
    'workqueue_longest_running_processor_seconds',
    'For how long the longest of the reconciles that run now has been running.',
    ['name'],
    () => [[{ name }, Math.max(0, ...running()) / 1000]],
  );
  // There from the start: a rate needs a value before the first event.
  for (const each of [adds, retries]) each.inc({ name }, 0);
  for (const each of [waited, worked]) each.zero({ name });

  return {
    setMaster: (leads: boolean): void => master.set({ name: LEASE_NAME }, leads ? 1 : 0),
    standard: {
      /** Counts a request. `code`: the HTTP status, or 0 when there was no answer. */
      countRequest(host: string, verb: string, resource: string, code: number): void {
        const method = verb === 'watch' ? 'GET' : verb.toUpperCase();
        requests.inc({ code: code === 0 ? '<error>' : String(code), method, host, resource });
      },
      /** What the work queue tells. */
      queue: {
        onDepth: (keys: number): void => void (depth = keys),
        onAdd: (): void => adds.inc({ name }),
        onRetry: (): void => retries.inc({ name }),
        onWait: (ms: number): void => waited.observe({ name }, ms / 1000),
        onDone: (ms: number): void => worked.observe({ name }, ms / 1000),
      },
      /** `ms`: for how long each reconcile that runs now has been running. */
      observeRunning(ms: () => readonly number[]): void {
        running = ms;
      },
    },
  };
}
