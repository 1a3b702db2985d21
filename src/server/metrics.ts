/**
 * Every metric that Pullpass exposes. Names, labels and label values are part of the interface: dashboards and alerts
 * use them; docs/metrics.md describes each. The number of series is bounded, because tenants decide no label:
 *
 * - `source`, `proxy`: names of the configuration;
 * - `registry`: keys of the source Secrets, decided by their writers; redacted, printable and cut;
 * - `rule`, `severity`, `state`, `kind`, `result`, `verb`, `version`: from code;
 * - `resource`: from code, and custom resources of cache proxies of the configuration;
 * - `code`: HTTP statuses of the API server.
 */
import { wall } from '../clock.ts';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { redactKey } from '../credentials/registry-name.ts';
import { printable } from '../text.ts';
import { createAuditMetrics } from './audit-metrics.ts';
import { createDropMetrics } from './drop-metrics.ts';
import { familiesIn } from './families.ts';
import type { Page } from './listener.ts';

/** Standings of a copy, in the words of the audit. */
export const COPY_STATES = ['in-sync', 'stale', 'missing', 'foreign', 'blocked', 'waiting'] as const;
/** Standings of a chosen ServiceAccount's reference to its copy. */
export const REFERENCE_STATES = ['present', 'missing'] as const;
/** What a registry says of a credential. */
export const CREDENTIAL_STATES = ['accepted', 'refused', 'unknown'] as const;
/** Longest label that comes from a source Secret, in characters. */
const LONGEST_LABEL = 200;

interface MetricsOptions {
  version: string;
  /** Milliseconds since 1970. */
  now?: () => number;
  /** Whether metrics of the process itself (CPU, memory, event loop) are exposed too; true unless given. */
  processMetrics?: boolean;
}

export type Metrics = ReturnType<typeof createMetrics>;

