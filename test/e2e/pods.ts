/** Pods, and what becomes of their pulls. */
import type { KubeClient } from '../../src/kube/client.ts';
import { eventually } from '../integration/env/cluster.ts';

export interface PodOptions {
  readonly serviceAccountName?: string;
  readonly imagePullPolicy?: 'Always' | 'IfNotPresent';
  readonly imagePullSecrets?: readonly { readonly name: string }[];
}

interface Pod {
  readonly metadata: { readonly creationTimestamp: string };
  readonly spec: { readonly imagePullSecrets?: { name: string }[] };
  readonly status: {
    readonly phase: string;
    readonly containerStatuses?: readonly { readonly state: { readonly waiting?: { readonly reason: string } } }[];
  };
}

export interface Pods {
  /** Makes a pod whose only container ends at once, always pulled anew. It lives on as a record: `Succeeded`. */
  create(namespace: string, name: string, image: string, options?: PodOptions): Promise<void>;
  /** Resolves as soon as it is known: `ran`, or `refused`, if the pull failed. */
  outcome(namespace: string, name: string): Promise<'ran' | 'refused'>;
  /** Both. */
  run(namespace: string, name: string, image: string, options?: PodOptions): Promise<'ran' | 'refused'>;
  /** Resolves when it has run, however often its pull failed before. */
  ran(namespace: string, name: string): Promise<void>;
  get(namespace: string, name: string): Promise<Pod>;
  delete(namespace: string, name: string): Promise<void>;
  /** What kubelets say of pulls that failed, one line an Event: none is lost that a look at the pod could have missed. */
  failedPulls(namespace: string): Promise<string[]>;
}

const PULL_FAILED = /^(ErrImagePull|ImagePullBackOff)$/;
const LIMIT_MS = 120_000;

export function podsOf(client: KubeClient): Pods {
  const path = (namespace: string, name = ''): string =>
    `/api/v1/namespaces/${namespace}/pods/${name}`.replace(/\/$/, '');
  const pods: Pods = {
    async create(namespace, name, image, { imagePullPolicy = 'Always', ...spec } = {}) {
      await client.create(path(namespace), {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace },
        spec: {
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: 1,
          automountServiceAccountToken: false,
          dnsPolicy: 'Default',
          containers: [{ name: 'app', image, imagePullPolicy }],
          ...spec,
        },
      });
    },
    async outcome(namespace, name) {
      let known: 'ran' | 'refused' | undefined;
      await eventually(async () => {
        const { status } = await pods.get(namespace, name);
        if (status.phase === 'Succeeded') known = 'ran';
        else if (PULL_FAILED.test(status.containerStatuses?.[0]?.state.waiting?.reason ?? '')) known = 'refused';
        else throw new Error(`pod ${namespace}/${name}: ${JSON.stringify(status)}`);
      }, LIMIT_MS);
      return known ?? 'refused';
    },
    async run(namespace, name, image, options) {
      await pods.create(namespace, name, image, options);
      return pods.outcome(namespace, name);
    },
    ran: (namespace, name) =>
      eventually(async () => {
        const { status } = await pods.get(namespace, name);
        if (status.phase !== 'Succeeded') throw new Error(`pod ${namespace}/${name}: ${JSON.stringify(status)}`);
      }, LIMIT_MS),
    get: (namespace, name) => client.get<Pod>(path(namespace, name)),
    delete: (namespace, name) => client.delete(path(namespace, name)),
    async failedPulls(namespace) {
      const { items } = await client.get<{ items: { reason: string; message: string }[] }>(
        `/api/v1/namespaces/${namespace}/events`,
        { query: { fieldSelector: 'reason=Failed' } },
      );
      return items.map(({ message }) => message).filter((message) => /pull/i.test(message));
    },
  };
  return pods;
}
