/**
 * Every metric that Pullpass exposes. Names, labels and label values are part of the interface: dashboards and alerts
 * use them; docs/metrics.md describes each. The number of series is bounded, because tenants decide no label:
 *
 * - `source`, `proxy`: names of the configuration;
 * - `registry`: keys of the source Secrets, decided by their writers; redacted, printable and cut;
 * - `rule`, `severity`, `state`, `kind`, `result`, `method`, `version`, `name`: from code;
 * - `resource`: from code, and custom resources of cache proxies of the configuration;
 * - `code`: HTTP statuses of the API server; `host`: its address.
 */
import { wall } from '../clock.ts';
import { Registry } from 'prom-client';
import { createAuditMetrics } from './audit-metrics.ts';
import { createDropMetrics } from './drop-metrics.ts';
import { addProcessMetrics, expose, familiesIn } from './families.ts';
import { createLeaderMetrics } from './leader-metrics.ts';
import type { Page } from './listener.ts';
import { createStandardMetrics } from './standard-metrics.ts';

interface MetricsOptions {
  version: string;
  /** Milliseconds since 1970. */
  now?: () => number;
  /** Whether metrics of the process itself (CPU, memory, event loop) are exposed too; true unless given. */
  processMetrics?: boolean;
}

export type Metrics = ReturnType<typeof createMetrics>;

/** All metrics, in prom-client registries of their own; two calls share nothing. */
export function createMetrics({ version, now = wall, processMetrics = true }: MetricsOptions) {
  const registry = new Registry();
  /** What is exposed only while this replica leads. */
  const ofTheLeader = new Registry();
  const families = familiesIn(registry);
  const { gauge, gaugeOf, counter, histogram } = families;
  const { setMaster, standard } = createStandardMetrics(registry, ofTheLeader);
  const { forget, forgetSource, ...leader } = createLeaderMetrics(familiesIn(ofTheLeader));
  const audits = createAuditMetrics({ ...familiesIn(ofTheLeader), counter }, now);

  const rotationDuration = histogram(
    'rotation_duration_seconds',
    'From a change of the source until every copy has its content and every cache proxy is done.',
    [0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600],
    ['source'],
  );
  const silences = new Map<string, () => number>();
  gaugeOf(
    'watch_last_event_timestamp_seconds',
    'When the API server last sent anything on the watch of the resource, in seconds since 1970.',
    ['resource'],
    () => [...silences].map(([resource, silentForMs]) => [{ resource }, Math.round(now() - silentForMs()) / 1000]),
  );
  gauge('build_info', 'Always 1; the version is in the label.', ['version']).set({ version }, 1);
  if (processMetrics) addProcessMetrics(registry);

  return {
    ...standard,
    ...leader,
    ...audits,
    ...createDropMetrics(families),
    /** Counts stay when a term ends; they would go back to 0 otherwise. */
    rotationDuration,
    reconcileDuration: histogram(
      'reconcile_duration_seconds',
      'Time of one reconcile by kind of key and result.',
      [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      ['kind', 'result'],
    ),
    /** `source`, `result`: evicted, failed */
    podEvictions: counter('pod_evictions_total', 'Evictions of pods that were made too early, by source and result.', [
      'source',
      'result',
    ]),
    watchRestarts: counter('watch_restarts_total', 'Watches that ended and were started again.', ['resource']),
    writeConcurrency: gauge(
      'write_concurrency',
      'How many writes of copies and references may be under way at once: fewer while the API server answers late, or asks to wait.',
    ),
    paused: gauge('paused', '1 while the configuration says paused: true, and nothing is written.'),
    configReloadSuccessful: gauge(
      'config_last_reload_successful',
      '1 if the last read of the configuration was accepted, 0 if it was refused and an earlier one stays in force.',
    ),
    configReloadTimestamp: gauge(
      'config_last_reload_success_timestamp_seconds',
      'When the configuration in force was read, in seconds since 1970.',
    ),
    missingRights: gauge(
      'missing_rights',
      'Rights that the configuration needs and the service account does not have.',
    ),

    /** What only the leader knows goes when its term ends: from then on the next leader exposes it. */
    stopLeading(): void {
      forget();
      audits.forgetAudit();
    },
    /** Exposes the time of the last event of a watch, computed when scraped. `silentForMs`: in milliseconds. */
    observeWatch(resource: string, silentForMs: () => number): void {
      silences.set(resource, silentForMs);
    },
    /** Removes all series of a source that left the configuration: their last values would stay forever. */
    forgetSource(source: string): void {
      forgetSource(source);
      rotationDuration.remove({ source });
    },
    /** All metrics of a leader or of another replica. */
    exposition(leads = true): Promise<Page> {
      setMaster(leads);
      return expose(leads ? [registry, ofTheLeader] : [registry]);
    },
  };
}
