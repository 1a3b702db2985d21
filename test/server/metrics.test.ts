/** The exposition as a scraper reads it. What is only there when an audit or a leader has been: metrics-leader.test.ts. */
import { describe, expect, test } from 'vitest';
import { createMetrics } from '../../src/server/metrics.ts';
import { exposed, parseExposition } from '../monitoring/exposition.ts';

const quiet = { version: '1.2.3', processMetrics: false };

describe('the exposition', () => {
  test('has exactly the documented metrics, each with a type, labels and a help text', async () => {
    const metrics = createMetrics(quiet);
    metrics.copies.set({ source: 'upstream', state: 'in-sync' }, 3);
    metrics.references.set({ source: 'upstream', state: 'missing' }, 1);
    metrics.sourceValid.set({ source: 'upstream' }, 1);
    metrics.sourceChanged.set({ source: 'upstream' }, 1_700_000_000);
    metrics.rotationPending.set({ source: 'upstream' }, 0);
    metrics.rotationDuration.observe({ source: 'upstream' }, 3);
    metrics.contestedObjects.set({ kind: 'ServiceAccount' }, 0);
    metrics.proxyApplied.set({ proxy: 'cache', source: 'upstream' }, 1);
    metrics.proxyVerified.set({ proxy: 'cache', source: 'upstream', state: 'verified' }, 1);
    metrics.proxyUnknown.set({ proxy: 'cache', source: 'upstream', reason: 'settling' }, 0);
    metrics.proxyDone.set({ proxy: 'cache', source: 'upstream' }, 1);
    metrics.setCredentials([{ source: 'upstream', key: 'docker.io', state: 'accepted' }]);
    metrics.setExpiries([{ source: 'upstream', key: 'docker.io', expiresAt: 0, lifetimeMs: 60_000 }]);
    metrics.recordAudit({ rules: [{ id: 'PP001', severity: 'error' }], findings: [], gaps: 0, seconds: 1 });
    metrics.reconcileDuration.observe({ kind: 'namespace', result: 'changed' }, 0.02);
    metrics.apiRequests.inc({ verb: 'get', resource: 'secrets', code: 200 });
    metrics.eventsDropped.inc({ reason: 'all' });
    metrics.watchRestarts.inc({ resource: 'secrets' });
    metrics.observeWatch('secrets', () => 0);
    const { families } = await exposed(metrics);
    const shape = [...families].map(
      ([name, { type, samples }]) =>
        `${name}{${Object.keys(samples.find((sample) => !sample.name.endsWith('_bucket'))?.labels ?? {}).join()}} ${type}`,
    );
    expect(shape.sort()).toEqual([
      'pullpass_api_requests_total{verb,resource,code} counter',
      'pullpass_audit_duration_seconds{} gauge',
      'pullpass_audit_failures_total{} counter',
      'pullpass_audit_gaps{} gauge',
      'pullpass_audit_success{} gauge',
      'pullpass_audit_timestamp_seconds{} gauge',
      'pullpass_build_info{version} gauge',
      'pullpass_config_reload_success{} gauge',
      'pullpass_config_reload_timestamp_seconds{} gauge',
      'pullpass_contested_objects{kind} gauge',
      'pullpass_copies{source,state} gauge',
      'pullpass_credential_expiry_timestamp_seconds{source,registry} gauge',
      'pullpass_credential_lifetime_seconds{source,registry} gauge',
      'pullpass_credential_verified{source,registry,state} gauge',
      'pullpass_events_dropped_total{reason} counter',
      'pullpass_findings{rule,severity} gauge',
      'pullpass_leader{} gauge',
      'pullpass_log_lines_dropped_total{} counter',
      'pullpass_missing_rights{} gauge',
      'pullpass_paused{} gauge',
      'pullpass_proxy_applied{proxy,source} gauge',
      'pullpass_proxy_done{proxy,source} gauge',
      'pullpass_proxy_unknown{proxy,source,reason} gauge',
      'pullpass_proxy_verified{proxy,source,state} gauge',
      'pullpass_queue_depth{} gauge',
      'pullpass_queue_wait_seconds{} histogram',
      'pullpass_reconcile_duration_seconds{kind,result} histogram',
      'pullpass_references{source,state} gauge',
      'pullpass_removals_held{} gauge',
      'pullpass_rotation_duration_seconds{source} histogram',
      'pullpass_rotation_pending{source} gauge',
      'pullpass_source_changed_timestamp_seconds{source} gauge',
      'pullpass_source_valid{source} gauge',
      'pullpass_watch_last_event_age_seconds{resource} gauge',
      'pullpass_watch_restarts_total{resource} counter',
    ]);
    for (const { help } of families.values()) expect(help).toMatch(/^[A-Z01].{10,}\.$/);
  });

  test('parses with metrics of the process too, and two registries do not share anything', async () => {
    const [one, other] = [createMetrics({ version: '1' }), createMetrics({ version: '2' })];
    one.leader.set(1);
    const [first, second] = [await exposed(one), await exposed(other)];
    expect([first.value('pullpass_leader'), second.value('pullpass_leader')]).toEqual([1, 0]);
    expect(first.value('pullpass_build_info', { version: '1' })).toBe(1);
    expect(second.value('process_start_time_seconds')).toBeGreaterThan(0);
    expect(first.families.has('nodejs_eventloop_lag_seconds')).toBe(true);
    expect((await one.exposition()).contentType).toContain('text/plain; version=0.0.4');
  });

  test('a label with quotes, backslashes and line ends survives', async () => {
    const metrics = createMetrics(quiet);
    const source = 'a"b\\c\nd,e}';
    metrics.sourceValid.set({ source }, 1);
    expect((await exposed(metrics)).value('pullpass_source_valid', { source })).toBe(1);
  });
});

