/** What `pullpass rbac --crio` prints is what CRI-O's credential provider needs, and the audit tells where it is missing. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { V1SubjectAccessReview } from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { auditCommand } from '../../src/cli/audit.ts';
import { matchCommand } from '../../src/cli/match.ts';
import { rbacCommand } from '../../src/cli/rbac.ts';
import { paths } from '../../src/kube/paths.ts';
import { run } from '../commands/environment.ts';
import { configurationDocument, CONTROLLER_NAMESPACE, createCluster } from './env/cluster.ts';
import type { Cluster } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';

const MIRROR = 'mirror.example:5000';
const OPTED_IN = { 'pullpass.dev/sync': 'enabled' };
const RBAC = '/apis/rbac.authorization.k8s.io/v1';

interface Printed {
  kind: string;
  metadata: { name: string; namespace?: string };
  subjects?: { kind: string; name: string; namespace?: string }[];
}

onEachServer((server, kind) => {
  let cluster: Cluster;
  let directory: string;
  let flags: string[];
  const audience = kind === 'sandbox' ? ['--audience', 'https://api.example'] : [];
  const printed = async (): Promise<string> =>
    (await run(rbacCommand, [...flags, '--no-roles', '--crio', ...audience])).out;
  const objects = (text: string): Printed[] => parseAllDocuments(text).map((document) => document.toJS() as Printed);
  const may = async (user: string, groups: string[], resourceAttributes: object): Promise<boolean | undefined> =>
    (
      await cluster.admin.create<V1SubjectAccessReview>(paths.subjectAccessReviews(), {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SubjectAccessReview',
        spec: { user, groups, resourceAttributes },
      })
    ).status?.allowed;
  const mayList = (namespace: string, account: string, where = namespace): Promise<boolean | undefined> =>
    may(
      `system:serviceaccount:${namespace}:${account}`,
      ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
      { verb: 'list', resource: 'secrets', namespace: where },
    );
  const findings = async (): Promise<string[]> => {
    const { out } = await run(auditCommand, [...flags, '-o', 'json']);
    const { findings: all } = JSON.parse(out) as { findings: { rule: string; message: string }[] };
    return all.filter(({ rule }) => rule === 'PP065').map(({ message }) => message);
  };

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'pullpass-crio-'));
    cluster = await createCluster(server());
    const file = path.join(directory, 'config.yaml');
    const source = {
      name: 'upstream',
      secret: { namespace: CONTROLLER_NAMESPACE, name: 'upstream-registry' },
      copyName: 'upstream-registry',
      verify: 'off',
      aliases: [{ host: MIRROR, from: 'registry.corp' }],
    };
    await writeFile(file, JSON.stringify(configurationDocument(source)));
    await writeFile(path.join(directory, 'admin'), server().adminKubeconfig());
    flags = ['--kubeconfig', path.join(directory, 'admin'), '--config', file];
    await cluster.namespace(CONTROLLER_NAMESPACE);
    await cluster.source({ namespace: CONTROLLER_NAMESPACE, name: 'upstream-registry' }, { 'registry.corp': 'pw-1' });
    await cluster.namespace('team-a', { annotations: OPTED_IN });
    await cluster.namespace('team-b', { annotations: { ...OPTED_IN, 'pullpass.dev/service-accounts': '*' } });
    await cluster.namespace('stranger');
    for (const namespace of ['team-a', 'team-b', 'stranger'])
      for (const account of ['default', 'builder'])
        await cluster.serviceAccount(namespace, account).catch(() => undefined);
    await cluster.admin.create('/api/v1/nodes', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'node-1' },
      status: { nodeInfo: { containerRuntimeVersion: 'cri-o://1.37.0' } },
    });
    for (const serviceAccountName of ['default', 'builder'])
      await cluster.admin.create('/api/v1/namespaces/team-a/pods', {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: `app-${serviceAccountName}` },
        spec: { serviceAccountName, containers: [{ name: 'app', image: 'registry.corp/app:1' }] },
      });
  });
  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
    await cluster.close();
  });

  test('the audit tells of the chosen ServiceAccount that runs pods and may not list Secrets, and of no other', async () => {
    expect(await findings()).toEqual([
      expect.stringMatching(
        /^CRI-O runs on 1 of 1 node, and no image names alias "mirror\.example:5000" .* 1 ServiceAccount .*: team-a\/default\.$/,
      ),
    ]);
  });

  test('who may not list nodes is told that it is unknown, and gets no finding', async () => {
    const metadata = { name: 'crio-reader' };
    const resources = ['namespaces', 'serviceaccounts', 'pods', 'secrets'];
    await cluster.serviceAccount(CONTROLLER_NAMESPACE, 'reader');
    await cluster.admin.create(`${RBAC}/clusterroles`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRole',
      metadata,
      rules: [{ apiGroups: [''], resources, verbs: ['get', 'list'] }],
    });
    await cluster.admin.create(`${RBAC}/clusterrolebindings`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'crio-reader' },
      subjects: [{ kind: 'ServiceAccount', namespace: CONTROLLER_NAMESPACE, name: 'reader' }],
    });
    const file = path.join(directory, 'reader');
    await writeFile(file, await server().kubeconfigFor({ namespace: CONTROLLER_NAMESPACE, name: 'reader' }));
    const { out } = await run(auditCommand, ['--kubeconfig', file, ...flags.slice(2), '-o', 'json']);
    expect(out).not.toContain('PP065');
    expect(out).toMatch(
      /Nodes, so it is unknown whether CRI-O runs on them, and whether copies serve its mirrors: .*forbidden/,
    );
  });

  test('rights are printed for chosen ServiceAccounts of opted-in namespaces only; a whole namespace is a group', async () => {
    const bindings = objects(await printed()).filter(({ kind: each }) => each === 'RoleBinding');
    expect(bindings.map(({ metadata, subjects }) => [metadata.namespace, subjects])).toEqual([
      ['team-a', [{ kind: 'ServiceAccount', name: 'default', namespace: 'team-a' }]],
      ['team-b', [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:serviceaccounts:team-b' }]],
    ]);
  });

  test('applied, they are what the provider needs: the token for nodes, and list for these ServiceAccounts in their own namespace', async () => {
    const text = await printed();
    for (const { kind: each, metadata, ...rest } of objects(text)) {
      const scope = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
      await cluster.admin.patch(
        `${RBAC}${scope}/${each.toLowerCase()}s/${metadata.name}`,
        'application/apply-patch+yaml',
        { kind: each, metadata, ...rest },
        { query: { fieldManager: 'test', force: true } },
      );
    }
    const [, name = ''] = /^# Audience: (.+)$/m.exec(text) ?? [];
    expect(name).toMatch(/^https:\/\//);
    const token = {
      verb: 'request-serviceaccounts-token-audience',
      resource: name,
      namespace: 'stranger',
      name: 'default',
    };
    expect(await may('system:node:node-1', ['system:nodes', 'system:authenticated'], token)).toBe(true);
    expect(
      await may('system:node:node-1', ['system:nodes', 'system:authenticated'], { ...token, resource: 'other' }),
    ).toBe(false);
    expect(await Promise.all([mayList('team-a', 'default'), mayList('team-b', 'builder')])).toEqual([true, true]);
    expect(
      await Promise.all([
        mayList('team-a', 'builder'),
        mayList('stranger', 'default'),
        mayList('team-a', 'default', 'team-b'),
        mayList('team-b', 'default', CONTROLLER_NAMESPACE),
      ]),
    ).toEqual([false, false, false, false]);
    expect(await findings()).toEqual([]);
  });

  test('the audience is the issuer of the API server, or the command says how to find it', async () => {
    const asked = run(rbacCommand, [...flags, '--no-roles', '--crio']);
    if (kind === 'sandbox')
      await expect(asked).rejects.toThrow(/^rbac: the API server does not say its issuer \(.*\): give --audience: /);
    else expect((await asked).out).toMatch(/^# Audience: https:\/\//m);
  });

  test('match reads every Secret of the namespace, whether a ServiceAccount names it or not', async () => {
    const auth = Buffer.from('mirror-user:pw').toString('base64');
    await cluster.secret('stranger', 'unnamed', {
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths: { [MIRROR]: { auth } } })).toString('base64') },
    });
    const [option, file = ''] = flags;
    const args = [
      'registry.corp/app:1',
      option ?? '',
      file,
      '--namespace',
      'stranger',
      '--mirror',
      `${MIRROR}/hub`,
      '-o',
      'json',
    ];
    const { out, status } = await run(matchCommand, [...args, '--runtime', 'crio']);
    expect([status, JSON.parse(out)]).toMatchObject([0, { matches: [{ key: MIRROR, username: 'mirror-user' }] }]);
    expect(await run(matchCommand, args)).toMatchObject({ status: 4 });
  });
});
