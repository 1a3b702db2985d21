/** Metrics in which every family has values, those of labels from outside as hostile as they get. */
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { DROP_REASONS } from '../../src/kube/events.ts';
import { UNKNOWN_REASONS } from '../../src/plan/proxy.ts';
import { COPY_STATES, CREDENTIAL_STATES, REFERENCE_STATES, STUCK_STATES } from '../../src/server/leader-metrics.ts';
import { createMetrics } from '../../src/server/metrics.ts';
import type { Metrics } from '../../src/server/metrics.ts';

/** Quotes, backslashes, line ends of all kinds, and what looks like a sample, a comment and the end of an exposition. */
export const HOSTILE = [
  'a"b\\c\nd,e="f"} 1',
  '\n# EOF\n',
  '\\',
  '\\n',
  'x Nan\r\n# HELP y z\u2028# TYPE y counter',
  'é\u{1f600}',
  '{le="5"}',
  ',le=',
] as const;

export function fullMetrics(labels: readonly string[] = HOSTILE): Metrics {
  const metrics = createMetrics({ version: '1.2.3', now: () => 1_700_000_000_000 });
  for (const name of labels) {
    for (const state of COPY_STATES) metrics.copies.set({ source: name, state }, 3);
    for (const state of REFERENCE_STATES) metrics.references.set({ source: name, state }, 1);
    for (const state of STUCK_STATES) metrics.stuckPods.set({ source: name, state }, 2);
    for (const result of ['evicted', 'failed']) metrics.podEvictions.inc({ source: name, result });
    metrics.rotationPending.set({ source: name }, 0);
    metrics.rotationDuration.observe({ source: name }, 3.25);
    metrics.proxyApplied.set({ proxy: name, source: name }, 1);
    for (const state of ['verified', 'refused', 'unknown'])
      metrics.proxyVerified.set({ proxy: name, source: name, state }, 0);
    for (const reason of UNKNOWN_REASONS)
      metrics.proxyUnknown.set({ proxy: name, source: name, reason: reason.replaceAll(' ', '-') }, 0);
    metrics.proxyDone.set({ proxy: name, source: name }, 1);
    metrics.watchRestarts.inc({ resource: name });
    metrics.observeWatch(name, () => 1_699_999_999_000);
  }
  metrics.setSources(
    labels.map((source) => ({ source, valid: true, expiryValid: true, changedAt: 1_699_990_000_123 })),
  );
  metrics.setCredentials(
    labels.map((key, i) => ({ source: 'upstream', key, state: CREDENTIAL_STATES[i % 3] ?? 'unknown' })),
  );
  metrics.setExpiries(
    labels.map((key) => ({ source: 'upstream', key, expiresAt: 1_800_000_000_000, lifetimeMs: 43_200_000 })),
  );
  metrics.recordAudit({
    rules: [
      { id: 'PP001', severity: 'error' },
      { id: 'PP020', severity: 'warning' },
      { id: 'PP025', severity: 'info' },
    ],
    findings: [{ rule: 'PP001', severity: 'error' }],
    gaps: 2,
    seconds: 0.75,
  });
  for (const kind of ['namespace', 'proxy'])
    for (const result of ['in-sync', 'changed', 'waiting', 'failed'])
      metrics.reconcileDuration.observe({ kind, result }, 0.02);
  for (const resource of labels) metrics.countRequest('10.0.0.1:443', 'get', resource, 200);
  metrics.auditFailures.inc();
  for (const reason of DROP_REASONS) metrics.eventsDropped.inc({ reason });
  metrics.logLinesDropped.inc();
  metrics.queue.onDepth(Number.NaN);
  metrics.queue.onWait(1_000_000);
  metrics.queue.onDone(250);
  metrics.configReloadSuccessful.set(1);
  metrics.configReloadTimestamp.set(1.7e9);
  metrics.missingRights.set(Infinity);
  metrics.removalsHeld.set(57);
  for (const kind of ['ServiceAccount', 'Secret', 'CacheProxy']) metrics.contestedObjects.set({ kind }, 3);
  metrics.paused.set(1);
  return metrics;
}

/** Has the process collect garbage, which a histogram of Node tells of: without it that family has no value. */
export async function collectGarbage(metrics: Metrics): Promise<void> {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  while (!(await metrics.exposition()).body.includes('nodejs_gc_duration_seconds_count{')) {
    gc();
    await setTimeout(10);
  }
}
