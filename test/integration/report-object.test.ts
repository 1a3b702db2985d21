/** The report as an object that dashboards know, written with the rights that `pullpass rbac` prints. The CRDs are of our own hand. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createReport } from '../../src/audit/report/create.ts';
import type { Finding } from '../../src/audit/rules/rule.ts';
import { MAX_RESULTS, reportPath } from '../../src/audit/report/object.ts';
import type { ReportObject, ReportObjectKind } from '../../src/audit/report/object.ts';
import type { Report } from '../../src/audit/report/report.ts';
import { runPrune } from '../../src/commands/prune.ts';
import { missingRights } from '../../src/controller/missing-rights.ts';
import { ApiError } from '../../src/kube/api-error.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { REPORT_RESOURCES } from '../../src/names.ts';
import { hostileCluster } from '../audit/hostile.ts';
import { observation } from '../audit/observations.ts';
import { defineKind, startSandbox } from '../sandbox/kube-api/index.ts';
import type { Kind, Sandbox } from '../sandbox/kube-api/index.ts';
import { objectShape } from '../sandbox/kube-api/schema/metadata.ts';
import { atomicList, boolean, integer, pointer, string, strings, struct } from '../sandbox/kube-api/schema/shape.ts';
import type { Field, Shape } from '../sandbox/kube-api/schema/shape.ts';
import { problems } from '../sandbox/products/crd-schema.ts';
import type { Schema } from '../sandbox/products/crd-schema.ts';
import { CONTROLLER_NAMESPACE, configuration, createCluster, eventually } from './env/cluster.ts';
import type { Cluster } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';
import { createReportPublisher } from '../../src/controller/publish-report.ts';
import type { ReportPublisher } from '../../src/controller/publish-report.ts';

const text: Schema = { type: 'string' };
const whole: Schema = { type: 'integer' };
const oneOf = (...values: string[]): Schema => ({ type: 'string', enum: values });
const object = (properties: Record<string, Schema>, required: string[] = []): Schema => ({
  type: 'object',
  properties,
  ...(required.length > 0 && { required }),
});
const listOf = (items: Schema): Schema => ({ type: 'array', items });

const reference = object({
  apiVersion: text,
  fieldPath: text,
  kind: text,
  name: text,
  namespace: text,
  resourceVersion: text,
  uid: text,
});
const result = object(
  {
    source: text,
    policy: text,
    rule: text,
    category: text,
    severity: oneOf('critical', 'high', 'low', 'medium', 'info'),
    result: oneOf('pass', 'fail', 'warn', 'error', 'skip'),
    scored: { type: 'boolean' },
    message: text,
    resources: listOf(reference),
    timestamp: object({ seconds: whole, nanos: whole }, ['seconds', 'nanos']),
    properties: { type: 'object', additionalProperties: text },
  },
  ['policy'],
);
const FIELDS = {
  summary: object({ pass: whole, fail: whole, warn: whole, error: whole, skip: whole }),
  results: listOf(result),
  scope: reference,
};
/** Only the first has a source of its own. */
const SCHEMAS: Readonly<Record<ReportObjectKind, Record<string, Schema>>> = {
  ClusterReport: { source: text, ...FIELDS },
  ClusterPolicyReport: FIELDS,
};

function crdOf({ group, version, resource, kind }: (typeof REPORT_RESOURCES)[number]): object {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    // Groups below k8s.io are for those only whom Kubernetes has approved, or who say that they have not asked.
    metadata: { name: `${resource}.${group}`, annotations: { 'api-approved.kubernetes.io': 'unapproved, for a test' } },
    spec: {
      group,
      scope: 'Cluster',
      names: { kind, plural: resource, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [{ name: version, served: true, storage: true, schema: { openAPIV3Schema: object(SCHEMAS[kind]) } }],
    },
  };
}

function sandboxKind({ group, version, resource, kind }: (typeof REPORT_RESOURCES)[number]): Kind {
  const fields = SCHEMAS[kind];
  return defineKind({
    group,
    version,
    kind,
    resource,
    namespaced: false,
    generation: true,
    shape: objectShape(
      kind,
      Object.fromEntries(Object.entries(fields).map(([name, schema]) => [name, shapeOf(name, schema)])),
    ),
    validate: (stored) =>
      problems(object(fields), stored).map((message) => ({ field: '', reason: 'FieldValueInvalid', message })),
  });
}

/** A custom resource keeps zero values, as a pointer does. */
function shapeOf(name: string, { type, properties, items, additionalProperties }: Schema): Field {
  const scalars: Readonly<Record<string, Shape>> = { string, integer, boolean };
  if (items) return pointer(atomicList(shapeOf(name, items).shape));
  if (additionalProperties) return pointer(strings);
  if (properties)
    return pointer(
      struct(name, Object.fromEntries(Object.entries(properties).map(([key, schema]) => [key, shapeOf(key, schema)]))),
    );
  return pointer(scalars[type ?? ''] ?? string);
}

