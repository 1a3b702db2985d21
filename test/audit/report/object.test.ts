/** The report as dashboards get it: what the two APIs take, what is said of each finding, its bounds, and when it is written. */
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createReport } from '../../../src/audit/report/create.ts';
import type { Finding } from '../../../src/audit/rules/rule.ts';
import { MAX_BYTES, MAX_RESULTS, reportObjectOf } from '../../../src/audit/report/object.ts';
import type { ReportObject } from '../../../src/audit/report/object.ts';
import type { Report } from '../../../src/audit/report/report.ts';
import { RULES } from '../../../src/audit/rules/all.ts';
import { refusal, scriptedClient } from '../../kube/scripted-client.ts';
import type { Call } from '../../kube/scripted-client.ts';
import { hostileCluster, PASSWORD } from '../hostile.ts';
import { observation } from '../observations.ts';
import { createReportPublisher } from '../../../src/controller/publish-report.ts';

const KINDS = ['ClusterReport', 'ClusterPolicyReport'] as const;

/** What both APIs have of the fields that are written; their CRDs prune or refuse any other. */
const result = z.strictObject({
  source: z.literal('pullpass'),
  policy: z.string().min(1),
  rule: z.string().min(1).exactOptional(),
  category: z.string().min(1),
  severity: z.enum(['critical', 'high', 'low', 'medium', 'info']).exactOptional(),
  result: z.enum(['pass', 'fail', 'warn', 'error', 'skip']),
  scored: z.boolean(),
  message: z.string().min(1),
  resources: z
    .array(
      z.strictObject({
        apiVersion: z.string().min(1).exactOptional(),
        kind: z.string().min(1),
        namespace: z.string().min(1).exactOptional(),
        name: z.string().min(1),
      }),
    )
    .length(1)
    .exactOptional(),
  timestamp: z.strictObject({ seconds: z.int(), nanos: z.int32() }),
  properties: z.record(z.string(), z.string()),
});
const count = z.int().min(0);
const common = {
  metadata: z.strictObject({
    name: z.literal('pullpass'),
    labels: z.record(z.string(), z.string()),
    // Of the object that was read: no other one is overwritten.
    uid: z.string().optional(),
    resourceVersion: z.string().optional(),
  }),
  summary: z.strictObject({ pass: count, fail: count, warn: count, error: count, skip: count }),
  results: z.array(result),
};
const SHAPES = {
  ClusterReport: z.strictObject({
    apiVersion: z.literal('openreports.io/v1alpha1'),
    kind: z.literal('ClusterReport'),
    source: z.literal('pullpass'),
    ...common,
  }),
  ClusterPolicyReport: z.strictObject({
    apiVersion: z.literal('wgpolicyk8s.io/v1alpha2'),
    kind: z.literal('ClusterPolicyReport'),
    ...common,
  }),
};

const finding = (parts: Partial<Finding> = {}): Finding => ({
  rule: 'PP022',
  severity: 'error',
  object: { kind: 'Deployment', namespace: 'team-a', name: 'web' },
  message: 'Pods cannot pull nginx.',
  remedy: 'Give it a login.',
  ...parts,
});
const reportOf = (...findings: Finding[]): Report => ({ ...createReport(observation()), findings });
const hits = ({ results }: ReportObject): ReportObject['results'] =>
  results.filter(({ result: state }) => state !== 'pass');
const SECONDS = Date.parse('2026-03-01T12:00:00Z') / 1000;

test.each(KINDS)('%s has the shape of its API, also of hostile clusters and when it is full', (kind) => {
  const many = Array.from({ length: 3_000 }, (_, i) =>
    finding({ object: { kind: 'Pod', namespace: 'team-a', name: `web-${i}` } }),
  );
  for (const report of [createReport(observation()), createReport(hostileCluster()), reportOf(), reportOf(...many)]) {
    expect(SHAPES[kind].parse(reportObjectOf(report, kind))).toBeDefined();
  }
});

