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
    metrics.setSources([{ source: 'upstream', valid: true, expiryValid: true, changedAt: 0 }]);
    metrics.rotationPending.set({ source: 'upstream' }, 0);
    metrics.stuckPods.set({ source: 'upstream', state: 'left' }, 1);
    metrics.podEvictions.inc({ source: 'upstream', result: 'evicted' });
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
    metrics.countRequest('api:6443', 'get', 'secrets', 200);
    metrics.eventsDropped.inc({ reason: 'all' });
    metrics.watchRestarts.inc({ resource: 'secrets' });
    metrics.observeWatch('secrets', () => 0);
    const { families } = await exposed(metrics);
    const shape = [...families].map(
      ([name, { type, samples }]) =>
        `${name}{${Object.keys(samples.find((sample) => !sample.name.endsWith('_bucket'))?.labels ?? {}).join()}} ${type}`,
    );
    expect(shape.sort()).toEqual([
      'leader_election_master_status{name} gauge',
      'pullpass_audit_failures_total{} counter',
      'pullpass_audit_gaps{} gauge',
      'pullpass_audit_last_run_successful{} gauge',
      'pullpass_audit_last_success_duration_seconds{} gauge',
      'pullpass_audit_last_success_timestamp_seconds{} gauge',
      'pullpass_build_info{version} gauge',
      'pullpass_config_last_reload_success_timestamp_seconds{} gauge',
      'pullpass_config_last_reload_successful{} gauge',
      'pullpass_contested_objects{kind} gauge',
      'pullpass_copies{source,state} gauge',
      'pullpass_credential_expiry_timestamp_seconds{source,registry} gauge',
      'pullpass_credential_lifetime_seconds{source,registry} gauge',
      'pullpass_credential_verified{source,registry,state} gauge',
      'pullpass_events_dropped_total{reason} counter',
      'pullpass_findings{rule,severity} gauge',
      'pullpass_log_lines_dropped_total{} counter',
      'pullpass_missing_rights{} gauge',
      'pullpass_paused{} gauge',
      'pullpass_pod_evictions_total{source,result} counter',
      'pullpass_proxy_applied{proxy,source} gauge',
      'pullpass_proxy_done{proxy,source} gauge',
      'pullpass_proxy_unknown{proxy,source,reason} gauge',
      'pullpass_proxy_verified{proxy,source,state} gauge',
      'pullpass_reconcile_duration_seconds{kind,result} histogram',
      'pullpass_references{source,state} gauge',
      'pullpass_removals_held{} gauge',
      'pullpass_rotation_duration_seconds{source} histogram',
      'pullpass_rotation_pending{source} gauge',
      'pullpass_source_changed_timestamp_seconds{source} gauge',
      'pullpass_source_expiry_valid{source} gauge',
      'pullpass_source_valid{source} gauge',
      'pullpass_stuck_pods{source,state} gauge',
      'pullpass_watch_last_event_timestamp_seconds{resource} gauge',
      'pullpass_watch_restarts_total{resource} counter',
      'pullpass_write_concurrency{} gauge',
      'rest_client_requests_total{code,method,host,resource} counter',
      'workqueue_adds_total{name} counter',
      'workqueue_depth{name} gauge',
      'workqueue_longest_running_processor_seconds{name} gauge',
      'workqueue_queue_duration_seconds{name} histogram',
      'workqueue_retries_total{name} counter',
      'workqueue_unfinished_work_seconds{name} gauge',
      'workqueue_work_duration_seconds{name} histogram',
    ]);
    for (const { help } of families.values()) expect(help).toMatch(/^[A-Z01].{10,}\.$/);
  });

  test('parses with metrics of the process too, and two registries do not share anything', async () => {
    const [one, other] = [createMetrics({ version: '1' }), createMetrics({ version: '2' })];
    one.paused.set(1);
    const [first, second] = [await exposed(one), await exposed(other)];
    expect([first.value('pullpass_paused'), second.value('pullpass_paused')]).toEqual([1, 0]);
    expect(first.value('pullpass_build_info', { version: '1' })).toBe(1);
    expect(second.value('process_start_time_seconds')).toBeGreaterThan(0);
    expect(first.families.has('nodejs_eventloop_lag_seconds')).toBe(true);
    expect((await one.exposition()).contentType).toContain('text/plain; version=0.0.4');
  });

  test('a label with quotes, backslashes and line ends survives', async () => {
    const metrics = createMetrics(quiet);
    const source = 'a"b\\c\nd,e}';
    metrics.rotationPending.set({ source }, 1);
    expect((await exposed(metrics)).value('pullpass_rotation_pending', { source })).toBe(1);
  });
});

