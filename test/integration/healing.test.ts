/** Healing: pods that were made before the reference are evicted, and all others are left alone. The test plays the owners. */
import type { V1Pod } from '@kubernetes/client-node';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isNotFound } from '../../src/kube/api-error.ts';
import { paths } from '../../src/kube/paths.ts';
import { configuration, createCluster, CONTROLLER_NAMESPACE, eventually } from './env/cluster.ts';
import type { Cluster, Controller } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';

const ENABLED = { 'pullpass.dev/sync': 'enabled' };
const IMAGE = 'registry.example.com/team/app:1';
const REFUSED = `failed to pull and unpack image "${IMAGE}": failed to authorize: 401 Unauthorized`;
const merge = 'application/merge-patch+json';

const CONFIG = configuration(
  { name: 'heal', namespaces: { allow: ['he-*'] }, healing: { mode: 'evict' } },
  { name: 'dry', namespaces: { allow: ['dry-*'] }, healing: { mode: 'dry-run' } },
);

interface Owner {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
}

onEachServer((server) => {
  let cluster: Cluster;
  let controller: Controller;

  beforeAll(async () => {
    cluster = await createCluster(server());
    await cluster.applyRbac(CONFIG);
    for (const name of ['heal', 'dry'])
      await cluster.source({ namespace: CONTROLLER_NAMESPACE, name }, { 'registry.example.com': 'pw' });
    controller = await start();
  });
  afterAll(() => cluster.close());

  const start = (): Promise<Controller> =>
    cluster.controller(CONFIG, { timings: { healing: { gather: 50, owner: 50, job: 50, left: 200 } } });

  async function make(kind: 'ReplicaSet' | 'Job', namespace: string, name: string, spec: object = {}): Promise<Owner> {
    const [apiVersion, resource] = kind === 'Job' ? ['batch/v1', 'jobs'] : ['apps/v1', 'replicasets'];
    const { imagePullSecrets, ...rest } = spec as { imagePullSecrets?: object };
    const made = await cluster.admin.create<{ metadata: { uid: string } }>(
      paths.object(apiVersion, namespace, resource, '').replace(/\/$/, ''),
      {
        ...{ apiVersion, kind, metadata: { name } },
        spec: {
          ...(kind === 'ReplicaSet' && { replicas: 0, selector: { matchLabels: { app: name } } }),
          template: {
            metadata: { labels: { app: name } },
            spec: {
              containers: [{ name: 'main', image: IMAGE }],
              ...(kind === 'Job' && { restartPolicy: 'Never' }),
              ...(imagePullSecrets && { imagePullSecrets }),
            },
          },
          ...rest,
        },
      },
    );
    return { apiVersion, kind, name, uid: made.metadata.uid };
  }

  /** A pod, and what its kubelet says of it. */
  async function pod(
    namespace: string,
    name: string,
    owner?: Owner,
    { spec = {}, waiting = { reason: 'ImagePullBackOff', message: REFUSED }, status = {} } = {},
  ): Promise<V1Pod> {
    const path = `${paths.pods(namespace)}/${name}`;
    await cluster.admin.create(paths.pods(namespace), {
      ...{ apiVersion: 'v1', kind: 'Pod' },
      metadata: { name, ...(owner && { ownerReferences: [{ ...owner, controller: true }] }) },
      spec: { containers: [{ name: 'main', image: IMAGE }], ...spec },
    });
    return cluster.admin.patch(`${path}/status`, merge, {
      status: {
        phase: 'Pending',
        containerStatuses: [
          { ...{ name: 'main', image: IMAGE, imageID: '', ready: false, restartCount: 0 }, state: { waiting } },
        ],
        ...status,
      },
    });
  }
  const names = async (namespace: string): Promise<string[]> => {
    const { items } = await cluster.admin.get<{ items: V1Pod[] }>(paths.pods(namespace));
    return items.flatMap(({ metadata }) => (metadata?.deletionTimestamp ? [] : (metadata?.name ?? []))).sort();
  };
  const told = async (namespace: string): Promise<string[]> =>
    (await cluster.events(namespace))
      .filter(({ regarding }) => regarding.kind === 'Pod')
      .map(({ regarding, reason, note }) => `${regarding.name} ${reason} ${note}`)
      .sort();
  const toldOf = (namespace: string, ...texts: string[]): Promise<void> =>
    eventually(async () => {
      const all = await told(namespace);
      expect(all).toHaveLength(texts.length);
      for (const [i, text] of texts.entries()) expect(all[i]).toContain(text);
    });
  const optIn = async (namespace: string): Promise<void> => {
    await cluster.annotateNamespace(namespace, ENABLED);
    await eventually(async () => expect(await cluster.pullSecrets(namespace)).not.toEqual([]));
  };

  test('evicts a pod that was made too early, once, and its successor has the reference and stays', async () => {
    await cluster.namespace('he-web');
    const web = await make('ReplicaSet', 'he-web', 'web');
    await pod('he-web', 'web-1', web);
    await pod('he-web', 'missing', web, { waiting: { reason: 'ErrImagePull', message: `${IMAGE}: not found` } });
    await pod('he-web', 'bare');
    await pod('he-web', 'operated', { apiVersion: 'example.com/v1', kind: 'App', name: 'a', uid: 'u-1' });
    await pod('he-web', 'ran', web);
    await cluster.admin.patch(`${paths.pods('he-web')}/ran/status`, merge, {
      status: {
        containerStatuses: [
          {
            ...{ name: 'main', image: IMAGE, imageID: '', ready: false, restartCount: 1 },
            state: { waiting: { reason: 'ImagePullBackOff', message: REFUSED } },
          },
        ],
      },
    });
    await optIn('he-web');
    await eventually(async () => expect(await names('he-web')).toEqual(['bare', 'missing', 'operated', 'ran']));
    const next = await pod('he-web', 'web-2', web);
    expect(next.spec?.imagePullSecrets).toEqual([{ name: 'heal-copy' }]);
    await toldOf(
      'he-web',
      'bare PodNotEvicted Cannot pull "registry.example.com/team/app:1" without the pull Secret "heal-copy", and is not evicted: it has no owner',
      'operated PodNotEvicted',
      'web-1 PodEvicted Evicted, so that ReplicaSet "web" makes it anew',
    );
    expect(await names('he-web')).toEqual(['bare', 'missing', 'operated', 'ran', 'web-2']);
  });

  test('a pod of the owner that lacks the reference again is left alone, for that would never end', async () => {
    await cluster.namespace('he-strip');
    const web = await make('ReplicaSet', 'he-strip', 'web');
    // The template has no list: something gave the pods one.
    await pod('he-strip', 'web-1', web, { spec: { imagePullSecrets: [{ name: 'other' }] } });
    await optIn('he-strip');
    await eventually(async () => expect(await names('he-strip')).toEqual([]));
    // Times of the API server are whole seconds.
    await delay(1_100);
    await pod('he-strip', 'web-2', web, { spec: { imagePullSecrets: [{ name: 'other' }] } });
    await toldOf('he-strip', 'web-1 PodEvicted', 'web-2 PodNotEvicted');
    expect((await told('he-strip'))[1]).toContain('something takes the reference out of new pods');
    // Another process knows it, too.
    await controller.stop();
    controller = await start();
    await toldOf('he-strip', 'web-1 PodEvicted', 'web-2 PodNotEvicted', 'web-2 PodNotEvicted');
    expect(await names('he-strip')).toEqual(['web-2']);
  });

  test('does not evict what would come back without the reference, or what it cannot help', async () => {
    await cluster.namespace('he-own');
    const own = await make('ReplicaSet', 'he-own', 'own', { imagePullSecrets: [{ name: 'mine' }] });
    await pod('he-own', 'own-1', own, { spec: { imagePullSecrets: [{ name: 'mine' }] } });
    const other = await make('ReplicaSet', 'he-own', 'other');
    await pod('he-own', 'other-1', other, {
      spec: { containers: [{ name: 'main', image: 'elsewhere.example/app:1' }] },
    });
    await optIn('he-own');
    await toldOf('he-own', 'own-1 PodNotEvicted');
    expect((await told('he-own'))[0]).toContain(
      'the pod template of ReplicaSet "own" names imagePullSecrets of its own',
    );
    expect(await names('he-own')).toEqual(['other-1', 'own-1']);
  });

  test('a Job that would not stand it keeps its pod', async () => {
    await cluster.namespace('he-job');
    const fragile = await make('Job', 'he-job', 'fragile', { backoffLimit: 1 });
    const sturdy = await make('Job', 'he-job', 'sturdy');
    const policy = await make('Job', 'he-job', 'policy', {
      backoffLimit: 0,
      podFailurePolicy: {
        rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }],
      },
    });
    const spec = { restartPolicy: 'Never' };
    await pod('he-job', 'fragile-1', fragile, { spec });
    await pod('he-job', 'policy-1', policy, { spec });
    await pod('he-job', 'sturdy-1', sturdy, { spec });
    await optIn('he-job');
    await toldOf('he-job', 'fragile-1 PodNotEvicted', 'policy-1 PodEvicted', 'sturdy-1 PodEvicted');
    expect((await told('he-job'))[0]).toContain('its Job had 0 of the 1 that it may have (backoffLimit)');
    expect(await names('he-job')).toEqual(['fragile-1']);
  });

  test('dry-run only tells', async () => {
    await cluster.namespace('dry-run');
    const web = await make('ReplicaSet', 'dry-run', 'web');
    await pod('dry-run', 'web-1', web);
    await pod('dry-run', 'web-2', web);
    await optIn('dry-run');
    await toldOf(
      'dry-run',
      'web-1 PodWouldBeEvicted Would be evicted (dry-run), so that ReplicaSet "web" makes it anew',
    );
    expect(await names('dry-run')).toEqual(['web-1', 'web-2']);
  });

  test('an opted-out namespace is left alone', async () => {
    await cluster.namespace('he-out');
    await pod('he-out', 'web-1', await make('ReplicaSet', 'he-out', 'web'));
    await cluster.annotateNamespace('he-out', { 'pullpass.dev/sync': 'disabled' });
    await cluster.settled(CONFIG);
    expect(await names('he-out')).toEqual(['web-1']);
    expect(await told('he-out')).toEqual([]);
  });

  test('no write of it was refused, and no credential was told', async () => {
    expect(controller.calls.filter(({ code }) => code === 403)).toEqual([]);
    expect(JSON.stringify(controller.logs)).not.toContain('"pw"');
    await cluster.admin
      .get(`${paths.pods('he-web')}/web-1`)
      .catch((error: unknown) => expect(isNotFound(error)).toBe(true));
  });
});
