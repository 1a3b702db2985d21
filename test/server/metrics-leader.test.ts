/** What only the leader knows: logins, audits, cache proxies. It is replaced as a whole, and goes when the leader does. */
import { describe, expect, test } from 'vitest';
import { createMetrics } from '../../src/server/metrics.ts';
import type { Metrics } from '../../src/server/metrics.ts';
import { exposed, parseExposition } from '../monitoring/exposition.ts';
import { fullMetrics } from '../monitoring/full-metrics.ts';

const quiet = { version: '1.2.3', processMetrics: false };

describe('logins', () => {
  const samples = async (metrics: Metrics, name: string) =>
    (await exposed(metrics)).families.get(name)?.samples.map(({ labels, value }) => [...Object.values(labels), value]);

  test('of a key that its source has no more leave no verdict and no end behind', async () => {
    const metrics = createMetrics(quiet);
    metrics.setCredentials([
      { source: 'a', key: 'old.example', state: 'refused' },
      { source: 'a', key: 'docker.io', state: 'accepted' },
    ]);
    metrics.setExpiries([{ source: 'a', key: 'old.example', expiresAt: 1_500 }]);
    metrics.setCredentials([{ source: 'a', key: 'docker.io', state: 'unknown' }]);
    metrics.setExpiries([{ source: 'a', key: 'docker.io', expiresAt: 2_500 }]);
    expect(await samples(metrics, 'pullpass_credential_verified')).toEqual([
      ['a', 'docker.io', 'accepted', 0],
      ['a', 'docker.io', 'refused', 0],
      ['a', 'docker.io', 'unknown', 1],
    ]);
    expect(await samples(metrics, 'pullpass_credential_expiry_timestamp_seconds')).toEqual([['a', 'docker.io', 2.5]]);
  });

  test('are known by a key without its login, printable and not too long; of those alike the first end counts', async () => {
    const metrics = createMetrics(quiet);
    metrics.setExpiries([
      { source: 'a', key: 'user:secret@host\n', expiresAt: 1_000 },
      { source: 'a', key: 'other@host\n', expiresAt: 9_000 },
      { source: 'a', key: 'x'.repeat(5_000), expiresAt: 1_000 },
    ]);
    metrics.setCredentials([{ source: 'a', key: 'user:secret@host', state: 'refused' }]);
    expect(await samples(metrics, 'pullpass_credential_expiry_timestamp_seconds')).toEqual(
      expect.arrayContaining([
        ['a', '***@host\\u{a}', 1],
        ['a', 'x'.repeat(200), 1],
      ]),
    );
    expect((await metrics.exposition()).body).not.toContain('secret@');
  });
});

test('sources that are there no more leave nothing behind; one that never had a content has no time of one', async () => {
  const metrics = createMetrics(quiet);
  metrics.setSources([{ source: 'old', valid: false, changedAt: 1_000 }]);
  metrics.setSources([
    { source: 'held', valid: false, changedAt: 2_000 },
    { source: 'empty', valid: false, changedAt: undefined },
    { source: 'good', valid: true, changedAt: 3_500 },
  ]);
  const { families } = await exposed(metrics);
  const of = (name: string) => families.get(name)?.samples.map(({ labels, value }) => [labels['source'], value]);
  expect(of('pullpass_source_valid')).toEqual([
    ['held', 0],
    ['empty', 0],
    ['good', 1],
  ]);
  expect(of('pullpass_source_changed_timestamp_seconds')).toEqual([
    ['held', 2],
    ['good', 3.5],
  ]);
});