onEachServer((server, servers) => {
  const { audit: _, ...rest } = configuration({ name: 'hub' });
  const config = { ...rest, schedules: { ...rest.schedules, audit: '0 * * * *' }, audit: { reportObject: true } };
  const [openReports, policyReports] = REPORT_RESOURCES;
  const signal = new AbortController().signal;
  const sandboxes: Sandbox[] = [];
  const clusters: Cluster[] = [];
  const lines: string[] = [];
  let cluster: Cluster;
  let client: KubeClient;
  let publisher: ReportPublisher;
  const calls: string[] = [];
  const writes = (): string[] => calls.splice(0).filter((call) => !call.startsWith('get'));

  /** The sandbox knows its kinds from its start on, so there another one takes over. */
  async function install(...resources: (typeof REPORT_RESOURCES)[number][]): Promise<void> {
    if (servers === 'sandbox') {
      const sandbox = await startSandbox({ kinds: resources.map(sandboxKind) });
      sandboxes.push(sandbox);
      await use(await createCluster(sandbox));
      return;
    }
    for (const resource of resources) {
      await cluster.admin
        .create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crdOf(resource))
        .catch((error: unknown) => {
          if (!(error instanceof ApiError && error.reason === 'AlreadyExists')) throw error;
        });
      await eventually(async () => {
        await cluster.admin.get(`/apis/${resource.group}/${resource.version}/${resource.resource}`);
      });
    }
  }

  async function use(next: Cluster): Promise<void> {
    clusters.push(next);
    await next.applyRbac(config);
    cluster = next;
    ({ client } = await next.asController((verb, resource, code) => calls.push(`${verb} ${resource} ${code}`)));
  }

  beforeAll(async () => {
    await use(await createCluster(server()));
    const log = {
      info: (line: unknown) => void lines.push(`info ${String(line)}`),
      warn: (line: unknown) => void lines.push(`warn ${String(line)}`),
    };
    publisher = createReportPublisher({
      client: { get: (...call) => client.get(...call), patch: (...call) => client.patch(...call) },
      log,
      instance: 'pullpass-system',
    });
  });
  afterAll(async () => {
    await Promise.all(clusters.map((each) => each.close()));
    await Promise.all(sandboxes.map((sandbox) => sandbox.stop()));
  });

  const live = (
    kind: ReportObjectKind,
  ): Promise<
    ReportObject & { metadata: { uid: string; resourceVersion: string; managedFields?: { manager: string }[] } }
  > => cluster.admin.get(reportPath(kind));
  const report = (parts: Partial<Report> = {}): Report => ({ ...createReport(observation()), ...parts });
  const finding = (i: number, parts: Partial<Finding> = {}): Finding => ({
    rule: 'PP022',
    severity: 'error',
    object: { kind: 'Deployment', namespace: 'team', name: `web-${i}` },
    message: 'Pods cannot pull.',
    remedy: 'Give them a login.',
    ...parts,
  });
  const prune = (said: string[], configured = config): Promise<number> =>
    runPrune({
      client: cluster.admin,
      configuration: configured,
      namespace: CONTROLLER_NAMESPACE,
      write: (line) => said.push(line),
      confirm: (question) => {
        said.push(question);
        return Promise.resolve(true);
      },
      signal,
    });

  test('where no API for it is installed nothing happens, one line says so, and prune finds nothing', async () => {
    expect([await publisher.publish(report(), signal), await publisher.publish(report(), signal)]).toEqual([
      'absent',
      'absent',
    ]);
    expect(lines).toEqual([expect.stringMatching(/^info the audit is not published: the cluster has neither/)]);
    expect(writes()).toEqual([]);
    const said: string[] = [];
    expect(await prune(said)).toBe(0);
    expect(said).toEqual(['Nothing to remove: no copy and no reference of Pullpass is left.']);
  });

  test("the policy working group's API is taken when it is the one that is there, also when it comes later", async () => {
    await install(policyReports);
    await eventually(async () => expect(await publisher.publish(report(), signal)).toBe('written'));
    expect(await live('ClusterPolicyReport')).toMatchObject({
      metadata: { name: 'pullpass', labels: { 'app.kubernetes.io/managed-by': 'pullpass' } },
      summary: { fail: 0, error: 0 },
    });
  });

  test('OpenReports is preferred', async () => {
    await install(openReports, policyReports);
    await eventually(async () =>
      expect(await publisher.publish(report({ findings: [finding(1)] }), signal)).toBe('written'),
    );
    const object = await live('ClusterReport');
    expect(object).toMatchObject({ source: 'pullpass', summary: { fail: 1 } });
    expect(object.results[0]).toMatchObject({
      policy: 'pull-failing',
      result: 'fail',
      resources: [{ apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'team', name: 'web-1' }],
    });
  });

  // The sandbox is a new one by now, where nothing stands.
  test.skipIf(servers === 'sandbox')(
    'what stands in the other API then is emptied, for the controller may not delete it',
    async () => {
      expect(await live('ClusterPolicyReport')).toMatchObject({ results: [], summary: { pass: 0 } });
    },
  );

  test('the self-check misses no right for it', async () => {
    expect(await missingRights(client, config, CONTROLLER_NAMESPACE, signal)).toEqual([]);
  });

  test('the same state at a later time is not written again', async () => {
    const before = await live('ClusterReport');
    calls.length = 0;
    expect(
      await publisher.publish(report({ findings: [finding(1)], generatedAt: '2027-01-01T00:00:00.000Z' }), signal),
    ).toBe('unchanged');
    expect(writes()).toEqual([]);
    expect(await live('ClusterReport')).toEqual(before);
  });

  test('another state is written into the same object, and what others put on it stays', async () => {
    const before = await live('ClusterReport');
    await cluster.admin.patch(reportPath('ClusterReport'), 'application/merge-patch+json', {
      metadata: { labels: { theirs: 'stays' } },
    });
    expect(
      await publisher.publish(
        report({ findings: [finding(1), finding(2)], generatedAt: '2027-01-01T00:00:00.000Z' }),
        signal,
      ),
    ).toBe('written');
    const after = await live('ClusterReport');
    expect([after.metadata.uid, after.summary.fail, after.metadata.labels['theirs']]).toEqual([
      before.metadata.uid,
      2,
      'stays',
    ]);
    expect(after.results[0]).toEqual(before.results[0]);
    expect(after.results[1]?.timestamp.seconds).toBe(Date.parse('2027-01-01T00:00:00Z') / 1000);
  });

  test('what others change in it is put right', async () => {
    await cluster.admin.patch(reportPath('ClusterReport'), 'application/merge-patch+json', {
      summary: { fail: 0 },
      results: [],
    });
    expect(await publisher.publish(report({ findings: [finding(1), finding(2)] }), signal)).toBe('written');
    expect(await live('ClusterReport')).toMatchObject({ summary: { fail: 2 } });
  });

  test('hostile texts, and more of them than fit, are taken by the server', async () => {
    expect(await publisher.publish(createReport(hostileCluster()), signal)).toBe('written');
    const many = Array.from({ length: 2_000 }, (_, i) =>
      finding(i, { message: '<&>"\\\u{1f642}'.repeat(170), remedy: '<'.repeat(600) }),
    );
    expect(await publisher.publish(report({ findings: many }), signal)).toBe('written');
    const object = await live('ClusterReport');
    expect(object.summary.fail).toBe(2_000);
    expect(object.results.at(-1)?.policy).toBe('left-out');
    expect(object.results.length).toBeLessThanOrEqual(MAX_RESULTS + 1);
    const short = Array.from({ length: 2_000 }, (_, i) => finding(i));
    expect(await publisher.publish(report({ findings: short }), signal)).toBe('written');
    expect((await live('ClusterReport')).results).toHaveLength(MAX_RESULTS + 1);
    expect(await publisher.publish(report({ findings: short }), signal)).toBe('unchanged');
  });

  test('the controller can neither delete it nor touch another report', async () => {
    const forbidden = { code: 403, reason: 'Forbidden' };
    await expect(client.delete(reportPath('ClusterReport'))).rejects.toMatchObject(forbidden);
    await expect(client.get('/apis/openreports.io/v1alpha1/clusterreports')).rejects.toMatchObject(forbidden);
    await expect(
      client.patch(
        '/apis/openreports.io/v1alpha1/clusterreports/other',
        'application/apply-patch+yaml',
        { apiVersion: 'openreports.io/v1alpha1', kind: 'ClusterReport', metadata: { name: 'other' } },
        { query: { fieldManager: 'pullpass' } },
      ),
    ).rejects.toMatchObject(forbidden);
  });

  test('prune removes it, also when it is switched off by then', async () => {
    const said: string[] = [];
    expect(await prune(said, { ...config, audit: { reportObject: false } })).toBe(0);
    const left = servers === 'sandbox' ? 1 : 2;
    expect(said).toContain('cluster: report object (ClusterReport pullpass)');
    expect(said.at(-1)).toBe(
      `Removed 0 copies and the references of 0 ServiceAccounts in 0 namespaces, and ${left} report object${left === 1 ? '' : 's'}.`,
    );
    for (const kind of ['ClusterReport', 'ClusterPolicyReport'] as const)
      await expect(live(kind)).rejects.toMatchObject({ code: 404 });
  });

  test('an object that only has the name is left alone, by the controller and by prune', async () => {
    await cluster.admin.create('/apis/openreports.io/v1alpha1/clusterreports', {
      apiVersion: 'openreports.io/v1alpha1',
      kind: 'ClusterReport',
      metadata: { name: 'pullpass' },
      source: 'theirs',
    });
    const before = await live('ClusterReport');
    expect(await publisher.publish(report(), signal)).toBe('foreign');
    expect(await prune([])).toBe(0);
    expect(await live('ClusterReport')).toEqual(before);
    expect(lines.at(-1)).toMatch(/^warn .*was not made by Pullpass/);
  });
});
