/** Who undid a write, as a real API server tells it: also on a ServiceAccount whose writers it does not note yet. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { paths } from '../../src/kube/paths.ts';
import { projectServiceAccount } from '../../src/observe/projections.ts';
import type { Action } from '../../src/plan/action.ts';
import { createApplier } from '../../src/reconcile/apply.ts';
import { createWorld } from '../../src/observe/world.ts';
import { createCluster } from './env/cluster.ts';
import type { Cluster } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';

onEachServer((server) => {
  let cluster: Cluster;
  const { signal } = new AbortController();
  beforeAll(async () => {
    cluster = await createCluster(server());
    await cluster.admin.create(paths.namespaces(), { metadata: { name: 'undone' } });
  });
  afterAll(() => cluster.close());

  const applier = () =>
    createApplier({
      client: cluster.admin,
      world: createWorld((text) => text, 'pullpass-system'),
      content: () => 'e30=',
    });
  const observe = async (name: string) =>
    projectServiceAccount(await cluster.admin.get(paths.serviceAccounts('undone', name)));
  async function add(name: string): Promise<Action> {
    const account = await observe(name);
    const edit = { add: ['hub-copy'], remove: [], record: ['hub-copy'] };
    const action: Action = {
      type: 'editReferences',
      account,
      edit,
      wanted: { instance: 'pullpass-system', own: new Set(), wanted: new Set(['hub-copy']), kept: new Set() },
    };
    await applier().apply(action, signal);
    return action;
  }
  const undo = (name: string) =>
    cluster.admin.patch(
      paths.serviceAccounts('undone', name),
      'application/merge-patch+json',
      { imagePullSecrets: [{ name: 'from-git' }] },
      { query: { fieldManager: 'argocd-controller' } },
    );
  const ARGO = expect.stringMatching(/^field manager "argocd-controller" \(Argo CD\), Update, 20/) as string;

  test('a ServiceAccount that was made with a field names its writer at once', async () => {
    await cluster.serviceAccount('undone', 'app', { labels: { app: 'shop' } });
    const action = await add('app');
    await undo('app');
    expect((await observe('app')).undoneBy).toEqual(ARGO);
    expect(await applier().whoUndid(action, signal)).toEqual(ARGO);
  });

  test('one that was made without any names it from the next write on, and nothing else of it changes', async () => {
    await cluster.admin.create(paths.serviceAccounts('undone'), { metadata: { name: 'bare' } });
    await add('bare');
    await undo('bare');
    const before = await cluster.getServiceAccount('undone', 'bare');
    const action = await add('bare');
    await undo('bare');
    expect(before.metadata?.managedFields).toBeUndefined();
    expect(await applier().whoUndid(action, signal)).toBeUndefined();
    const { metadata, imagePullSecrets } = await cluster.getServiceAccount('undone', 'bare');
    expect([metadata?.annotations, imagePullSecrets]).toEqual([before.metadata?.annotations, before.imagePullSecrets]);
    await add('bare');
    await undo('bare');
    expect((await observe('bare')).undoneBy).toEqual(ARGO);
    expect(await applier().whoUndid(action, signal)).toEqual(ARGO);
  });

  test('a copy that is deleted, and one that is rewritten', async () => {
    const copy = { namespace: 'undone', name: 'hub-copy', source: 'hub', digest: 'd' };
    const action: Action = { type: 'createCopy', ...copy };
    expect(await applier().whoUndid(action, signal)).toContain('a writer that deletes it');
    await applier().apply(action, signal);
    await cluster.admin.patch(
      paths.secrets('undone', 'hub-copy'),
      'application/merge-patch+json',
      { data: { '.dockerconfigjson': Buffer.from('{"auths":{}}').toString('base64') } },
      { query: { fieldManager: 'replicator' } },
    );
    expect(await applier().whoUndid(action, signal)).toMatch(/^field manager "replicator", Update, 20/);
  });
});