test('a hostile text breaks no line and no credential shows', () => {
  const object = reportObjectOf(createReport(hostileCluster()), 'ClusterReport');
  expect(JSON.stringify(object)).not.toContain(PASSWORD);
  for (const { message, properties, resources = [] } of object.results) {
    for (const text of [message, ...Object.values(properties), ...resources.flatMap((each) => Object.values(each))])
      expect(text).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  }
});

describe('a finding', () => {
  test('is a result of the rule, on the object, that says what to do', () => {
    expect(hits(reportObjectOf(reportOf(finding({ about: 'nginx:1.27' })), 'ClusterPolicyReport'))).toEqual([
      {
        source: 'pullpass',
        policy: 'pull-failing',
        rule: 'PP022',
        category: 'Pulls',
        severity: 'high',
        result: 'fail',
        scored: true,
        message: 'Pods cannot pull nginx. What to do: Give it a login.',
        resources: [{ apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'team-a', name: 'web' }],
        timestamp: { seconds: SECONDS, nanos: 0 },
        properties: { resultID: expect.stringMatching(/^[0-9a-f]{32}$/) as string, about: 'nginx:1.27' },
      },
    ]);
  });

  test('fails when it is an error, warns when it is a warning, and alarms nobody when it is neither', () => {
    const object = reportObjectOf(
      reportOf(
        finding(),
        finding({ severity: 'warning', rule: 'PP020' }),
        finding({ severity: 'info', rule: 'PP024' }),
      ),
      'ClusterReport',
    );
    expect(hits(object).map(({ result: state, severity, scored }) => [state, severity, scored])).toEqual([
      ['fail', 'high', true],
      ['warn', 'medium', false],
      ['skip', 'info', false],
    ]);
    expect(object.summary).toEqual({ pass: RULES.length - 3, fail: 1, warn: 1, error: 0, skip: 1 });
  });

  test('on what is no object of the cluster has no reference, and says what it is about all the same', () => {
    for (const kind of ['Source', 'CacheProxy', 'Registry']) {
      expect(
        hits(reportObjectOf(reportOf(finding({ object: { kind, name: 'hub' } })), 'ClusterReport'))[0],
      ).toMatchObject({ properties: { object: `${kind} hub` } });
      expect(
        hits(reportObjectOf(reportOf(finding({ object: { kind, name: 'hub' } })), 'ClusterReport'))[0],
      ).not.toHaveProperty('resources');
    }
    expect(
      hits(
        reportObjectOf(
          reportOf(finding({ object: { kind: 'Source', namespace: 'team-a', name: 'hub' } })),
          'ClusterReport',
        ),
      )[0],
    ).toMatchObject({ resources: [{ kind: 'Source', namespace: 'team-a', name: 'hub' }] });
  });

  test('on a kind of unknown group has a reference without one', () => {
    for (const kind of ['Rollout', 'constructor'])
      expect(
        hits(
          reportObjectOf(reportOf(finding({ object: { kind, namespace: 'team-a', name: 'web' } })), 'ClusterReport'),
        )[0]?.resources,
      ).toEqual([{ kind, namespace: 'team-a', name: 'web' }]);
  });

  test('keeps its id while numbers in its message change, and shares it with no other', () => {
    const idsOf = (...findings: Finding[]): string[] =>
      reportObjectOf(reportOf(...findings), 'ClusterReport').results.map(({ properties }) => properties.resultID);
    expect(idsOf(finding({ message: '3 pods' }))).toEqual(idsOf(finding({ message: '4 pods' })));
    const twins = idsOf(
      finding(),
      finding(),
      finding({ about: 'x' }),
      finding({ object: { kind: 'Deployment', namespace: 'team-b', name: 'web' } }),
      finding({ object: { kind: 'Deployment', name: 'web' } }),
    );
    expect(new Set(twins).size).toBe(twins.length);
  });
});

test('every rule is in a category, with a result for each that found nothing', () => {
  const { results, summary } = reportObjectOf(reportOf(), 'ClusterReport');
  expect(results.map(({ rule }) => rule)).toEqual(RULES.map(({ id }) => id));
  expect(new Set(results.map(({ category }) => category))).toEqual(
    new Set(['Copies and references', 'Pulls', 'Credentials', 'Cache proxies', 'Sources', 'Controller']),
  );
  expect(summary).toEqual({ pass: RULES.length, fail: 0, warn: 0, error: 0, skip: 0 });
});

