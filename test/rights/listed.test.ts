/**
 * `--namespaces` on a real API server: the whole life of an installation with what `pullpass rbac --namespaces` prints, and what the
 * server's own audit log says of it. No request is about an object of the cluster, and none about another namespace.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderPolicies } from '../../src/commands/policies-text.ts';
import { runPrune } from '../../src/commands/prune.ts';
import { STOP_TIMINGS } from '../../src/commands/running-controller.ts';
import { awaitRotation } from '../../src/commands/wait.ts';
import type { Configuration } from '../../src/config/schema.ts';
import { missingRights } from '../../src/controller/missing-rights.ts';
import { KubeConfig } from '@kubernetes/client-node';
import { createClient } from '../../src/kube/client.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { connect } from '../../src/kube/connection.ts';
import { paths } from '../../src/kube/paths.ts';
import {
  configuration,
  CONTROLLER_NAMESPACE,
  createCluster,
  dockerConfig,
  eventually,
  IDENTITY,
} from '../integration/env/cluster.ts';
import type { Cluster, Controller } from '../integration/env/cluster.ts';
import { applyPolicies } from '../integration/env/policies.ts';
import { findRealApi, startRealApi } from '../integration/env/real-api.ts';
import type { RealApi } from '../integration/env/real-api.ts';

const real = findRealApi();
if ('missing' in real) test.skip(real.missing, () => undefined);

const LISTED = ['team', 'web'];
const SOURCE = { namespace: CONTROLLER_NAMESPACE, name: 'hub' };
const RBAC = '/apis/rbac.authorization.k8s.io/v1';

/** One line of the server's audit log. */
interface Request {
  readonly user: { readonly username: string };
  readonly verb: string;
  readonly requestURI: string;
  readonly objectRef?: { readonly resource: string; readonly namespace?: string; readonly name?: string };
  readonly responseStatus?: { readonly code: number };
}

