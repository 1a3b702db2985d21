/** A cluster as tests speak of it: made by an administrator, looked at by an administrator. */
import type { V1Secret, V1ServiceAccount } from '@kubernetes/client-node';
import { KubeConfig } from '@kubernetes/client-node';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { RBAC_NAME } from '../../../src/commands/choices.ts';
import { renderRbac } from '../../../src/commands/rbac-text.ts';
import { renderPolicies } from '../../../src/commands/policies-text.ts';
import { isInSync } from '../../../src/plan/namespace.ts';
import { planCluster, readCluster } from '../../../src/sources/snapshot.ts';
import { configurationSchema } from '../../../src/config/schema.ts';
import type { Configuration } from '../../../src/config/schema.ts';
import { ApiError, isNotFound } from '../../../src/kube/api-error.ts';
import { createClient } from '../../../src/kube/client.ts';
import type { ClientOptions, KubeClient } from '../../../src/kube/client.ts';
import { connect } from '../../../src/kube/connection.ts';
import { paths } from '../../../src/kube/paths.ts';
import { createReach } from '../../../src/proxies/reach.ts';
import { createMetrics } from '../../../src/server/metrics.ts';
import { runManager } from '../../../src/controller/manager.ts';
import { createLog } from '../../../src/log.ts';
import type { ApiServer } from './api-server.ts';
import { applyPolicies, hasAdmission } from './policies.ts';
import type { ManagerOptions } from '../../../src/controller/manager-options.ts';

export const CONTROLLER_NAMESPACE = 'pullpass-system';
/** Whom the printed rights and policies are for. */
export const IDENTITY = { namespace: CONTROLLER_NAMESPACE, serviceAccount: RBAC_NAME };

/** What a test writes of an object. */
interface Meta {
  annotations?: Record<string, string>;
  labels?: Record<string, string>;
}

export interface Controller {
  /** Every line it logged, parsed. */
  readonly logs: Record<string, unknown>[];
  /** Requests that the controller made, as `verb resource code`; emptied by {@link forget}. */
  readonly calls: { verb: string; resource: string; code: number }[];
  writes(): string[];
  forget(): void;
  stop(): Promise<void>;
}

export interface Cluster {
  readonly admin: KubeClient;
  namespace(name: string, meta?: Meta): Promise<void>;
  annotateNamespace(name: string, annotations: Record<string, string | null>): Promise<void>;
  deleteNamespace(name: string): Promise<void>;
  serviceAccount(
    namespace: string,
    name: string,
    body?: Meta & { imagePullSecrets?: { name: string }[] },
  ): Promise<void>;
  annotateServiceAccount(namespace: string, name: string, annotations: Record<string, string | null>): Promise<void>;
  pullSecrets(namespace: string, name?: string): Promise<string[]>;
  secret(namespace: string, name: string, body: Partial<V1Secret>): Promise<V1Secret>;
  patchSecret(namespace: string, name: string, body: object): Promise<void>;
  deleteSecret(namespace: string, name: string): Promise<void>;
  getSecret(namespace: string, name: string): Promise<V1Secret | undefined>;
  getServiceAccount(namespace: string, name: string): Promise<V1ServiceAccount>;
  /** Passwords by registry in the copy, or undefined where there is none. */
  login(namespace: string, name: string): Promise<Record<string, string> | undefined>;
  /** Makes or replaces a source. */
  source(secret: { namespace: string; name: string }, logins: Record<string, string>): Promise<void>;
  events(
    namespace: string,
  ): Promise<{ reason: string; note: string; regarding: { kind: string; name: string }; type: string }[]>;
  /** Applies exactly what `pullpass rbac` prints, and starts the controller as the ServiceAccount that it is for. */
  controller(
    configuration: Configuration,
    options?: Partial<
      Pick<
        ManagerOptions,
        | 'identity'
        | 'leaderElection'
        | 'configurationFile'
        | 'timings'
        | 'concurrency'
        | 'address'
        | 'secureReport'
        | 'namespaces'
        | 'onListening'
      >
    >,
  ): Promise<Controller>;
  /** With PULLPASS_POLICIES=1 and a real API server, also the admission policies, so that each test shows what they let pass. */
  applyRbac(
    configuration: Configuration,
    options?: Pick<Partial<ManagerOptions>, 'secureReport' | 'namespaces'>,
  ): Promise<void>;
  /** A client of the controller's ServiceAccount. */
  asController(onCall?: ClientOptions['onCall']): Promise<{ client: KubeClient; close(): Promise<void> }>;
  /** Waits until `pullpass plan` has nothing left to change. */
  settled(configuration: Configuration): Promise<void>;
  close(): Promise<void>;
}