describe('values', () => {
  test('the buckets of a histogram are cumulative and end in +Inf', async () => {
    const metrics = createMetrics(quiet);
    for (const seconds of [0.0005, 0.3, 1_000]) metrics.queue.onWait(seconds * 1000);
    const { families, value } = await exposed(metrics);
    const buckets =
      families.get('workqueue_queue_duration_seconds')?.samples.filter(({ name }) => name.endsWith('_bucket')) ?? [];
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
    const name = { name: 'pullpass' };
    const of = (part: string) => value(`workqueue_queue_duration_seconds_${part}`, name);
    expect([of('count'), of('sum')]).toEqual([3, 1000.3005]);
  });

  test('the time of the last watch event is computed when it is scraped', async () => {
    let silentForMs = 6_000;
    const metrics = createMetrics({ ...quiet, now: () => 1_000_000 });
    metrics.observeWatch('secrets', () => silentForMs);
    const at = async () =>
      (await exposed(metrics)).value('pullpass_watch_last_event_timestamp_seconds', { resource: 'secrets' });
    expect(await at()).toBe(994);
    silentForMs = 16_500.0004;
    expect(await at()).toBe(983.5);
  });

  test('requests have the labels of client-go: no verb of Kubernetes, and a code for no answer', async () => {
    const metrics = createMetrics(quiet);
    metrics.countRequest('api:6443', 'watch', 'secrets', 200);
    metrics.countRequest('api:6443', 'get', 'secrets', 200);
    metrics.countRequest('api:6443', 'patch', 'secrets', 0);
    const { families } = await exposed(metrics);
    const of = { host: 'api:6443', resource: 'secrets' };
    expect(families.get('rest_client_requests_total')?.samples.map(({ labels, value }) => [labels, value])).toEqual([
      [{ code: '200', method: 'GET', ...of }, 2],
      [{ code: '<error>', method: 'PATCH', ...of }, 1],
    ]);
  });

  test('what runs in the work queue is summed up when it is scraped; nothing runs: 0', async () => {
    const metrics = createMetrics(quiet);
    const now = async () => {
      const { value } = await exposed(metrics);
      const of = (part: string) => value(`workqueue_${part}_seconds`, { name: 'pullpass' });
      return [of('unfinished_work'), of('longest_running_processor')];
    };
    expect(await now()).toEqual([0, 0]);
    metrics.observeRunning(() => [1_500, 4_000, 500]);
    expect(await now()).toEqual([6, 4]);
  });

  test('counts of the work queue are there before the first key', async () => {
    const { value } = await exposed(createMetrics(quiet));
    expect(
      ['adds_total', 'retries_total', 'queue_duration_seconds_count', 'work_duration_seconds_count', 'depth'].map(
        (part) => value(`workqueue_${part}`, { name: 'pullpass' }),
      ),
    ).toEqual([0, 0, 0, 0, 0]);
  });

  test('a source that left the configuration leaves the metrics, the others stay', async () => {
    const metrics = createMetrics(quiet);
    for (const source of ['old', 'new']) {
      metrics.copies.set({ source, state: 'in-sync' }, 1);
      metrics.copies.set({ source, state: 'stale' }, 1);
      metrics.references.set({ source, state: 'missing' }, 1);
      metrics.rotationPending.set({ source }, 1);
      metrics.rotationDuration.observe({ source }, 1);
    }
    metrics.setSources(['old', 'new'].map((source) => ({ source, valid: true, expiryValid: true, changedAt: 0 })));
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
