/** The whole audit against an API server: planted faults are found, what the controller mends is gone afterwards, and nothing is ever written. */
import { KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reportSchema } from './report-schema.ts';
import type { Report } from '../../src/audit/report/report.ts';
import { runAudit } from '../../src/commands/audit.ts';
import { runWhatIf } from '../../src/commands/what-if.ts';
import type { Without } from '../../src/audit/report/what-if.ts';
import type { AuditOptions } from '../../src/commands/audit.ts';
import { createClient } from '../../src/kube/client.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { connect } from '../../src/kube/connection.ts';
import { paths } from '../../src/kube/paths.ts';
import { STATE_NAME } from '../../src/names.ts';
import {
  CONTROLLER_NAMESPACE,
  configuration,
  createCluster,
  dockerConfig,
  eventually,
} from '../integration/env/cluster.ts';
import type { Cluster } from '../integration/env/cluster.ts';
import { onEachServer } from '../integration/env/servers.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const OPT_IN = { annotations: { 'pullpass.dev/sync': 'enabled' } };

onEachServer((server, kind) => {
  const config = configuration({ name: 'corp' });
  const closing: { close(): Promise<void> }[] = [];
  let cluster: Cluster;
  const calls: string[] = [];
  let auditor: KubeClient;

  const clientOf = (kubeconfig: string): KubeClient => {
    const config_ = new KubeConfig();
    config_.loadFromString(kubeconfig);
    const connection = connect(config_);
    closing.push(connection);
    return createClient(connection, { onCall: (verb, resource) => calls.push(`${verb} ${resource}`) });
  };
  const audit = (options: Partial<AuditOptions> = {}) =>
    runAudit({ client: auditor, configuration: config, output: 'table', color: false, ...options });
  const askWhatIf = (client: KubeClient, without: Without, more: Partial<Parameters<typeof runWhatIf>[0]> = {}) =>
    runWhatIf({
      ...{ client, configuration: config, without, namespaces: undefined, listed: undefined },
      ...{ controllerNamespace: CONTROLLER_NAMESPACE, output: 'table', color: false },
      ...more,
    });
  const linesOf = ({ findings }: Report): string[] =>
    findings.map(
      ({ rule, object }) =>
        `${rule} ${object.kind} ${object.namespace === undefined ? '' : `${object.namespace}/`}${object.name}`,
    );

  async function viewer(name: string, rules: object[]): Promise<KubeClient> {
    await cluster.serviceAccount(CONTROLLER_NAMESPACE, name);
    await cluster.admin.create(`${RBAC}/clusterroles`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name },
      rules,
    });
    await cluster.admin.create(`${RBAC}/clusterrolebindings`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', namespace: CONTROLLER_NAMESPACE, name }],
    });
    return clientOf(await server().kubeconfigFor({ namespace: CONTROLLER_NAMESPACE, name }));
  }

  async function pod(
    namespace: string,
    name: string,
    {
      image,
      pullSecrets = [],
      waiting,
    }: { image: string; pullSecrets?: string[]; waiting?: { reason: string; message: string } },
  ): Promise<void> {
    const path = `/api/v1/namespaces/${namespace}/pods`;
    await cluster.admin.create(path, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: { containers: [{ name: 'app', image }], imagePullSecrets: pullSecrets.map((secret) => ({ name: secret })) },
    });
    if (waiting === undefined) return;
    const containerStatuses = [{ name: 'app', image, imageID: '', ready: false, restartCount: 0, state: { waiting } }];
    await cluster.admin.patch(`${path}/${name}/status`, 'application/merge-patch+json', {
      status: { phase: 'Pending', containerStatuses },
    });
  }

  beforeAll(async () => {
    cluster = await createCluster(server());
    auditor = clientOf(server().adminKubeconfig());
    await cluster.applyRbac(config);
    await cluster.source(
      { namespace: CONTROLLER_NAMESPACE, name: 'corp' },
      { 'registry.corp': 'pw-that-must-not-show' },
    );
    for (const name of ['team-a', 'team-b', 'team-c', 'kube-extra']) await cluster.namespace(name);
    // Fault 1: a tenant's own Secret has the copy's name.
    await cluster.secret('team-c', 'corp-copy', { type: 'Opaque', stringData: { theirs: 'yes' } });
    for (const name of ['team-a', 'team-b', 'team-c']) await cluster.annotateNamespace(name, OPT_IN.annotations);
    const controller = await cluster.controller(config);
    await cluster.settled(config);
    await controller.stop();
    // Fault 2: an opt-in that the guard refuses.
    await cluster.annotateNamespace('kube-extra', OPT_IN.annotations);
    // Fault 3: a reference that another tool removed. Fault 4: a copy that somebody deleted.
    await cluster.admin.patch(paths.serviceAccounts('team-a', 'default'), 'application/json-patch+json', [
      { op: 'remove', path: '/imagePullSecrets' },
    ]);
    await cluster.deleteSecret('team-b', 'corp-copy');
    // Fault 5: a pull that fails, in a namespace that never opted in.
    await cluster.namespace('stranger');
    await pod('stranger', 'app', {
      image: 'registry.corp/app:1',
      waiting: {
        reason: 'ErrImagePull',
        message: 'unexpected status from HEAD request to https://registry.corp/v2/app/manifests/1: 401 Unauthorized',
      },
    });
    await pod('team-a', 'fine', { image: 'registry.corp/app:1', pullSecrets: ['corp-copy'] });
  });
  afterAll(async () => {
    await Promise.all(closing.map((each) => each.close()));
    await cluster.close();
  });

  const PLANTED = [
    'PP001 Secret team-b/corp-copy',
    'PP003 Secret team-c/corp-copy',
    'PP005 ServiceAccount team-a/default',
    'PP022 Pod stranger/app',
    'PP007 Namespace kube-extra',
    'PP024 Registry registry.corp',
  ];

  test('finds the five planted faults, and reads only', async () => {
    calls.length = 0;
    const { report, text, exitCode } = await audit({ failOn: 'error' });
    expect(linesOf(report)).toEqual(PLANTED);
    expect(exitCode).toBe(3);
    expect(report.couldNotSee).toEqual([]);
    expect(reportSchema.parse(report)).toBeDefined();
    expect([...new Set(calls.map((call) => call.split(' ')[0]))]).toEqual(['get']);
    expect(text).not.toContain('pw-that-must-not-show');
    expect(text).toContain('source "corp" has a credential, but the namespace is not opted in');
    expect(text).toContain('kubectl annotate namespace stranger --overwrite pullpass.dev/sync=enabled');
  });

  test('asks for each thing once', async () => {
    const asked: string[] = [];
    const counting: KubeClient = {
      ...auditor,
      get: (path, options) => {
        asked.push(JSON.stringify([path, options?.query, options?.accept]));
        return auditor.get(path, options);
      },
    };
    await audit({ client: counting });
    expect(asked.filter((each, i) => asked.indexOf(each) !== i)).toEqual([]);
    expect(asked.filter((each) => each.includes(paths.secrets(CONTROLLER_NAMESPACE, STATE_NAME)))).toHaveLength(1);
    expect(asked.filter((each) => each.includes('/api/v1/pods'))).toHaveLength(1);
  });

  test('says the same of one namespace, and nothing of others', async () => {
    const { report, exitCode } = await audit({ namespaces: ['team-b'], failOn: 'error' });
    expect(linesOf(report)).toEqual(['PP001 Secret team-b/corp-copy']);
    expect(report.namespaces.map(({ name }) => name)).toEqual(['team-b']);
    expect(exitCode).toBe(3);
    await expect(audit({ namespaces: ['nowhere'] })).rejects.toThrow('no namespace "nowhere"');
  });

  test('without a configuration says what needs none', async () => {
    const { report } = await audit({ configuration: undefined });
    expect(linesOf(report)).toEqual([
      'PP022 Pod stranger/app',
      'PP006 Secret team-b/corp-copy',
      'PP024 Registry registry.corp',
    ]);
    expect(report.sources).toEqual([]);
  });

  test('a Lease that nobody holds is the first thing to be told', async () => {
    const path = paths.leases(CONTROLLER_NAMESPACE);
    await cluster.admin.create(path, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'pullpass-controller' },
      spec: { holderIdentity: '', renewTime: '2030-01-01T00:00:00.000000Z' },
    });
    try {
      expect(linesOf((await audit()).report)).toContain('PP091 Lease pullpass-system/pullpass-controller');
    } finally {
      await cluster.admin.delete(`${path}/pullpass-controller`);
    }
    expect(linesOf((await audit()).report).join()).not.toContain('PP091');
  });

  describe('with a kubeconfig that may not read', () => {
    test('Secrets: names what it could not see, and finds the rest', async () => {
      const client = await viewer('no-secrets', [
        { apiGroups: [''], resources: ['namespaces', 'serviceaccounts', 'pods'], verbs: ['get', 'list'] },
      ]);
      const { report } = await audit({ client });
      expect(linesOf(report)).toEqual([
        'PP022 Pod stranger/app',
        'PP007 Namespace kube-extra',
        'PP024 Registry registry.corp',
      ]);
      expect(report.sources).toMatchObject([{ state: 'unread' }]);
      await expect(askWhatIf(client, { login: 'registry.corp' })).rejects.toThrow(/source "corp" could not be read$/);
      const { text, exitCode } = await askWhatIf(client, { secret: 'corp-copy' });
      expect([text, exitCode]).toEqual([expect.stringContaining('Could not be checked:'), 3]);
      expect(report.registries).toMatchObject([
        { registry: 'registry.corp', pods: 2, covered: 0, uncovered: 1, unknown: 1 },
      ]);
      expect(report.couldNotSee.map((line) => line.split(',')[0]).sort()).toEqual([
        'All pull Secrets',
        'Copies (corp-copy)',
        'Pull Secrets in namespaces team-a',
        'RBAC',
        'Secrets by label',
        'Secrets of sources (pullpass-system/corp)',
        'What the controller remembers',
      ]);
    });

    test('pods: says nothing of images', async () => {
      const client = await viewer('no-pods', [
        { apiGroups: [''], resources: ['namespaces', 'serviceaccounts', 'secrets'], verbs: ['get', 'list'] },
      ]);
      const { report } = await audit({ client });
      // Nothing is lost, as far as was seen: that is not all.
      const { text, exitCode } = await askWhatIf(client, { source: 'corp' }, { output: 'json' });
      expect([(JSON.parse(text) as { images: unknown[] }).images, exitCode]).toEqual([[], 3]);
      expect(linesOf(report)).toEqual(PLANTED.filter((line) => !/PP022|PP024/.test(line)));
      expect(report.couldNotSee).toEqual(
        expect.arrayContaining([
          expect.stringMatching(/^Pods, so nothing is said about images and pulls: .*forbidden/),
        ]),
      );
    });

    test('anything: is an error that says what to do', async () => {
      await expect(audit({ client: await viewer('nobody', []) })).rejects.toThrow(
        /^nothing can be audited with this kubeconfig: .*use --namespace/,
      );
    });
  });

  test('sees that the controller may read more than it should', async () => {
    await cluster.admin.create(`${RBAC}/clusterroles`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata: { name: 'too-much' },
      rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['get'] }],
    });
    const binding = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'too-much' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'too-much' },
      subjects: [{ kind: 'ServiceAccount', namespace: CONTROLLER_NAMESPACE, name: 'pullpass' }],
    };
    await cluster.admin.create(`${RBAC}/namespaces/team-a/rolebindings`, binding);
    const { report } = await audit();
    expect(report.findings.filter(({ rule }) => rule === 'PP090').map(({ message }) => message)).toEqual([
      'ClusterRole "too-much" lets the controller get every Secret in namespace team-a.',
    ]);
    await cluster.admin.delete(`${RBAC}/namespaces/team-a/rolebindings/too-much`);
  });

  test('finds copies that a dropped source left, by their label', async () => {
    const labels = { 'app.kubernetes.io/managed-by': 'pullpass', 'pullpass.dev/source': 'dropped' };
    await cluster.secret('team-a', 'dropped-copy', {
      metadata: { labels },
      type: 'kubernetes.io/dockerconfigjson',
      data: dockerConfig({ 'old.corp': 'pw' }),
    });
    expect(linesOf((await audit()).report)).toContain('PP004 Secret team-a/dropped-copy');
    await cluster.deleteSecret('team-a', 'dropped-copy');
  });

  test('tells of pull Secrets that nobody names, of a login of a source in one, and of who may read all of them', async () => {
    await cluster.secret('team-b', 'left', {
      type: 'kubernetes.io/dockerconfigjson',
      data: dockerConfig({ 'registry.corp': 'pw-that-must-not-show' }),
    });
    await cluster.secret('team-b', 'opaque', { type: 'Opaque', stringData: { '.dockerconfigjson': 'x' } });
    const { report, text } = await audit();
    expect(linesOf(report).filter((line) => /PP013|PP045|PP046|PP047/.test(line))).toEqual([
      'PP046 Source corp',
      'PP013 Secret team-b/left',
      'PP047 Configuration pullpass',
    ]);
    expect(report.findings.find(({ rule }) => rule === 'PP047')?.message).toContain(
      `ServiceAccount ${CONTROLLER_NAMESPACE}/no-pods (get, list: ClusterRole "no-pods")`,
    );
    expect(text).not.toContain('pw-that-must-not-show');
    await cluster.deleteSecret('team-b', 'left');
    await cluster.admin.delete(`${RBAC}/clusterrolebindings/no-pods`);
  });

  test('says whose next pull would have no login, of templates too, and does nothing to find out', async () => {
    await cluster.namespace('team-w');
    await cluster.secret('team-w', 'hand-made', {
      type: 'kubernetes.io/dockerconfigjson',
      data: dockerConfig({ 'registry.corp': 'pw-that-must-not-show' }),
    });
    const spec = {
      containers: [{ name: 'app', image: 'registry.corp/app:1.0' }],
      imagePullSecrets: [{ name: 'hand-made' }],
    };
    const template = { metadata: { labels: { app: 'web' } }, spec };
    await cluster.admin.create('/apis/apps/v1/namespaces/team-w/deployments', {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web' },
      spec: { replicas: 0, selector: { matchLabels: { app: 'web' } }, template },
    });
    if (kind === 'kube-apiserver')
      await cluster.admin.create('/apis/batch/v1/namespaces/team-w/cronjobs', {
        apiVersion: 'batch/v1',
        kind: 'CronJob',
        metadata: { name: 'night' },
        spec: {
          schedule: '0 3 * * *',
          jobTemplate: { spec: { template: { spec: { ...spec, restartPolicy: 'Never' } } } },
        },
      });
    const expected = kind === 'kube-apiserver' ? ['CronJob/night', 'Deployment/web'] : ['Deployment/web'];
    const ask = async (without: Without) => {
      calls.length = 0;
      const { text, exitCode } = await askWhatIf(auditor, without, { namespaces: ['team-w'], output: 'json' });
      expect(calls.filter((call) => !/^(GET|LIST|get|list) /.test(call))).toEqual([]);
      expect(text).not.toContain('pw-that-must-not-show');
      const { images } = JSON.parse(text) as { images: { owner: { kind: string; name: string }; then: string }[] };
      return { exitCode, images: images.map(({ owner, then }) => `${owner.kind}/${owner.name}: ${then}`) };
    };
    const lost = { exitCode: 3, images: expected.map((owner) => `${owner}: no login`) };
    expect(await ask({ secret: 'hand-made' })).toEqual(lost);
    expect(await ask({ login: 'registry.corp' })).toEqual(lost);
    expect(await ask({ source: 'corp' })).toEqual({ exitCode: 0, images: [] });
    await expect(ask({ secret: 'handmade' })).rejects.toThrow(/--without-secret handmade: no pull Secret of that name/);
    await cluster.deleteNamespace('team-w');
  });

  test('after the controller ran, nothing is left of what it mends', async () => {
    await cluster.controller(config);
    await eventually(async () =>
      expect(linesOf((await audit()).report)).toEqual(PLANTED.filter((line) => !/PP001|PP005/.test(line))),
    );
    await cluster.deleteSecret('team-c', 'corp-copy');
    await cluster.annotateNamespace('kube-extra', { 'pullpass.dev/sync': null });
    await cluster.admin.delete('/api/v1/namespaces/stranger/pods/app');
    await eventually(async () => {
      const { report, exitCode } = await audit({ failOn: 'info' });
      expect(linesOf(report)).toEqual([]);
      expect(exitCode).toBe(0);
    });
  });
});