/** A configuration as a person writes it: without defaults, so that an older version reads it too. */
export function configurationDocument(...sources: { name: string; [key: string]: unknown }[]): object {
  return {
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Configuration',
    sources: sources.map(({ name, ...rest }) => ({
      name,
      secret: { namespace: CONTROLLER_NAMESPACE, name },
      copyName: `${name}-copy`,
      verify: 'off',
      ...rest,
    })),
  };
}

/** The same with defaults filled in, as a file would give it. */
export function configuration(...sources: { name: string; [key: string]: unknown }[]): Configuration {
  return configurationSchema.parse(configurationDocument(...sources));
}

/** The content of a Secret with one login per registry; the username is always `robot`. */
export function dockerConfig(logins: Record<string, string>): Record<string, string> {
  const auths = Object.fromEntries(
    Object.entries(logins).map(([registry, password]) => [
      registry,
      { username: 'robot', password, auth: Buffer.from(`robot:${password}`).toString('base64') },
    ]),
  );
  return { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') };
}

export async function createCluster(server: Pick<ApiServer, 'adminKubeconfig' | 'kubeconfigFor'>): Promise<Cluster> {
  const opened: { close(): Promise<void> }[] = [];
  const clientOf = (
    kubeconfig: string,
    options: ClientOptions = {},
  ): { client: KubeClient; close(): Promise<void> } => {
    const config = new KubeConfig();
    config.loadFromString(kubeconfig);
    const connection = connect(config);
    opened.push(connection);
    return { client: createClient(connection, options), close: () => connection.close() };
  };
  // Where a request does not say, the user agent is the field manager: it must not be ours.
  const { client: admin } = clientOf(server.adminKubeconfig(), { userAgent: 'test-admin' });
  const merge = (path: string, body: object): Promise<object> =>
    admin.patch(path, 'application/merge-patch+json', body);
  const controllers: Controller[] = [];

  const cluster: Cluster = {
    admin,
    async namespace(name, meta = {}) {
      await admin.create(paths.namespaces(), { apiVersion: 'v1', kind: 'Namespace', metadata: { name, ...meta } });
      await eventually(async () => {
        await cluster.getServiceAccount(name, 'default');
      });
    },
    async annotateNamespace(name, annotations) {
      await merge(paths.namespaces(name), { metadata: { annotations } });
    },
    async deleteNamespace(name) {
      await admin.delete(paths.namespaces(name));
    },
    async serviceAccount(namespace, name, { imagePullSecrets, ...meta } = {}) {
      await admin.create(paths.serviceAccounts(namespace), {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name, ...meta },
        ...(imagePullSecrets && { imagePullSecrets }),
      });
    },
    async annotateServiceAccount(namespace, name, annotations) {
      await merge(paths.serviceAccounts(namespace, name), { metadata: { annotations } });
    },
    async pullSecrets(namespace, name = 'default') {
      return ((await cluster.getServiceAccount(namespace, name)).imagePullSecrets ?? []).map(
        (entry) => entry.name ?? '',
      );
    },
    secret: (namespace, name, body) =>
      admin.create(paths.secrets(namespace), {
        apiVersion: 'v1',
        kind: 'Secret',
        ...body,
        metadata: { name, ...body.metadata },
      }),
    async patchSecret(namespace, name, body) {
      await merge(paths.secrets(namespace, name), body);
    },
    deleteSecret: (namespace, name) => admin.delete(paths.secrets(namespace, name)),
    getSecret: (namespace, name) => admin.get<V1Secret>(paths.secrets(namespace, name)).catch(undefinedIfGone),
    getServiceAccount: (namespace, name) => admin.get(paths.serviceAccounts(namespace, name)),
    async login(namespace, name) {
      const content = (await cluster.getSecret(namespace, name))?.data?.['.dockerconfigjson'];
      if (content === undefined) return undefined;
      const { auths } = JSON.parse(Buffer.from(content, 'base64').toString()) as {
        auths: Record<string, { password?: string }>;
      };
      return Object.fromEntries(Object.entries(auths).map(([registry, { password = '' }]) => [registry, password]));
    },
    async source({ namespace, name }, logins) {
      const body = { type: 'kubernetes.io/dockerconfigjson', data: dockerConfig(logins) };
      if ((await cluster.getSecret(namespace, name)) === undefined) await cluster.secret(namespace, name, body);
      else await cluster.patchSecret(namespace, name, { data: body.data });
    },
    async events(namespace) {
      const { items } = await admin.get<{
        items: { reason: string; note: string; type: string; regarding: { kind: string; name: string } }[];
      }>(paths.events(namespace));
      return items;
    },
    async applyRbac(config, { secureReport, namespaces } = {}) {
      await admin
        .create(paths.namespaces(), { apiVersion: 'v1', kind: 'Namespace', metadata: { name: CONTROLLER_NAMESPACE } })
        .catch(undefinedIfThere);
      for (const namespace of new Set(config.sources.map(({ secret }) => secret.namespace))) {
        await admin
          .create(paths.namespaces(), { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
          .catch(undefinedIfThere);
      }
      await admin
        .create(paths.serviceAccounts(CONTROLLER_NAMESPACE), {
          apiVersion: 'v1',
          kind: 'ServiceAccount',
          metadata: { name: 'pullpass' },
        })
        .catch(undefinedIfThere);
      for (const document of parseAllDocuments(renderRbac(config, { ...IDENTITY, secureReport, namespaces }))) {
        const object = document.toJS() as { kind: string; metadata: { name: string; namespace?: string } };
        const scope = object.metadata.namespace === undefined ? '' : `/namespaces/${object.metadata.namespace}`;
        await admin
          .patch(
            `/apis/rbac.authorization.k8s.io/v1${scope}/${object.kind.toLowerCase()}s/${object.metadata.name}`,
            'application/apply-patch+yaml',
            object,
            { query: { fieldManager: 'test', force: true } },
          )
          // As with kubectl: what is for a listed namespace that does not exist fails, and the rest is applied.
          .catch((error: unknown) => {
            if (namespaces === undefined) throw error;
            undefinedIfGone(error);
          });
      }
      const [first] = namespaces ?? ['default'];
      if (process.env['PULLPASS_POLICIES'] === '1' && first !== undefined && (await hasAdmission(admin))) {
        const { client, close } = await cluster.asController();
        await applyPolicies(admin, renderPolicies(config, IDENTITY), client, first);
        await close();
      }
    },
    asController: async (onCall) =>
      clientOf(await server.kubeconfigFor({ namespace: CONTROLLER_NAMESPACE, name: 'pullpass' }), onCall && { onCall }),
    async controller(config, options = {}) {
      await cluster.applyRbac(config, { secureReport: options.secureReport, namespaces: options.namespaces });
      const logs: Controller['logs'] = [];
      const calls: Controller['calls'] = [];
      const { client, close } = await cluster.asController((verb, resource, code) =>
        calls.push({ verb, resource, code }),
      );
      const stop = new AbortController();
      const { promise: ready, resolve: isReady } = Promise.withResolvers<void>();
      const running = runManager(
        {
          client,
          configuration: config,
          namespace: CONTROLLER_NAMESPACE,
          identity: 'test',
          leaderElection: false,
          concurrency: 32,
          address: '0',
          metrics: createMetrics({ version: 'test', processMetrics: false }),
          reach: createReach({ userAgent: 'test' }),
          log: createLog('debug', {
            write: (line: string) => {
              const entry = JSON.parse(line) as Record<string, unknown>;
              logs.push(entry);
              if (entry['msg'] === 'in step with the API server') isReady();
            },
          }),
          ...options,
        },
        stop.signal,
      );
      await Promise.race([
        ready,
        running.then(() => Promise.reject(new Error('the controller stopped before it was ready'))),
      ]);
      const controller: Controller = {
        logs,
        calls,
        writes: () =>
          calls
            .filter(({ verb, resource }) => verb !== 'get' && verb !== 'watch' && resource !== 'leases')
            .map(({ verb, resource, code }) => `${verb} ${resource} ${code}`),
        forget: () => void (calls.length = 0),
        async stop() {
          stop.abort();
          await running;
          await close();
        },
      };
      controllers.push(controller);
      return controller;
    },
    async settled(config) {
      await eventually(async () => {
        const { namespaces } = planCluster(await readCluster(admin, config, CONTROLLER_NAMESPACE));
        expect(namespaces.filter((plan) => !isInSync(plan)).map(({ namespace }) => namespace)).toEqual([]);
      });
    },
    async close() {
      await Promise.all(controllers.map((controller) => controller.stop()));
      await Promise.all(opened.map((connection) => connection.close()));
    },
  };
  return cluster;
}

/** Tries until it holds; after the time limit the last failure is the test's. */
export async function eventually(check: () => Promise<void>, timeoutMs = 20_000): Promise<void> {
  for (const deadline = Date.now() + timeoutMs; ;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await delay(25);
  }
}

function undefinedIfGone(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
  return undefined;
}

function undefinedIfThere(error: unknown): undefined {
  if (!(error instanceof ApiError && error.reason === 'AlreadyExists')) throw error;
  return undefined;
}
