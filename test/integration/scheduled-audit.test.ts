/** The controller's own audits: log, metrics and page say the same, with no right that `pullpass rbac` does not print. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import type { Configuration } from '../../src/config/schema.ts';
import { CONTROLLER_NAMESPACE, configuration, createCluster, dockerConfig, eventually } from './env/cluster.ts';
import type { Cluster, Controller } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';
import type { ManagerOptions } from '../../src/controller/manager-options.ts';

const OPT_IN = { annotations: { 'pullpass.dev/sync': 'enabled' } };
const HOURLY = '0 * * * *';

onEachServer((server) => {
  let cluster: Cluster;
  /** The server is one for all tests: each has namespaces of its own. */
  let turn = 0;
  const own = (name: string): string => `${name}-${turn}`;
  beforeEach(async () => {
    turn++;
    cluster = await createCluster(server());
    await cluster.applyRbac(audited());
    await cluster.source(
      { namespace: CONTROLLER_NAMESPACE, name: 'corp' },
      { 'registry.corp': 'pw-that-must-not-show' },
    );
  });
  afterEach(() => cluster.close());

  const audited = (audit: string | undefined = HOURLY): Configuration => {
    const config = configuration({ name: 'corp' });
    return { ...config, schedules: { ...config.schedules, audit } };
  };

  /** A controller that serves, and where. */
  async function start(
    config: Configuration,
    options: Pick<
      Partial<ManagerOptions>,
      'timings' | 'identity' | 'leaderElection' | 'configurationFile' | 'concurrency'
    > = {},
  ): Promise<{
    controller: Controller;
    get: (path: string) => Promise<{ status: number; type: string; body: string; headers: Headers }>;
  }> {
    let url: string | undefined;
    const controller = await cluster.controller(config, {
      address: '127.0.0.1:0',
      onListening: (at) => {
        url = at;
      },
      ...options,
      timings: { firstAuditMs: 60_000, ...options.timings },
    });
    return {
      controller,
      async get(path) {
        const response = await fetch(`${url}${path}`);
        return {
          status: response.status,
          type: response.headers.get('content-type') ?? '',
          body: await response.text(),
          headers: response.headers,
        };
      },
    };
  }
  const auditLines = ({ logs }: Controller): Record<string, unknown>[] =>
    logs.filter(({ msg }) => String(msg).startsWith('audit:'));

  /** Five faults that somebody has to mend, each of another rule. */
  async function plant(): Promise<void> {
    for (const [name, annotations] of [
      [own('team-a'), OPT_IN.annotations],
      [own('kube-extra'), OPT_IN.annotations],
      [own('team-b'), { 'pullpass.dev/sync': 'yes' }],
      [own('team-c'), { ...OPT_IN.annotations, 'pullpass.dev/sources': 'crop' }],
    ] as const)
      await cluster.namespace(name, { annotations });
    await cluster.namespace(own('team-d'));
    await cluster.secret(own('team-d'), 'corp-copy', {
      type: 'kubernetes.io/dockerconfigjson',
      data: dockerConfig({ 'registry.corp': 'the-tenants-own' }),
    });
    await cluster.annotateNamespace(own('team-d'), OPT_IN.annotations);
    const path = `/api/v1/namespaces/${own('team-b')}/pods`;
    await cluster.admin.create(path, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web' },
      spec: { containers: [{ name: 'app', image: 'registry.corp/team/app:1' }] },
    });
    await cluster.admin.patch(`${path}/web/status`, 'application/merge-patch+json', {
      status: {
        phase: 'Pending',
        containerStatuses: [
          {
            name: 'app',
            image: 'x',
            imageID: '',
            ready: false,
            restartCount: 0,
            state: { waiting: { reason: 'ImagePullBackOff', message: 'pull access denied: 401 Unauthorized' } },
          },
        ],
      },
    });
  }
  const PLANTED = ['PP003', 'PP007', 'PP008', 'PP009', 'PP022'];

  describe('five planted faults', () => {
    test('are in the log, the metrics and on the page, and gone from all three when they are mended', async () => {
      await plant();
      const { controller, get } = await start(audited('* * * * * *'), { timings: { reportAgeMs: 0 } });
      await eventually(async () => {
        const [line] = auditLines(controller).slice(-1);
        expect(Object.keys(line?.['rules'] ?? {})).toEqual(expect.arrayContaining(PLANTED));
        expect(line).toMatchObject({ level: 'warn', msg: expect.stringMatching(/^audit: \d+ errors/) as string });
      });
      const { body: metrics } = await get('/metrics');
      for (const rule of PLANTED)
        expect(metrics).toMatch(new RegExp(`pullpass_findings\\{rule="${rule}",severity="\\w+"\\} 1`));
      // What nothing was found of is there too: an alert can tell zero from no audit.
      expect(metrics).toMatch(/pullpass_findings\{rule="PP001",severity="\w+"\} 0/);

      const page = await get('/report');
      expect([page.status, page.type]).toEqual([200, 'text/html; charset=utf-8']);
      expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
      for (const rule of PLANTED) expect(page.body).toContain(rule);
      for (const text of [page.body, metrics, JSON.stringify(controller.logs)])
        for (const secret of ['pw-that-must-not-show', 'the-tenants-own']) expect(text).not.toContain(secret);

      // Each as its remedy says.
      await cluster.annotateNamespace(own('kube-extra'), { 'pullpass.dev/sync': null });
      await cluster.annotateNamespace(own('team-b'), { 'pullpass.dev/sync': 'enabled' });
      await cluster.annotateNamespace(own('team-c'), { 'pullpass.dev/sources': null });
      await cluster.deleteSecret(own('team-d'), 'corp-copy');
      await cluster.admin.delete(`/api/v1/namespaces/${own('team-b')}/pods/web`, { gracePeriodSeconds: 0 });
      await eventually(async () => {
        expect(auditLines(controller).at(-1)).toMatchObject({
          level: 'info',
          msg: expect.stringContaining('nothing is wrong') as string,
          rules: {},
        });
      });
      await eventually(async () => {
        const { body } = await get('/metrics');
        for (const rule of PLANTED)
          expect(body).toMatch(new RegExp(`pullpass_findings\\{rule="${rule}",severity="\\w+"\\} 0`));
      });
      const mended = await get('/report');
      for (const rule of PLANTED) expect(mended.body).not.toContain(rule);
    });
  });

  test('a leader audits soon after its start, whatever the schedule says, and asks for nothing that it may not have', async () => {
    await cluster.namespace(own('team-a'), OPT_IN);
    const { controller } = await start(audited(), { timings: { firstAuditMs: 500 } });
    await cluster.settled(audited());
    await eventually(async () => {
      expect(auditLines(controller)).toHaveLength(1);
    });
    expect(controller.calls.filter(({ code }) => code === 403 || code === 401)).toEqual([]);
    expect(controller.calls).toContainEqual({ verb: 'get', resource: 'pods', code: 200 });
    expect(controller.writes()).not.toContain('post pods 201');
  });

  test('a first audit that comes while copies are still being made waits until they are', async () => {
    const names = Array.from({ length: 40 }, (_, i) => own(`crowd-${i}`));
    await Promise.all(names.map((name) => cluster.namespace(name, OPT_IN)));
    const { controller } = await start(audited(), { timings: { firstAuditMs: 1 }, concurrency: 1 });
    await eventually(async () => {
      expect(auditLines(controller)).toHaveLength(1);
    });
    expect(
      Object.keys(auditLines(controller)[0]?.['rules'] ?? {}).filter((rule) => ['PP001', 'PP005'].includes(rule)),
    ).toEqual([]);
  });

  test('too many rights of the controller itself are found', async () => {
    const rbac = '/apis/rbac.authorization.k8s.io/v1';
    const name = `too-much-${Date.now()}`;
    await cluster.admin.create(`${rbac}/clusterroles`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name },
      rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['list'] }],
    });
    await cluster.admin.create(`${rbac}/clusterrolebindings`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', namespace: CONTROLLER_NAMESPACE, name: 'pullpass' }],
    });
    try {
      const { get } = await start(audited());
      await eventually(async () => {
        const { body } = await get('/report');
        expect(body).toContain('PP090');
        expect(body).toContain('list every Secret in the cluster');
      });
    } finally {
      await cluster.admin.delete(`${rbac}/clusterrolebindings/${name}`);
      await cluster.admin.delete(`${rbac}/clusterroles/${name}`);
    }
  });

  test('a replica that does not lead shows the same page, and leaves log and metrics to the one that does', async () => {
    await plant();
    const first = await start(audited(), { identity: 'first', leaderElection: true, timings: { firstAuditMs: 100 } });
    await eventually(async () => {
      expect((await first.get('/metrics')).body).toContain(
        'leader_election_master_status{name="pullpass-controller"} 1',
      );
    });
    const second = await start(audited(), { identity: 'second', leaderElection: true, timings: { firstAuditMs: 100 } });
    await eventually(async () => {
      expect((await first.get('/metrics')).body).toContain('pullpass_findings{');
    });
    const page = await second.get('/report');
    for (const rule of PLANTED) expect(page.body).toContain(rule);
    expect(auditLines(second.controller)).toEqual([]);
    expect((await second.get('/metrics')).body).not.toContain('pullpass_findings{');
  });

  test('without a schedule there is no page, no metric, and nobody lists pods', async () => {
    await plant();
    const config = configuration({ name: 'corp' });
    const { controller, get } = await start(config, { timings: { firstAuditMs: 100 } });
    await cluster.settled(config).catch(() => undefined);
    expect(await get('/report')).toMatchObject({
      status: 404,
      body: expect.stringContaining('schedules.audit') as string,
    });
    expect((await get('/metrics')).body).not.toContain('pullpass_findings{');
    expect(controller.calls.filter(({ resource }) => resource === 'pods')).toEqual([]);
  });

  test('a schedule that is taken out of the configuration takes page and metrics with it', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'pullpass-audits-'));
    try {
      const file = path.join(directory, 'config.yaml');
      await writeFile(file, stringify(audited()));
      const { get } = await start(audited(), {
        configurationFile: file,
        timings: { firstAuditMs: 100, configurationMs: 50 },
      });
      await eventually(async () => {
        expect((await get('/metrics')).body).toContain('pullpass_findings{');
      });
      await writeFile(file, stringify(configuration({ name: 'corp' })));
      await eventually(async () => {
        expect(await get('/report')).toMatchObject({ status: 404 });
      });
      const { body } = await get('/metrics');
      expect(body).not.toContain('pullpass_findings{');
      expect(body).not.toMatch(/^pullpass_audit_last_/m);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  test('visitors that come together get one audit, and one that is young enough is shown again', async () => {
    const { controller, get } = await start(audited());
    controller.forget();
    const pages = await Promise.all(Array.from({ length: 8 }, () => get('/report')));
    pages.push(await get('/report'));
    expect(pages.map(({ status }) => status)).toEqual(pages.map(() => 200));
    expect(controller.calls.filter(({ resource }) => resource === 'pods')).toHaveLength(1);
  });
});
