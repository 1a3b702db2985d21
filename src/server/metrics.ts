/**
 * Every metric that Pullpass exposes. Names, labels and label values are part of the interface: dashboards and alerts
 * stand on them. The labels `source`, `resource` and `kind` come from the configuration or from code, never from tenants.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** How a copy stands: the words of the audit. */
export const COPY_STATES = ['in-sync', 'stale', 'missing', 'foreign'] as const;
export type CopyState = (typeof COPY_STATES)[number];
/** How the reference of a chosen ServiceAccount to its copy stands. */
export const REFERENCE_STATES = ['present', 'missing'] as const;
export type ReferenceState = (typeof REFERENCE_STATES)[number];

export interface MetricsOptions {
  version: string;
  /** Milliseconds since 1970. */
  now?: () => number;
  /** Whether metrics of the process itself (CPU, memory, event loop) are exposed too; true unless given. */
  processMetrics?: boolean;
}

export type Metrics = ReturnType<typeof createMetrics>;

/** A registry of its own with all metrics in it; nothing is shared between two calls. */
export function createMetrics({ version, now = Date.now, processMetrics = true }: MetricsOptions) {
  const registry = new Registry();
  const gauge = <L extends string = never>(name: string, help: string, labelNames: readonly L[] = []) => new Gauge<L>({ name: `pullpass_${name}`, help, labelNames: [...labelNames], registers: [registry] });
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) => new Counter<L>({ name: `pullpass_${name}`, help, labelNames: [...labelNames], registers: [registry] });
  const histogram = <L extends string = never>(name: string, help: string, buckets: number[], labelNames: readonly L[] = []) =>
    new Histogram<L>({ name: `pullpass_${name}`, help, buckets, labelNames: [...labelNames], registers: [registry] });

  const copies = gauge('copies', `Copies by source and state (${COPY_STATES.join(', ')}).`, ['source', 'state']);
  const references = gauge('references', `References of chosen ServiceAccounts to copies, by source and state (${REFERENCE_STATES.join(', ')}).`, ['source', 'state']);
  const sourceValid = gauge('source_valid', '1 if the source Secret holds usable credentials, 0 if its last good content stays in force.', ['source']);
  const sourceChanged = gauge('source_changed_timestamp_seconds', 'When the content of the source last changed, in seconds since 1970.', ['source']);
  const rotationPending = gauge('rotation_pending', 'How many namespaces and cache proxies do not carry the current content of the source yet.', ['source']);
  const rotationDuration = histogram('rotation_duration_seconds', 'From a change of the source to its content in every copy and cache proxy.', [0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600], ['source']);
  const ofOneSource = { sourceValid, sourceChanged, rotationPending };

  const lastEvents = new Map<string, () => number>();
  new Gauge({
    name: 'pullpass_watch_last_event_age_seconds',
    help: 'Time since the API server last sent anything on the watch of the resource.',
    labelNames: ['resource'],
    registers: [registry],
    collect() {
      for (const [resource, lastEventAt] of lastEvents) this.set({ resource }, Math.max(0, now() - lastEventAt()) / 1000);
    },
  });
  gauge('build_info', 'Always 1; the version is in the label.', ['version']).set({ version }, 1);
  if (processMetrics) collectDefaultMetrics({ register: registry });

  const proxyApplied = gauge('proxy_applied', '1 if the cache proxy was given the login that its source has now.', ['proxy', 'source']);
  const proxyVerified = gauge('proxy_verified', 'What the last private pull through the cache proxy showed: 1 for the state that holds (verified, refused, unknown).', ['proxy', 'source', 'state']);
  const credentialVerified = gauge('credential_verified', 'What the registry says of the credential: 1 for the state that holds (accepted, refused, unknown).', ['source', 'registry', 'state']);

  return {
    /** `source`, `state`: {@link CopyState} */
    /** `proxy`, `source` */
    proxyApplied,
    /** `proxy`, `source`, `state`: verified, refused, unknown */
    proxyVerified,
    /** `source`, `registry`, `state`: accepted, refused, unknown */
    credentialVerified,
    copies,
    /** `source`, `state`: {@link ReferenceState} */
    references,
    sourceValid,
    sourceChanged,
    rotationPending,
    rotationDuration,
    reconcileDuration: histogram('reconcile_duration_seconds', 'Time of one reconcile by kind of key and result.', [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30], ['kind', 'result']),
    /** `code`: the HTTP status, `0` when there was no answer. */
    apiRequests: counter('api_requests_total', 'Requests to the API server; code 0 means no answer.', ['verb', 'resource', 'code']),
    watchRestarts: counter('watch_restarts_total', 'Watches that ended and were started again.', ['resource']),
    queueDepth: gauge('queue_depth', 'Keys that are due and wait to be reconciled.'),
    queueWait: histogram('queue_wait_seconds', 'How long a key was due before its reconcile began.', [0.001, 0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300]),
    leader: gauge('leader', '1 if this replica is the one that writes.'),
    configReloadSuccess: gauge('config_reload_success', '1 if the last read of the configuration was accepted, 0 if it was refused and an earlier one stays in force.'),
    configReloadTimestamp: gauge('config_reload_timestamp_seconds', 'When the configuration in force was read, in seconds since 1970.'),
    missingRights: gauge('missing_rights', 'Rights that the configuration needs and the service account does not have.'),

    /** Exposes the age of the last event of a watch, computed when scraped. `lastEventAt`: milliseconds since 1970. */
    observeWatch(resource: string, lastEventAt: () => number): void {
      lastEvents.set(resource, lastEventAt);
    },
    /** Removes every gauge of a source that the configuration does not have any more: its last value would stay forever. */
    forgetSource(source: string): void {
      for (const state of COPY_STATES) copies.remove({ source, state });
      for (const state of REFERENCE_STATES) references.remove({ source, state });
      for (const metric of Object.values(ofOneSource)) metric.remove({ source });
      rotationDuration.remove({ source });
    },
    /** The whole exposition, in the format of `contentType`. */
    async expose(): Promise<string> {
      // prom-client writes what the format knows as NaN in its own way; not every reader forgives that.
      return (await registry.metrics()).replace(/ Nan$/gm, ' NaN');
    },
    contentType: registry.contentType,
  };
}