describe('an audit', () => {
  const rules = [
    { id: 'PP001', severity: 'error' },
    { id: 'PP020', severity: 'warning' },
  ];
  const ofAudits = async (metrics: Metrics) => {
    const { families, value } = await exposed(metrics);
    const found = families
      .get('pullpass_findings')
      ?.samples.map(({ labels, value }) => [labels['rule'], labels['severity'], value]);
    return {
      found,
      at: value('pullpass_audit_last_success_timestamp_seconds'),
      took: value('pullpass_audit_last_success_duration_seconds'),
      gaps: value('pullpass_audit_gaps'),
      ok: value('pullpass_audit_last_run_successful'),
      failures: value('pullpass_audit_failures_total'),
    };
  };
  const none = { found: [], at: undefined, took: undefined, gaps: undefined, ok: undefined };

  test('exposes nothing before the first one ended', async () => {
    expect(await ofAudits(createMetrics(quiet))).toEqual({ ...none, failures: 0 });
  });

  test('exposes every rule, at 0 where nothing was found, and nothing of the one before', async () => {
    const metrics = createMetrics({ ...quiet, now: () => 5_000 });
    metrics.recordAudit({
      rules: [...rules, { id: 'PP090', severity: 'warning' }],
      findings: [{ rule: 'PP020', severity: 'warning' }],
      gaps: 7,
      seconds: 9,
    });
    metrics.recordAudit({
      rules,
      findings: [
        { rule: 'PP001', severity: 'error' },
        { rule: 'PP001', severity: 'error' },
      ],
      gaps: 1,
      seconds: 0.5,
    });
    expect(await ofAudits(metrics)).toEqual({
      found: [
        ['PP001', 'error', 2],
        ['PP020', 'warning', 0],
      ],
      at: 5,
      took: 0.5,
      gaps: 1,
      ok: 1,
      failures: 0,
    });
  });

  test('that fails is counted and leaves what the last good one said; without audits it is forgotten', async () => {
    const metrics = createMetrics({ ...quiet, now: () => 5_000 });
    metrics.recordAudit({ rules, findings: [], gaps: 0, seconds: 1 });
    metrics.auditFailures.inc();
    expect(await ofAudits(metrics)).toMatchObject({ at: 5, ok: 0, failures: 1 });
    metrics.recordAudit({ rules, findings: [], gaps: 0, seconds: 1 });
    expect(await ofAudits(metrics)).toMatchObject({ ok: 1, failures: 1 });
    metrics.forgetAudit();
    expect(await ofAudits(metrics)).toEqual({ ...none, failures: 1 });
  });
});

describe('a replica that does not lead', () => {
  /** Families of ours that have samples, process and Node left out. */
  const said = async (metrics: Metrics, leads: boolean): Promise<string[]> =>
    [...parseExposition((await metrics.exposition(leads)).body)]
      .filter(([name, { samples }]) => samples.length > 0 && !/^(process|nodejs)_/.test(name))
      .map(([name]) => name);
  const OF_THE_LEADER = [
    'pullpass_audit_gaps',
    'pullpass_audit_last_run_successful',
    'pullpass_audit_last_success_duration_seconds',
    'pullpass_audit_last_success_timestamp_seconds',
    'pullpass_contested_objects',
    'pullpass_copies',
    'pullpass_credential_expiry_timestamp_seconds',
    'pullpass_credential_lifetime_seconds',
    'pullpass_credential_verified',
    'pullpass_findings',
    'pullpass_proxy_applied',
    'pullpass_proxy_done',
    'pullpass_proxy_unknown',
    'pullpass_proxy_verified',
    'pullpass_references',
    'pullpass_removals_held',
    'pullpass_rotation_pending',
    'pullpass_source_changed_timestamp_seconds',
    'pullpass_source_expiry_valid',
    'pullpass_source_valid',
    'pullpass_stuck_pods',
    'workqueue_depth',
    'workqueue_longest_running_processor_seconds',
    'workqueue_unfinished_work_seconds',
  ];

  test('says nothing of what only the leader knows, whatever it was told, and all that every replica knows', async () => {
    const metrics = fullMetrics();
    const [leads, follows] = [await said(metrics, true), await said(metrics, false)];
    expect(leads.filter((name) => !follows.includes(name)).sort()).toEqual(OF_THE_LEADER);
    expect(follows.filter((name) => !leads.includes(name))).toEqual([]);
    expect(follows).toEqual(
      expect.arrayContaining(['pullpass_missing_rights', 'pullpass_paused', 'pullpass_rotation_duration_seconds']),
    );
  });

  test('is the one that stands by', async () => {
    const metrics = createMetrics(quiet);
    const status = async (leads: boolean) =>
      parseExposition((await metrics.exposition(leads)).body).get('leader_election_master_status')?.samples;
    const labels = { name: 'pullpass-controller' };
    expect(await status(false)).toMatchObject([{ labels, value: 0 }]);
    expect(await status(true)).toMatchObject([{ labels, value: 1 }]);
  });

  test('begins its next term with nothing of the last one; counts go on', async () => {
    const metrics = fullMetrics(['upstream']);
    metrics.stopLeading();
    const left = await said(metrics, true);
    // What is counted by objects that live on, and what has no labels.
    expect(left.filter((name) => OF_THE_LEADER.includes(name))).toEqual([
      'workqueue_depth',
      'workqueue_unfinished_work_seconds',
      'workqueue_longest_running_processor_seconds',
      'pullpass_removals_held',
      'pullpass_contested_objects',
    ]);
    const { value } = await exposed(metrics);
    expect([
      value('pullpass_removals_held'),
      value('pullpass_rotation_duration_seconds_count', { source: 'upstream' }),
    ]).toEqual([0, 1]);
  });
});
