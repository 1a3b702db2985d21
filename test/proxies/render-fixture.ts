/** A namespace for one render adapter, which gets exactly the rights that its configuration needs. */
import type { V1Deployment, V1Secret } from '@kubernetes/client-node';
import { KubeConfig } from '@kubernetes/client-node';
import { createHmac, randomUUID } from 'node:crypto';
import { isNotFound } from '../../src/kube/api-error.ts';
import { createClient } from '../../src/kube/client.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { connect } from '../../src/kube/connection.ts';
import type { ApiObject } from '../../src/kube/list.ts';
import { paths } from '../../src/kube/paths.ts';
import { createProxyKube } from '../../src/proxies/kube.ts';
import type { CacheProxy, ProxyContext } from '../../src/proxies/adapter.ts';
import { ANNOTATION_LOGIN } from '../../src/proxies/render.ts';
import { createHttpClient } from '../../src/registry/http.ts';
import type { ProxyFixture } from '../conformance/cache-proxy.ts';
import type { ApiServer } from '../integration/env/api-server.ts';
import type { Faults } from '../sandbox/kube-api/faults.ts';
import type { Mac } from '../../src/credentials/digest.ts';
import { rightsOf } from './rights-of.ts';

export const mac: Mac = (text) => createHmac('sha256', 'a key of the tests').update(text).digest('hex');

/** What every config of a render kind has; names are the same in every namespace. */
export const shared = (namespace: string) => ({
  name: 'hub-cache',
  source: 'upstream',
  registry: 'docker.io',
  secret: { namespace, name: 'hub-cache-login' },
});
export const WORKLOAD = 'hub-cache';
export const workloadIn = (namespace: string): { kind: 'Deployment'; namespace: string; name: string } => ({
  kind: 'Deployment',
  namespace,
  name: WORKLOAD,
});

export interface Bench {
  readonly namespace: string;
  readonly admin: KubeClient;
  /** Acts with the rights that were granted. */
  readonly client: KubeClient;
  readonly context: ProxyContext;
  /** `verb resource code` of each write of {@link client}. */
  readonly writes: string[];
  /** Data of the rendered Secret, decoded; undefined: there is none. */
  data: () => Promise<Record<string, string> | undefined>;
  secret: () => Promise<V1Secret | undefined>;
  /** Value of the annotation that rolls {@link WORKLOAD}. */
  rolledTo: () => Promise<string | undefined>;
  observe: (proxy: CacheProxy) => Promise<(ApiObject | undefined)[]>;
  close: () => Promise<void>;
}

/** `config`: the client may do what it needs, no more. `workload: false` leaves out the Deployment {@link WORKLOAD}. */
export async function openBench(
  server: ApiServer,
  config: (namespace: string) => object,
  { workload = true } = {},
): Promise<Bench> {
  const namespace = `cache-${randomUUID().slice(0, 8)}`;
  const opened: { close(): Promise<void> }[] = [];
  const writes: string[] = [];
  const clientOf = (kubeconfig: string, count: boolean): KubeClient => {
    const config = new KubeConfig();
    config.loadFromString(kubeconfig);
    const connection = connect(config);
    opened.push(connection);
    return createClient(
      connection,
      count
        ? {
            onCall: (verb, resource, code) => {
              if (verb !== 'get') writes.push(`${verb} ${resource} ${code}`);
            },
          }
        : {},
    );
  };

  const admin = clientOf(server.adminKubeconfig(), false);
  await admin.create(paths.namespaces(), { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  await admin.create(paths.serviceAccounts(namespace), {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'pullpass' },
  });
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  await admin.create(`${rbac}/roles`, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name: 'pullpass' },
    rules: rightsOf(config(namespace)).map(({ apiGroup, resource, verbs, resourceNames }) => ({
      apiGroups: [apiGroup],
      resources: [resource],
      verbs,
      resourceNames,
    })),
  });
  await admin.create(`${rbac}/rolebindings`, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'pullpass' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'pullpass' },
    subjects: [{ kind: 'ServiceAccount', name: 'pullpass', namespace }],
  });
  const deployments = `/apis/apps/v1/namespaces/${namespace}/deployments`;
  if (workload) await admin.create(deployments, deployment());

  const client = clientOf(await server.kubeconfigFor({ namespace, name: 'pullpass' }), true);
  const { signal } = new AbortController();
  const http = createHttpClient();
  const optional = <T>(path: string): Promise<T | undefined> =>
    admin.get<T>(path).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
      return undefined;
    });
  const secret = (): Promise<V1Secret | undefined> => optional(paths.secrets(namespace, shared(namespace).secret.name));
  return {
    namespace,
    admin,
    client,
    writes,
    secret,
    context: {
      kube: createProxyKube({ client, proxy: shared(namespace).name, instance: 'pullpass-system', signal }),
      http,
      mac,
      signal,
      copyName: 'upstream-registry',
    },
    async data() {
      const found = await secret();
      return (
        found &&
        Object.fromEntries(
          Object.entries(found.data ?? {}).map(([key, base64]) => [key, Buffer.from(base64, 'base64').toString()]),
        )
      );
    },
    rolledTo: async () =>
      (await optional<V1Deployment>(`${deployments}/${WORKLOAD}`))?.spec?.template.metadata?.annotations?.[
        ANNOTATION_LOGIN
      ],
    observe: (proxy) => Promise.all(proxy.targets.map(({ path, name }) => optional<ApiObject>(`${path}/${name}`))),
    async close() {
      await Promise.all([http.close(), ...opened.map((connection) => connection.close())]);
    },
  };
}

/** The fixture of a conformance run. `holds` reads the Secret as the product would; `product` is taken down at the end. */
export async function renderFixture<Config extends object>(
  server: ApiServer,
  config: (namespace: string) => Config,
  make: (config: Config) => CacheProxy,
  holds: (bench: Bench) => ProxyFixture['holds'],
  product: { stop(): Promise<void> } = { stop: () => Promise.resolve() },
): Promise<ProxyFixture> {
  const bench = await openBench(server, config);
  const proxy = make(config(bench.namespace));
  return {
    proxy,
    context: bench.context,
    holds: holds(bench),
    writes: () => bench.writes.length,
    ...outage(server, bench.namespace),
    observe: () => bench.observe(proxy),
    async stop() {
      await product.stop();
      await bench.close();
    },
  };
}

/** What stands in front of the product is the API server; only the sandbox can be told to fail. */
function outage(server: ApiServer & { faults?: Faults }, namespace: string): Pick<ProxyFixture, 'goDown' | 'comeBack'> {
  const { faults } = server;
  if (faults === undefined) return {};
  const down: { remove(): void }[] = [];
  return {
    goDown: async () => void down.push(faults.add({ kind: 'reset', match: { namespace, verb: 'patch' } })),
    comeBack: async () => down.forEach((fault) => fault.remove()),
  };
}

function deployment(): V1Deployment {
  const labels = { app: WORKLOAD };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: WORKLOAD },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels, annotations: { 'example.com/kept': 'yes' } },
        spec: { containers: [{ name: 'cache', image: 'docker.io/library/registry:2.8.3' }] },
      },
    },
  };
}