test('what could not be seen is told, and a rule that found nothing does not claim more than it saw', () => {
  const { results, summary } = reportObjectOf({ ...reportOf(), couldNotSee: ['pods: not permitted'] }, 'ClusterReport');
  expect(results[0]).toMatchObject({
    policy: 'not-seen',
    result: 'skip',
    severity: 'info',
    message: 'pods: not permitted',
  });
  expect(results[1]?.message).toBe('Nothing found in what could be seen.');
  expect(summary.skip).toBe(1);
});

describe('bounds', () => {
  const many = (length: number, parts: Partial<Finding> = {}): Finding[] =>
    Array.from({ length }, (_, i) =>
      finding({ object: { kind: 'Pod', namespace: 'team-a', name: `web-${i}` }, ...parts }),
    );
  test('the worst come first, the rest is counted, and one line says how many are left out', () => {
    const object = reportObjectOf(
      reportOf(...many(900), ...many(200, { severity: 'warning', rule: 'PP020' })),
      'ClusterReport',
    );
    expect(object.results).toHaveLength(MAX_RESULTS + 1);
    expect(object.summary).toMatchObject({ fail: 900, warn: 200, pass: RULES.length - 2, skip: 0 });
    expect(object.results.slice(0, 900).every(({ result: state }) => state === 'fail')).toBe(true);
    expect(object.results.at(-1)).toMatchObject({
      policy: 'left-out',
      result: 'skip',
      message: `${100 + RULES.length - 2} more results would not fit in here: the page /report and pullpass audit have all of them.`,
    });
  });
  test('texts as long as they get do not make it larger than etcd takes, however Go escapes them', () => {
    for (const text of ['<', '\\', '"', '\u{1f642}', '字']) {
      const object = reportObjectOf(
        reportOf(...many(1_000, { message: text.repeat(1_200 / text.length), remedy: text.repeat(600 / text.length) })),
        'ClusterReport',
      );
      const bytes = Buffer.byteLength(JSON.stringify(object).replace(/[<>&]/g, '\\u0000'));
      expect(bytes).toBeLessThan(MAX_BYTES + 10_000);
      expect(bytes).toBeGreaterThan(MAX_BYTES * 0.9);
      expect(object.summary.fail).toBe(1_000);
    }
  });
});

test('the same state at another time is the same object, times included, once the one before is known', () => {
  const first = reportObjectOf(reportOf(finding()), 'ClusterReport');
  const later = { ...reportOf(finding()), generatedAt: '2026-03-01T13:00:00.000Z' };
  expect(reportObjectOf(later, 'ClusterReport', first)).toEqual(first);
  const [known, added] = reportObjectOf(
    { ...later, findings: [...later.findings, finding({ about: 'new' })] },
    'ClusterReport',
    first,
  ).results;
  expect([known?.timestamp.seconds, added?.timestamp.seconds]).toEqual([SECONDS, SECONDS + 3600]);
  for (const results of [
    undefined,
    'x',
    [
      null,
      1,
      {},
      { properties: null },
      { properties: { resultID: first.results[0]?.properties.resultID }, timestamp: { seconds: 'x' } },
    ],
  ]) {
    expect(reportObjectOf(later, 'ClusterReport', { results }).results[0]?.timestamp.seconds).toBe(SECONDS + 3600);
  }
});