describe.skipIf('missing' in real)('on kube-apiserver', () => {
  const config: Configuration = {
    ...configuration({ name: 'hub', canary: { namespaces: 1, proxies: 1, seconds: 1 } }),
    cacheProxies: [
      {
        name: 'cache',
        kind: 'zot',
        source: 'hub',
        registry: 'registry.corp',
        secret: { namespace: 'cache', name: 'cache-login' },
        key: 'credentials.json',
        settle: { mountSeconds: 0, lifetimeSeconds: 0, tokenSeconds: 0 },
      },
    ],
    schedules: { ...configuration({ name: 'hub' }).schedules, audit: '0 * * * *' },
  };
  let server: RealApi;
  let cluster: Cluster;
  let directory: string;
  const { signal } = new AbortController();

  const start = (): Promise<Controller> =>
    cluster.controller(config, { namespaces: LISTED, timings: { firstAuditMs: 500 }, leaderElection: true });
  const hasCopies = (password: string): Promise<void> =>
    eventually(async () => {
      for (const namespace of LISTED) {
        expect(await cluster.login(namespace, 'hub-copy')).toEqual({ 'registry.corp': password });
        expect(await cluster.pullSecrets(namespace)).toEqual(['hub-copy']);
      }
    }, 60_000);

  /** What somebody asked for, as the server noted it. */
  async function requestsOf(account: string): Promise<Request[]> {
    const text = await readFile(path.join(directory, 'audit.log'), 'utf8');
    return (
      text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Request)
        // The test itself asks, too, whether the policies are in force.
        .filter(({ requestURI }) => !requestURI.includes('dryRun'))
        .filter(({ user }) => user.username === `system:serviceaccount:${CONTROLLER_NAMESPACE}:${account}`)
    );
  }

  /** A person with all rights in the namespaces of the installation, and none in the cluster. */
  async function operator(): Promise<{ client: KubeClient; close(): Promise<void> }> {
    await cluster.serviceAccount(CONTROLLER_NAMESPACE, 'operator');
    for (const namespace of [...LISTED, 'cache', CONTROLLER_NAMESPACE])
      await cluster.admin.create(`${RBAC}/namespaces/${namespace}/rolebindings`, {
        ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', metadata: { name: 'operator' } },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
        subjects: [{ kind: 'ServiceAccount', namespace: CONTROLLER_NAMESPACE, name: 'operator' }],
      });
    const kubeconfig = new KubeConfig();
    kubeconfig.loadFromString(await server.kubeconfigFor({ namespace: CONTROLLER_NAMESPACE, name: 'operator' }));
    const connection = connect(kubeconfig);
    return { client: createClient(connection), close: () => connection.close() };
  }

  beforeAll(async () => {
    if ('missing' in real) return;
    directory = await mkdtemp(path.join(tmpdir(), 'audit-'));
    const policy = path.join(directory, 'policy.json');
    await writeFile(
      policy,
      JSON.stringify({
        apiVersion: 'audit.k8s.io/v1',
        kind: 'Policy',
        omitStages: ['RequestReceived'],
        rules: [{ level: 'Metadata' }],
      }),
    );
    server = await startRealApi(real.found, {
      flags: [`--audit-policy-file=${policy}`, `--audit-log-path=${path.join(directory, 'audit.log')}`],
    });
    cluster = await createCluster(server);
    for (const name of [...LISTED, 'cache', 'other']) await cluster.namespace(name);
    await cluster.applyRbac(config, { namespaces: LISTED });
    await cluster.source(SOURCE, { 'registry.corp': 'pw-1' });
    await cluster.secret('other', 'hub-copy', { type: 'kubernetes.io/dockerconfigjson', data: dockerConfig({}) });
    const { client, close } = await cluster.asController();
    await applyPolicies(cluster.admin, renderPolicies(config, IDENTITY), client, 'team');
    await close();
  }, 120_000);
  afterAll(async () => {
    await cluster.close();
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  });

  test('no ClusterRole and no ClusterRoleBinding is of Pullpass', async () => {
    for (const resource of ['clusterroles', 'clusterrolebindings']) {
      const { items } = await cluster.admin.get<{ items: { metadata: { name: string } }[] }>(`${RBAC}/${resource}`);
      expect(items.filter(({ metadata }) => metadata.name.includes('pullpass'))).toEqual([]);
    }
  });

  test('copies, references, a rotation through a canary, a cache proxy, an audit, `wait` and `prune`: all in its namespaces', async () => {
    const controller = await start();
    await hasCopies('pw-1');
    await eventually(async () => expect(await cluster.getSecret('cache', 'cache-login')).toBeDefined());
    await cluster.source(SOURCE, { 'registry.corp': 'pw-2' });
    await hasCopies('pw-2');
    await eventually(async () => {
      expect(controller.logs.map(({ msg }) => msg)).toContainEqual(expect.stringMatching(/^audit: /));
      return Promise.resolve();
    }, 30_000);
    expect(controller.logs.filter(({ level }) => level === 'error')).toEqual([]);

    const person = await operator();
    const said: string[] = [];
    const say = (text: string): void => void said.push(text);
    const about = { client: person.client, configuration: config, namespace: CONTROLLER_NAMESPACE, listed: LISTED };
    const waited = await awaitRotation(
      { writeOut: say, writeErr: say },
      { ...about, source: 'hub', timeoutMs: 60_000, signal },
    );
    expect([waited, said.join('')]).toEqual([0, expect.stringContaining('2/2 copies')]);
    await controller.stop();
    expect(
      await runPrune({
        ...about,
        write: say,
        confirm: () => Promise.resolve(true),
        signal,
        timings: { ...STOP_TIMINGS, lookAgain: 0 },
      }),
    ).toBe(0);
    for (const namespace of LISTED) {
      expect(await cluster.getSecret(namespace, 'hub-copy')).toBeUndefined();
      expect(await cluster.pullSecrets(namespace)).toEqual([]);
    }
    expect(await cluster.getSecret('cache', 'cache-login')).toBeUndefined();
    await person.close();

    for (const [account, also] of [
      ['pullpass', 'list pods'],
      ['operator', 'delete secrets'],
    ] as const) {
      const requests = await requestsOf(account);
      const where = new Set([...LISTED, 'cache', CONTROLLER_NAMESPACE]);
      // Questions that everybody may ask, and for which no right is needed or given: about oneself, and how new the server is.
      const asked = requests.filter(
        ({ objectRef, requestURI }) => objectRef?.resource !== 'selfsubjectaccessreviews' && requestURI !== '/version',
      );
      expect(asked.length).toBeGreaterThan(20);
      expect(asked.map(({ verb, objectRef }) => `${verb} ${objectRef?.resource ?? ''}`)).toContain(also);
      expect(
        asked.filter(({ objectRef }) => !where.has(objectRef?.namespace ?? '')).map(({ requestURI }) => requestURI),
      ).toEqual([]);
      expect(asked.filter(({ responseStatus }) => responseStatus?.code === 403)).toEqual([]);
    }
  }, 180_000);

  describe("with the controller's token", () => {
    let client: KubeClient;
    let close: () => Promise<void>;
    beforeAll(async () => {
      ({ client, close } = await cluster.asController());
    });
    afterAll(() => close());

    test('no right is missing', async () => {
      expect(await missingRights(client, config, CONTROLLER_NAMESPACE, signal, { namespaces: LISTED })).toEqual([]);
    });

    const named = { query: { fieldSelector: 'metadata.name=hub-copy' } };
    const copy = {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'kubernetes.io/dockerconfigjson',
      metadata: { name: 'hub-copy', labels: { 'pullpass.dev/source': 'hub' } },
      data: dockerConfig({}),
    };
    test.each<[string, (client: KubeClient) => Promise<unknown>]>([
      ['list Namespaces', (c) => c.get(paths.namespaces())],
      ['watch Namespaces', (c) => c.get(paths.namespaces(), { query: { watch: 'true', timeoutSeconds: 1 } })],
      ['read the Namespace of a listed one', (c) => c.get(paths.namespaces('team'))],
      ['list ServiceAccounts everywhere', (c) => c.get(paths.serviceAccounts())],
      ['list ServiceAccounts elsewhere', (c) => c.get(paths.serviceAccounts('other'))],
      [
        'patch a ServiceAccount elsewhere',
        (c) => c.patch(paths.serviceAccounts('other', 'default'), 'application/merge-patch+json', {}),
      ],
      ['list copies everywhere', (c) => c.get(paths.secrets(), named)],
      ['list copies elsewhere', (c) => c.get(paths.secrets('other'), named)],
      ['read a Secret elsewhere that has the name of a copy', (c) => c.get(paths.secrets('other', 'hub-copy'))],
      [
        'write a copy elsewhere',
        (c) =>
          c.patch(paths.secrets('other', 'hub-copy'), 'application/apply-patch+yaml', copy, {
            query: { fieldManager: 'pullpass', force: true },
          }),
      ],
      ['delete a Secret elsewhere', (c) => c.delete(paths.secrets('other', 'hub-copy'))],
      ['list other Secrets of a listed one', (c) => c.get(paths.secrets('team'))],
      ['list pods everywhere', (c) => c.get(paths.pods())],
      ['list pods elsewhere', (c) => c.get(paths.pods('other'))],
      ['write an Event elsewhere', (c) => c.create(paths.events('other'), { metadata: { name: 'x' } })],
      ['read roles', (c) => c.get(`${RBAC}/clusterroles`)],
      [
        'ask whose a token is',
        (c) =>
          c.create('/apis/authentication.k8s.io/v1/tokenreviews', {
            apiVersion: 'authentication.k8s.io/v1',
            kind: 'TokenReview',
            spec: { token: 'x' },
          }),
      ],
    ])('it may not %s', async (_, attempt) => {
      await expect(attempt(client)).rejects.toMatchObject({ code: 403 });
    });
  });
});
