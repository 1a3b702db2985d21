/** Pods as they are in a cluster, 8 to 10 KB of JSON each: made for benchmarks, without a kubelet. */
import { eachBounded } from '../src/async/bounded.ts';
import { isConflict } from '../src/kube/api-error.ts';
import type { KubeClient } from '../src/kube/client.ts';
import { paths } from '../src/kube/paths.ts';

export const COPY = 'hub-copy';
const PODS_OF_A_DEPLOYMENT = 10;
const DEPLOYMENTS_OF_A_NAMESPACE = 20;
const PODS_OF_A_NAMESPACE = PODS_OF_A_DEPLOYMENT * DEPLOYMENTS_OF_A_NAMESPACE;
const CONCURRENCY = 32;

/**
 * In a namespace for each 200, with 25 ServiceAccounts and a pull Secret. For an API server without controllers: others would
 * collect the pods as garbage, since their ReplicaSets are not there.
 */
export async function makePods(client: KubeClient, pods: number): Promise<void> {
  const create = (path: string, kind: string, name: string, rest: object = {}): Promise<unknown> =>
    client.create(path, { apiVersion: 'v1', kind, metadata: { name }, ...rest });
  await eachBounded(Array(Math.ceil(pods / PODS_OF_A_NAMESPACE)).keys(), CONCURRENCY, async (i) => {
    const name = `team-${i}`;
    await client.create(paths.namespaces(), {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, annotations: { 'pullpass.dev/sync': 'enabled' } },
    });
    for (let n = 0; n < DEPLOYMENTS_OF_A_NAMESPACE + 5; n++)
      await create(paths.serviceAccounts(name), 'ServiceAccount', n === 0 ? 'default' : `app-${n}`).catch(
        (error: unknown) => {
          // Something in the cluster makes `default` itself.
          if (!isConflict(error)) throw error;
        },
      );
    const auths = { 'registry.example': { auth: Buffer.from(`robot:${name}`).toString('base64') } };
    await create(paths.secrets(name), 'Secret', COPY, {
      type: 'kubernetes.io/dockerconfigjson',
      stringData: { '.dockerconfigjson': JSON.stringify({ auths }) },
    });
  });
  await eachBounded(Array(pods).keys(), CONCURRENCY, async (i) => {
    const namespace = `team-${Math.floor(i / PODS_OF_A_NAMESPACE)}`;
    const { status, ...pod } = podOf(i);
    await client.create(paths.pods(namespace), pod, { query: { fieldManager: 'kube-controller-manager' } });
    await client.patch(
      `${paths.pods(namespace)}/${pod.metadata.name}/status`,
      'application/merge-patch+json',
      { status },
      { query: { fieldManager: 'kubelet' } },
    );
  });
}

/** Of a Deployment: with an init container, a sidecar, settings, probes and volumes. One of ten fails to pull an image. */
function podOf(i: number) {
  const deployment = Math.floor(i / PODS_OF_A_DEPLOYMENT);
  const app = `app-${(deployment % DEPLOYMENTS_OF_A_NAMESPACE) + 1}`;
  const hash = `7d4b9c${(deployment % 900) + 100}`;
  const image = `registry.example/team/${app}:1.${deployment}`;
  const images = [`registry.example/team/migrate:${deployment % 50}`, image, 'docker.io/envoyproxy/envoy:v1.31.4'];
  const mounts = Array.from({ length: 2 }, (_, n) => ({ name: `volume-${n}`, mountPath: `/var/lib/volume-${n}` }));
  const env = Array.from({ length: 3 }, (_, n) => ({ name: `SETTING_${n}`, value: `value-of-${n}-${'x'.repeat(16)}` }));
  const probe = { httpGet: { path: '/healthz', port: 8080, scheme: 'HTTP' }, periodSeconds: 10, timeoutSeconds: 2 };
  const container = (name: string, n: number) => ({
    name,
    image: images[n],
    env,
    resources: { requests: { cpu: '100m' }, limits: { memory: '256Mi' } },
    volumeMounts: mounts,
  });
  const at = new Date(Date.UTC(2026, 0, 1, 0, 0, i % 86_400)).toISOString().replace('.000', '');
  const isFailing = i % 10 === 9;
  const state = (n: number) =>
    isFailing && n === 1
      ? { waiting: { reason: 'ImagePullBackOff', message: `Back-off pulling image "${image}"` } }
      : { running: { startedAt: at } };
  const statusOf = (name: string, n: number) => ({
    name,
    image: images[n] ?? '',
    imageID: `registry.example/team/${name}@sha256:${String(deployment).padStart(64, '0')}`,
    containerID: `containerd://${String(i).padStart(64, 'c')}`,
    ready: !isFailing,
    started: !isFailing,
    restartCount: 0,
    state: state(n),
    lastState: {},
    volumeMounts: mounts,
  });
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${app}-${hash}-${String(i).padStart(5, '0')}`,
      labels: { app, team: 'bench', 'app.kubernetes.io/instance': app, 'pod-template-hash': hash },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: `${app}-${hash}`,
          uid: `00000000-0000-4000-8000-${String(deployment).padStart(12, '0')}`,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      serviceAccountName: app,
      // Nobody runs it.
      schedulerName: 'nobody',
      imagePullSecrets: [{ name: COPY }],
      initContainers: [container('migrate', 0)],
      containers: [{ ...container('app', 1), livenessProbe: probe, readinessProbe: probe }, container('proxy', 2)],
      volumes: mounts.map(({ name }) => ({ name, emptyDir: {} })),
    },
    status: {
      phase: isFailing ? 'Pending' : 'Running',
      conditions: ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map(
        (type) => ({
          type,
          status: 'True',
          lastTransitionTime: at,
        }),
      ),
      podIP: '10.1.2.3',
      podIPs: [{ ip: '10.1.2.3' }],
      hostIP: '10.0.0.3',
      startTime: at,
      qosClass: 'Burstable',
      initContainerStatuses: [statusOf('migrate', 0)],
      containerStatuses: [statusOf('app', 1), statusOf('proxy', 2)],
    },
  };
}
