/** What people do with kubectl, as plain HTTP requests, and waiting for the results. */
import type {
  EventsV1Event,
  V1Deployment,
  V1Lease,
  V1Namespace,
  V1Secret,
  V1ServiceAccount,
} from '@kubernetes/client-node';
import { setTimeout as delay } from 'node:timers/promises';
import { parseAllDocuments } from 'yaml';
import type { RawClient } from '../../integration/env/raw-client.ts';
import { ExpectationError } from './expect.ts';

/** The copy's name in every namespace, as in manifests/config.yaml; the source Secret has the same name. */
export const COPY = 'upstream-registry';
export const HOME = 'pullpass-system';
export const KEY = '.dockerconfigjson';

type Annotations = Record<string, string | null>;
export type Cluster = ReturnType<typeof createCluster>;

/** `signal` aborts when the demo stops: then all waiting ends at once. */
export function createCluster(client: RawClient, signal: AbortSignal) {
  async function call<T>(method: string, path: string, body?: unknown, type?: string): Promise<T | undefined> {
    const answer = await client.call(method, path, {
      signal,
      ...(body !== undefined && { body }),
      ...(type !== undefined && { type }),
    });
    if (answer.code === 404) return undefined;
    if (answer.code >= 300)
      throw new RefusedError(`${method} ${path}: ${answer.body.message ?? `HTTP status ${answer.code}`}`, answer.code);
    return answer.body as T;
  }
  const list = async <T>(path: string): Promise<T[]> => (await call<{ items: T[] }>('GET', path))?.items ?? [];
  const merge = (path: string, body: unknown) => call('PATCH', path, body, 'application/merge-patch+json');

  /** Asks until the answer is something, and gives it with the milliseconds since the call. */
  async function until<T>(
    what: string,
    look: () => Promise<T | undefined | false>,
    seconds = 15,
  ): Promise<[found: T, ms: number]> {
    const startedAt = performance.now();
    for (let pause = 4; ; pause = Math.min(pause * 1.2, 40)) {
      const found = await look();
      const ms = performance.now() - startedAt;
      if (found !== undefined && found !== false) return [found, ms];
      if (ms > seconds * 1000) throw new ExpectationError(`${what}: not so after ${seconds} s`);
      await delay(pause, undefined, { signal });
    }
  }

  const self = {
    until,
    secret: (namespace: string, name = COPY) =>
      call<V1Secret>('GET', `/api/v1/namespaces/${namespace}/secrets/${name}`),
    /** Every copy of the source `upstream` in the cluster. */
    copies: () =>
      list<V1Secret>(
        '/api/v1/secrets?labelSelector=app.kubernetes.io%2Fmanaged-by%3Dpullpass%2Cpullpass.dev%2Fsource%3Dupstream',
      ),
    account: (namespace: string, name = 'default') =>
      call<V1ServiceAccount>('GET', `/api/v1/namespaces/${namespace}/serviceaccounts/${name}`),
    accounts: () => list<V1ServiceAccount>('/api/v1/serviceaccounts'),
    async pullSecrets(namespace: string, name = 'default'): Promise<string[]> {
      return pullSecretsOf(await self.account(namespace, name));
    },
    /** Events of one reason in a namespace. */
    async events(namespace: string, reason?: string): Promise<EventsV1Event[]> {
      const events = await list<EventsV1Event>(`/apis/events.k8s.io/v1/namespaces/${namespace}/events`);
      return events.filter((event) => reason === undefined || event.reason === reason);
    },
    /** Empty when nobody leads. */
    leaseHolder: async () =>
      (await call<V1Lease>('GET', `/apis/coordination.k8s.io/v1/namespaces/${HOME}/leases/pullpass-controller`))?.spec
        ?.holderIdentity ?? '',
    allEvents: () => list<EventsV1Event>('/apis/events.k8s.io/v1/events'),

    namespace: (name: string, annotations: Annotations = {}) => self.namespaces([name], annotations),
    /** Makes namespaces and waits for the `default` ServiceAccount that every one gets. */
    async namespaces(names: readonly string[], annotations: Annotations = {}): Promise<void> {
      await Promise.all(names.map((name) => call('POST', '/api/v1/namespaces', { metadata: { name, annotations } })));
      await until(`a ServiceAccount default in ${names.join(', ')}`, async () => {
        const there = new Set(
          (await self.accounts())
            .filter(({ metadata }) => metadata?.name === 'default')
            .map(({ metadata }) => metadata?.namespace),
        );
        return names.every((name) => there.has(name));
      });
    },
    annotate: (namespace: string, annotations: Annotations) =>
      merge(`/api/v1/namespaces/${namespace}`, { metadata: { annotations } }),
    optIn: (namespace: string) => self.annotate(namespace, { 'pullpass.dev/sync': 'enabled' }),
    optOut: (namespace: string) => self.annotate(namespace, { 'pullpass.dev/sync': null }),
    optedIn: async () =>
      (await list<V1Namespace>('/api/v1/namespaces')).filter(
        ({ metadata }) => metadata?.annotations?.['pullpass.dev/sync'] === 'enabled',
      ),

    createAccount: (namespace: string, name: string, pullSecrets: readonly string[] = []) =>
      call('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, {
        metadata: { name },
        ...(pullSecrets.length > 0 && { imagePullSecrets: pullSecrets.map((secret) => ({ name: secret })) }),
      }),
    patchAccount: (namespace: string, name: string, body: unknown) =>
      merge(`/api/v1/namespaces/${namespace}/serviceaccounts/${name}`, body),
    /** The whole object, refused with 409 when somebody else was quicker: how most controllers write. */
    replaceAccount: (account: V1ServiceAccount) =>
      call<V1ServiceAccount>(
        'PUT',
        `/api/v1/namespaces/${account.metadata?.namespace}/serviceaccounts/${account.metadata?.name}`,
        account,
      ),

    createSecret: (namespace: string, name: string, content: string) =>
      call('POST', `/api/v1/namespaces/${namespace}/secrets`, {
        metadata: { name },
        type: 'kubernetes.io/dockerconfigjson',
        data: { [KEY]: content },
      }),
    setSecret: (namespace: string, name: string, content: string) =>
      merge(`/api/v1/namespaces/${namespace}/secrets/${name}`, { data: { [KEY]: content } }),
    annotateSecret: (namespace: string, name: string, annotations: Annotations) =>
      merge(`/api/v1/namespaces/${namespace}/secrets/${name}`, { metadata: { annotations } }),
    deleteSecret: (namespace: string, name = COPY) => call('DELETE', `/api/v1/namespaces/${namespace}/secrets/${name}`),
    /** Resolves to the version at which the copy in a namespace is deleted. The watch is open once `opened` was called. */
    async deletion(namespace: string, opened: () => void): Promise<number> {
      const version = (await self.secret(namespace))?.metadata?.resourceVersion;
      const events = client.watch(
        `/api/v1/namespaces/${namespace}/secrets?watch=1&resourceVersion=${version}&fieldSelector=metadata.name%3D${COPY}`,
        { signal },
      );
      opened();
      for await (const { type, object } of events)
        if (type === 'DELETED') return Number(object.metadata.resourceVersion);
      throw new ExpectationError(`the watch of the copy in ${namespace} ended`);
    },
    /** A pod whose kubelet says that it cannot pull. */
    async failingPod(namespace: string, name: string, image: string, message: string): Promise<void> {
      const at = `/api/v1/namespaces/${namespace}/pods`;
      await call('POST', at, { metadata: { name }, spec: { containers: [{ name: 'app', image }] } });
      await call(
        'PATCH',
        `${at}/${name}/status`,
        {
          status: {
            phase: 'Pending',
            containerStatuses: [
              {
                name: 'app',
                image,
                imageID: '',
                ready: false,
                restartCount: 0,
                state: { waiting: { reason: 'ErrImagePull', message } },
              },
            ],
          },
        },
        'application/merge-patch+json',
      );
    },
    deletePod: (namespace: string, name: string) =>
      call('DELETE', `/api/v1/namespaces/${namespace}/pods/${name}`, { gracePeriodSeconds: 0 }),
    /** A workload of one container; nobody runs it but who is told to. */
    createDeployment: (namespace: string, name: string) => {
      const labels = { app: name };
      return call('POST', `/apis/apps/v1/namespaces/${namespace}/deployments`, {
        metadata: { name },
        spec: {
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { containers: [{ name: 'registry', image: 'registry:2' }] } },
        },
      });
    },
    /** What the controller of the Deployment would report: its one pod runs what the template of this generation says. */
    reportRolled: (namespace: string, name: string, observedGeneration: number, isReady = true) => {
      const ready = isReady ? 1 : 0;
      return merge(`/apis/apps/v1/namespaces/${namespace}/deployments/${name}/status`, {
        status: { observedGeneration, replicas: 1, updatedReplicas: 1, readyReplicas: ready, availableReplicas: ready },
      });
    },
    deployment: (namespace: string, name: string) =>
      call<V1Deployment>('GET', `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`),
    deleteAccount: (namespace: string, name: string) =>
      call('DELETE', `/api/v1/namespaces/${namespace}/serviceaccounts/${name}`),

    /** `kubectl apply --server-side`; gives the kinds in order. */
    async apply(manifests: string): Promise<string[]> {
      const kinds: string[] = [];
      for (const document of parseAllDocuments(manifests)) {
        const { kind, metadata } = document.toJS() as { kind: string; metadata: { name: string; namespace?: string } };
        const place = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
        const path = `/apis/rbac.authorization.k8s.io/v1${place}/${kind.toLowerCase()}s/${metadata.name}?fieldManager=demo`;
        await call('PATCH', path, document.toJS(), 'application/apply-patch+yaml');
        kinds.push(kind);
      }
      return kinds;
    },
  };
  return self;
}

/** The API server refused a request. */
export class RefusedError extends Error {
  readonly code: number;
  constructor(message: string, code: number) {
    super(message);
    this.code = code;
  }
}

export function pullSecretsOf(account: V1ServiceAccount | undefined): string[] {
  return (account?.imagePullSecrets ?? []).map(({ name }) => name ?? '');
}