/** All metrics, in a prom-client registry of their own; two calls share nothing. */
export function createMetrics({ version, now = wall, processMetrics = true }: MetricsOptions) {
  const registry = new Registry();
  const families = familiesIn(registry);
  const { gauge, counter, histogram } = families;

  const copies = gauge('copies', `Copies by source and state (${COPY_STATES.join(', ')}).`, ['source', 'state']);
  const references = gauge(
    'references',
    `References of chosen ServiceAccounts to copies, by source and state (${REFERENCE_STATES.join(', ')}).`,
    ['source', 'state'],
  );
  const sourceValid = gauge(
    'source_valid',
    '1 if the source Secret holds usable credentials, 0 if its last good content stays in force.',
    ['source'],
  );
  const sourceChanged = gauge(
    'source_changed_timestamp_seconds',
    'When this replica took over the content of the source, in seconds since 1970.',
    ['source'],
  );
  const rotationPending = gauge(
    'rotation_pending',
    'How many namespaces do not carry the current content of the source yet, and cache proxies are not done with it.',
    ['source'],
  );
  const rotationDuration = histogram(
    'rotation_duration_seconds',
    'From a change of the source until every copy has its content and every cache proxy is done.',
    [0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600],
    ['source'],
  );
  const ofOneSource = { sourceValid, sourceChanged, rotationPending };

  const proxyApplied = gauge('proxy_applied', '1 if the cache proxy was given the login that its source has now.', [
    'proxy',
    'source',
  ]);
  const proxyVerified = gauge(
    'proxy_verified',
    'Whether the cache proxy pulls with its login: 1 for the state that holds (verified, refused, unknown).',
    ['proxy', 'source', 'state'],
  );
  const proxyUnknown = gauge(
    'proxy_unknown',
    'Why it is not known whether the cache proxy pulls with its login: 1 for the reason that holds.',
    ['proxy', 'source', 'reason'],
  );
  const proxyDone = gauge(
    'proxy_done',
    '1 if the cache proxy needs the login before no longer: it has settled and, with a probe, it is proven.',
    ['proxy', 'source'],
  );
  const credentialVerified = gauge(
    'credential_verified',
    `What the registry says of the credential: 1 for the state that holds (${CREDENTIAL_STATES.join(', ')}).`,
    ['source', 'registry', 'state'],
  );
  const credentialExpiry = gauge(
    'credential_expiry_timestamp_seconds',
    'When the login ends, in seconds since 1970, where it says so itself (a JSON Web Token, a password of ECR).',
    ['source', 'registry'],
  );
  const credentialLifetime = gauge(
    'credential_lifetime_seconds',
    'How long the login is good for, from its issue to its end, where it says so itself.',
    ['source', 'registry'],
  );
  const registryLabel = (key: string): string => printable(redactKey(key)).slice(0, LONGEST_LABEL);

  const removalsHeld = gauge(
    'removals_held',
    'Namespaces that keep a copy or a reference because the configuration would remove too many at once.',
  );

  const audits = createAuditMetrics(families, now);

  const silences = new Map<string, () => number>();
  new Gauge({
    name: 'pullpass_watch_last_event_age_seconds',
    help: 'Time since the API server last sent anything on the watch of the resource.',
    labelNames: ['resource'],
    registers: [registry],
    collect() {
      for (const [resource, silentForMs] of silences) this.set({ resource }, silentForMs() / 1000);
    },
  });
  gauge('build_info', 'Always 1; the version is in the label.', ['version']).set({ version }, 1);
  if (processMetrics) {
    collectDefaultMetrics({ register: registry });
    // Gauges named like counters (`_total`), which metric linters reject; the gauges by type stay.
    for (const part of ['handles', 'requests', 'resources']) registry.removeSingleMetric(`nodejs_active_${part}_total`);
  }

  return {
    /** `source`, `state`: {@link COPY_STATES} */
    copies,
    /** `source`, `state`: {@link REFERENCE_STATES} */
    references,
    /** `proxy`, `source` */
    proxyApplied,
    /** `proxy`, `source`, `state`: verified, refused, unknown */
    proxyVerified,
    /** `proxy`, `source`, `reason`: UNKNOWN_REASONS */
    proxyUnknown,
    /** `proxy`, `source` */
    proxyDone,
    sourceValid,
    sourceChanged,
    rotationPending,
    rotationDuration,
    reconcileDuration: histogram(
      'reconcile_duration_seconds',
      'Time of one reconcile by kind of key and result.',
      [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      ['kind', 'result'],
    ),
    /** `code`: the HTTP status, `0` when there was no answer. */
    apiRequests: counter('api_requests_total', 'Requests to the API server; code 0 means no answer.', [
      'verb',
      'resource',
      'code',
    ]),
    ...createDropMetrics(families),
    watchRestarts: counter('watch_restarts_total', 'Watches that ended and were started again.', ['resource']),
    queueDepth: gauge('queue_depth', 'Keys that are due and wait to be reconciled.'),
    queueWait: histogram(
      'queue_wait_seconds',
      'How long a key was due before its reconcile began.',
      [0.001, 0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 300],
    ),
    removalsHeld,
    /** `kind`: ServiceAccount, Secret (a copy), CacheProxy (an object of it) */
    contestedObjects: gauge('contested_objects', 'Objects on which another writer undoes each write, by kind.', [
      'kind',
    ]),
    paused: gauge('paused', '1 while the configuration says paused: true, and nothing is written.'),
    leader: gauge('leader', '1 if this replica is the one that writes.'),
    configReloadSuccess: gauge(
      'config_reload_success',
      '1 if the last read of the configuration was accepted, 0 if it was refused and an earlier one stays in force.',
    ),
    configReloadTimestamp: gauge(
      'config_reload_timestamp_seconds',
      'When the configuration in force was read, in seconds since 1970.',
    ),
    missingRights: gauge(
      'missing_rights',
      'Rights that the configuration needs and the service account does not have.',
    ),
    ...audits,

    /** Replaces all known verdicts: a key that a source no longer has leaves no series behind. */
    setCredentials(
      credentials: Iterable<{
        readonly source: string;
        readonly key: string;
        readonly state: (typeof CREDENTIAL_STATES)[number];
      }>,
    ): void {
      credentialVerified.reset();
      for (const { source, key, state: now } of credentials) {
        for (const state of CREDENTIAL_STATES)
          credentialVerified.set({ source, registry: registryLabel(key), state }, now === state ? 1 : 0);
      }
    },
    /** Replaces all known expiry times. `expiresAt`: milliseconds since 1970; `lifetimeMs`: from the issue of the login to its end. */
    setExpiries(
      logins: Iterable<{
        readonly source: string;
        readonly key: string;
        readonly expiresAt: number;
        readonly lifetimeMs?: number | undefined;
      }>,
    ): void {
      credentialExpiry.reset();
      credentialLifetime.reset();
      // If keys become the same label, the one that expires first counts: it is set last.
      for (const { source, key, expiresAt, lifetimeMs } of [...logins].sort((a, b) => b.expiresAt - a.expiresAt)) {
        const labels = { source, registry: registryLabel(key) };
        credentialExpiry.set(labels, expiresAt / 1000);
        if (lifetimeMs === undefined) credentialLifetime.remove(labels);
        else credentialLifetime.set(labels, lifetimeMs / 1000);
      }
    },
    /** Removes what only the leader knows, when its term ends: from then on the next leader exposes it. */
    stopLeading(): void {
      const byProxy = [proxyApplied, proxyVerified, proxyUnknown, proxyDone];
      for (const metric of [...byProxy, credentialVerified, credentialExpiry, credentialLifetime]) metric.reset();
      removalsHeld.set(0);
      audits.forgetAudit();
    },
    /** Exposes the age of the last event of a watch, computed when scraped. `silentForMs`: in milliseconds. */
    observeWatch(resource: string, silentForMs: () => number): void {
      silences.set(resource, silentForMs);
    },
    /** Removes all series of a source that left the configuration: their last values would stay forever. */
    forgetSource(source: string): void {
      for (const state of COPY_STATES) copies.remove({ source, state });
      for (const state of REFERENCE_STATES) references.remove({ source, state });
      for (const metric of Object.values(ofOneSource)) metric.remove({ source });
      rotationDuration.remove({ source });
    },
    /** All metrics, in the text format of Prometheus, version 0.0.4. */
    async exposition(): Promise<Page> {
      // prom-client writes `Nan`; the format has `NaN`, and not every reader accepts other spellings.
      const body = (await registry.metrics()).replaceAll(/ Nan(?=\n)/g, ' NaN');
      return { contentType: Registry.PROMETHEUS_CONTENT_TYPE, body };
    },
  };
}
