/** The policy that adds references to new pods, judged by a real API server: it decides as the planner does, and breaks no pod. */
import type { V1Pod } from '@kubernetes/client-node';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderBornReady } from '../../src/commands/born-ready-text.ts';
import type { Configuration } from '../../src/config/schema.ts';
import { projectNamespace } from '../../src/observe/projections.ts';
import { MAX_ANNOTATION } from '../../src/plan/bounds.ts';
import { planNamespace } from '../../src/plan/namespace.ts';
import { configuration, CONTROLLER_NAMESPACE, createCluster, eventually } from '../integration/env/cluster.ts';
import type { Cluster } from '../integration/env/cluster.ts';
import { putPolicies, removePolicies } from '../integration/env/policies.ts';
import { findRealApi, startRealApi } from '../integration/env/real-api.ts';
import type { ApiServer } from '../integration/env/api-server.ts';
import { account, copy } from '../plan/observations.ts';

const [SYNC, SOURCES, ACCOUNTS] = ['pullpass.dev/sync', 'pullpass.dev/sources', 'pullpass.dev/service-accounts'];
const ON = { [SYNC]: 'enabled' };
const render = (of: Configuration, namespaces?: readonly string[]): string =>
  renderBornReady(of, { namespace: CONTROLLER_NAMESPACE, version: 'v1', namespaces });

describe('the text', () => {
  const yaml = render(
    configuration({ name: 'hub' }, { name: 'two', optInByDefault: true, serviceAccounts: ['b*', '!bad'] }),
  );

  test('ignores failures, and has a condition for each source', () => {
    expect(yaml).toContain('failurePolicy: Ignore');
    expect(yaml).toContain("? 'hub-copy' : ''");
    expect(yaml).toContain(
      "(variables.enabled || variables.silent) && (variables.allSources || 'two' in variables.sources) && " +
        "(variables.ownChoice ? variables.chosen : ((object.spec.serviceAccountName.matches('^(?:b.*)$')) && " +
        "!(object.spec.serviceAccountName in ['bad']))) ? 'two-copy' : ''",
    );
  });

  test('a condition that is judged before the namespace is known never reads it', () => {
    const conditions = yaml.slice(yaml.indexOf('matchConditions'), yaml.indexOf('variables:'));
    expect(conditions).toContain('request.namespace');
    expect(conditions).not.toMatch(/namespaceObject|variables\./);
  });

  test('with a list of namespaces it reads no annotation of them, as the controller does not', () => {
    const listed = render(configuration({ name: 'hub' }), ['a', 'b']);
    expect(listed).toContain("request.namespace in ['a', 'b'] && (");
    expect(listed).not.toContain('namespaceObject');
  });
});

const real = findRealApi();
if ('missing' in real) test.skip(real.missing, () => undefined);

describe.skipIf('missing' in real)('on kube-apiserver', () => {
  const config = configuration({ name: 'hub', serviceAccounts: ['default', 'build-*'] }, { name: 'two' });
  let server: ApiServer;
  let cluster: Cluster;
  beforeAll(async () => {
    if ('missing' in real) return;
    server = await startRealApi(real.found);
    cluster = await createCluster(server);
    await cluster.namespace('probe', { annotations: ON });
    await inForce(render(config));
  }, 60_000);
  afterAll(async () => {
    await cluster.close();
    await server.stop();
  });

  const pods = (namespace: string): string => `/api/v1/namespaces/${namespace}/pods`;
  const born = async (namespace: string, changes: Partial<V1Pod> = {}): Promise<string[] | undefined> => {
    const { spec, metadata } = changes;
    const containers = [{ name: 'main', image: 'registry.corp/app:1' }];
    const body: V1Pod = { metadata: { name: 'x', ...metadata }, spec: { containers, ...spec } };
    const pod = await cluster.admin.create<V1Pod>(
      pods(namespace),
      { apiVersion: 'v1', kind: 'Pod', ...body },
      { query: { dryRun: 'All' } },
    );
    return pod.spec?.imagePullSecrets?.map(({ name }) => name ?? '');
  };
  const withList = (...imagePullSecrets: object[]): Partial<V1Pod> => ({ spec: { imagePullSecrets } as V1Pod['spec'] });
  async function inForce(yaml: string): Promise<void> {
    await putPolicies(cluster.admin, yaml);
    await eventually(async () => expect(await born('probe')).toEqual(['hub-copy', 'two-copy']));
  }

  test('it adds what is absent, whatever the list already has', async () => {
    const both = ['hub-copy', 'two-copy'];
    expect(await born('probe')).toEqual(both);
    expect(await born('probe', withList())).toEqual(both);
    expect(await born('probe', withList({ name: 'own' }))).toEqual(['own', ...both]);
    expect(await born('probe', withList({ name: 'two-copy' }, { name: 'own' }))).toEqual([
      'two-copy',
      'own',
      'hub-copy',
    ]);
    expect(await born('probe', withList({ name: 'hub-copy' }, { name: 'two-copy' }))).toEqual(both);
    expect(await born('probe', withList({}))).toEqual(['', ...both]);
  });
});