describe('the publisher', () => {
  const PATHS = {
    ClusterReport: '/apis/openreports.io/v1alpha1/clusterreports/pullpass',
    ClusterPolicyReport: '/apis/wgpolicyk8s.io/v1alpha2/clusterpolicyreports/pullpass',
  };
  const signal = new AbortController().signal;

  /** `served`: what is installed; `objects`: what is in the cluster. */
  function start(served: ('clusterreports' | 'clusterpolicyreports' | 'reports')[]) {
    const world = { served, objects: new Map<string, object>(), refuse: undefined as Error | undefined };
    const lines: string[] = [];
    const { client, calls } = scriptedClient(({ verb, path, body }: Call) => {
      const resource = path.split('/').length > 4;
      if (!resource) {
        const names = world.served.filter((name) =>
          path === '/apis/wgpolicyk8s.io/v1alpha2' ? name === 'clusterpolicyreports' : name !== 'clusterpolicyreports',
        );
        if (names.length === 0) throw refusal(404);
        return { resources: names.map((name) => ({ name })) };
      }
      if (verb === 'patch') {
        if (world.refuse) throw world.refuse;
        world.objects.set(path, { ...(world.objects.get(path) ?? {}), ...body });
      }
      if (!world.objects.has(path)) throw refusal(404);
      return world.objects.get(path);
    });
    const log = {
      info: (line: unknown) => void lines.push(`info ${String(line)}`),
      warn: (line: unknown) => void lines.push(`warn ${String(line)}`),
    };
    return {
      world,
      calls,
      lines,
      publisher: createReportPublisher({ client, log, instance: 'pullpass-system' }),
      writes: () => calls.filter(({ verb }) => verb !== 'get'),
    };
  }

  test.each([
    [['clusterpolicyreports'], 'ClusterPolicyReport'],
    [['clusterreports'], 'ClusterReport'],
    [['clusterpolicyreports', 'clusterreports'], 'ClusterReport'],
  ] as const)('with %s installed writes a %s by server-side apply', async (served, kind) => {
    const { publisher, writes, world } = start([...served]);
    expect(await publisher.publish(reportOf(finding()), signal)).toBe('written');
    expect(writes()).toMatchObject([
      {
        verb: 'patch',
        path: PATHS[kind],
        type: 'application/apply-patch+yaml',
        query: { fieldManager: 'pullpass', force: true },
      },
    ]);
    expect(SHAPES[kind].parse(world.objects.get(PATHS[kind]))).toMatchObject({ summary: { fail: 1 } });
  });

  test('writes over the very object that it read: an older report of a replica that led before is refused', async () => {
    const { publisher, writes, world } = start(['clusterreports']);
    await publisher.publish(reportOf(finding()), signal);
    const live = world.objects.get(PATHS.ClusterReport) as ReportObject;
    const read = { uid: 'u1', resourceVersion: '7' };
    world.objects.set(PATHS.ClusterReport, { ...live, metadata: { ...live.metadata, ...read } });
    await publisher.publish(reportOf(), signal);
    const [first, second] = writes().map(({ body }) => (body as ReportObject).metadata);
    expect(first).not.toHaveProperty('uid');
    expect(second).toMatchObject(read);
  });

  test('writes nothing when nothing changed, and again when something did, by whomever', async () => {
    const { publisher, writes, world, lines } = start(['clusterreports']);
    const at = (generatedAt: string, ...findings: Finding[]): Report => ({ ...reportOf(...findings), generatedAt });
    expect(await publisher.publish(at('2026-03-01T12:00:00.000Z', finding()), signal)).toBe('written');
    expect(await publisher.publish(at('2026-03-01T13:00:00.000Z', finding()), signal)).toBe('unchanged');
    expect(writes()).toHaveLength(1);
    expect(await publisher.publish(at('2026-03-01T14:00:00.000Z'), signal)).toBe('written');
    const live = world.objects.get(PATHS.ClusterReport) as ReportObject;
    world.objects.set(PATHS.ClusterReport, {
      ...live,
      metadata: { ...live.metadata, labels: { ...live.metadata.labels, theirs: 'stays' }, resourceVersion: '7' },
    });
    expect(await publisher.publish(at('2026-03-01T15:00:00.000Z'), signal)).toBe('unchanged');
    world.objects.set(PATHS.ClusterReport, { ...live, summary: { ...live.summary, fail: 0, pass: 0 } });
    expect(await publisher.publish(at('2026-03-01T16:00:00.000Z'), signal)).toBe('written');
    expect(lines).toEqual([]);
  });

  test('with neither installed says so once, and picks up what is installed later', async () => {
    const { publisher, world, lines, writes } = start(['reports']);
    expect([await publisher.publish(reportOf(), signal), await publisher.publish(reportOf(), signal)]).toEqual([
      'absent',
      'absent',
    ]);
    expect(lines).toEqual([
      expect.stringMatching(
        /^info the audit is not published: the cluster has neither clusterreports.openreports.io nor clusterpolicyreports.wgpolicyk8s.io; /,
      ),
    ]);
    world.served = ['clusterreports'];
    expect(await publisher.publish(reportOf(), signal)).toBe('written');
    world.served = [];
    expect(await publisher.publish(reportOf(), signal)).toBe('absent');
    expect([lines.length, writes().length]).toEqual([2, 1]);
  });

  test("empties what it wrote into the other API when the preferred one comes later, and nobody else's", async () => {
    const { publisher, world, writes } = start(['clusterpolicyreports']);
    expect(await publisher.publish(reportOf(finding()), signal)).toBe('written');
    world.served = ['clusterpolicyreports', 'clusterreports'];
    expect(await publisher.publish(reportOf(finding()), signal)).toBe('written');
    expect(SHAPES.ClusterPolicyReport.parse(world.objects.get(PATHS.ClusterPolicyReport))).toMatchObject({
      results: [],
      summary: { pass: 0, fail: 0 },
    });
    expect(await publisher.publish(reportOf(finding()), signal)).toBe('unchanged');
    expect(writes().map(({ path }) => path)).toEqual([
      PATHS.ClusterPolicyReport,
      PATHS.ClusterReport,
      PATHS.ClusterPolicyReport,
    ]);
    const theirs = { metadata: { name: 'pullpass' }, results: [{}] };
    world.objects.set(PATHS.ClusterPolicyReport, theirs);
    await publisher.publish(reportOf(finding()), signal);
    expect(world.objects.get(PATHS.ClusterPolicyReport)).toBe(theirs);
  });

  test('leaves an object alone that only has the name', async () => {
    const { publisher, world, lines, writes } = start(['clusterreports']);
    world.objects.set(PATHS.ClusterReport, {
      metadata: { name: 'pullpass', labels: { 'app.kubernetes.io/managed-by': 'kyverno' } },
    });
    expect([await publisher.publish(reportOf(), signal), await publisher.publish(reportOf(), signal)]).toEqual([
      'foreign',
      'foreign',
    ]);
    expect([lines.length, lines[0], writes().length]).toEqual([
      1,
      expect.stringMatching(/^warn .*was not made by Pullpass/),
      0,
    ]);
  });

  test("leaves another installation's object alone, and names the installation", async () => {
    const { publisher, world, lines, writes } = start(['clusterreports']);
    await publisher.publish(reportOf(), signal);
    const ours = world.objects.get(PATHS.ClusterReport) as { metadata: { labels: Record<string, string> } };
    expect(ours.metadata.labels['pullpass.dev/instance']).toBe('pullpass-system');
    ours.metadata.labels['pullpass.dev/instance'] = 'team-tools';
    const before = writes().length;
    expect(await publisher.publish(reportOf(finding()), signal)).toBe('foreign');
    expect([writes().length, lines.at(-1)]).toEqual([
      before,
      expect.stringMatching(/^warn .*another installation of Pullpass \(controller namespace "team-tools"\)/),
    ]);
  });

  test('a refusal is one line, once, and no failure of the audit', async () => {
    const { publisher, world, lines } = start(['clusterreports']);
    world.refuse = refusal(403, { message: 'clusterreports "pullpass" is forbidden:\n no' });
    expect([await publisher.publish(reportOf(), signal), await publisher.publish(reportOf(), signal)]).toEqual([
      'failed',
      'failed',
    ]);
    expect(lines).toEqual([expect.stringMatching(/^warn the audit could not be published: [^\n]*forbidden: no$/)]);
    world.refuse = undefined;
    expect(await publisher.publish(reportOf(), signal)).toBe('written');
  });

  test('being stopped is no news', async () => {
    const { publisher, lines } = start(['clusterreports']);
    expect(await publisher.publish(reportOf(), AbortSignal.abort())).toBe('failed');
    expect(lines).toEqual([]);
  });
});