describe('values', () => {
  test('the buckets of a histogram are cumulative and end in +Inf', async () => {
    const metrics = createMetrics(quiet);
    for (const seconds of [0.0005, 0.3, 1_000]) metrics.queueWait.observe(seconds);
    const { families, value } = await exposed(metrics);
    const buckets =
      families.get('pullpass_queue_wait_seconds')?.samples.filter(({ name }) => name.endsWith('_bucket')) ?? [];
    expect(buckets.map(({ labels, value }) => [labels['le'], value])).toEqual([
      ['0.001', 1],
      ['0.01', 1],
      ['0.1', 1],
      ['0.5', 2],
      ['1', 2],
      ['5', 2],
      ['10', 2],
      ['30', 2],
      ['60', 2],
      ['300', 2],
      ['+Inf', 3],
    ]);
    expect([value('pullpass_queue_wait_seconds_count'), value('pullpass_queue_wait_seconds_sum')]).toEqual([
      3, 1000.3005,
    ]);
  });

  test('the age of the last watch event is computed when it is scraped', async () => {
    let silentForMs = 6_000;
    const metrics = createMetrics(quiet);
    metrics.observeWatch('secrets', () => silentForMs);
    const age = async () =>
      (await exposed(metrics)).value('pullpass_watch_last_event_age_seconds', { resource: 'secrets' });
    expect(await age()).toBe(6);
    silentForMs = 16_500;
    expect(await age()).toBe(16.5);
  });

  test('a source that left the configuration leaves the metrics, the others stay', async () => {
    const metrics = createMetrics(quiet);
    for (const source of ['old', 'new']) {
      metrics.copies.set({ source, state: 'in-sync' }, 1);
      metrics.copies.set({ source, state: 'stale' }, 1);
      metrics.references.set({ source, state: 'missing' }, 1);
      metrics.sourceValid.set({ source }, 1);
      metrics.sourceChanged.set({ source }, 1);
      metrics.rotationPending.set({ source }, 1);
      metrics.rotationDuration.observe({ source }, 1);
    }
    metrics.forgetSource('old');
    const { families } = await exposed(metrics);
    const sources = [...families.values()].flatMap(({ samples }) =>
      samples.map(({ labels }) => labels['source']).filter((source) => source !== undefined),
    );
    expect(new Set(sources)).toEqual(new Set(['new']));
  });
});

test('the parser of these tests refuses what a scraper refuses', () => {
  const family = '# HELP a Help.\n# TYPE a gauge\n';
  expect(() => parseExposition(`${family}a 1`)).toThrow('no end');
  expect(() => parseExposition(`${family}b 1\n`)).toThrow('not of a');
  expect(() => parseExposition(`${family}a{x="1" 1\n`)).toThrow();
  expect(() => parseExposition(`${family}a{x="1"y="2"} 1\n`)).toThrow('not labels');
  expect(() => parseExposition(`${family}a 1\na 1\n`)).toThrow('twice');
  expect(() => parseExposition(`${family}a one\n`)).toThrow('not a sample');
  expect(() => parseExposition('a 1\n')).toThrow('not a sample');
});
