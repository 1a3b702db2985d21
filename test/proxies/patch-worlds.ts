/** Where patch adapters are tried: on objects in memory, and on a real kube-apiserver that serves the product's own CRD. */
import { KubeConfig } from '@kubernetes/client-node';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { configurationSchema } from '../../src/config/schema.ts';
import { ApiError, isForbidden } from '../../src/kube/api-error.ts';
import { createClient, type KubeClient } from '../../src/kube/client.ts';
import { connect } from '../../src/kube/connection.ts';
import type { ApiObject } from '../../src/kube/list.ts';
import { paths } from '../../src/kube/paths.ts';
import { allRights, type Right } from '../../src/plan/rights.ts';
import { createProxyKube } from '../../src/proxies/kube.ts';
import type { ProxyKube, Target } from '../../src/proxies/adapter.ts';
import type { ApiServer } from '../integration/env/api-server.ts';
import { findRealApi, startRealApi } from '../integration/env/real-api.ts';
import { createObjectServer, type ObjectServer } from '../sandbox/products/custom-objects.ts';
import { findCrd, NO_CONTRACTS } from '../sandbox/products/crds.ts';

export const COPY = 'upstream-registry';

/** A namespace of its own, an administrator, and whoever holds `rights` and those on the copies. */
export interface World {
  readonly namespace: string;
  /** An administrator, or the product. */
  readonly admin: ObjectServer;
  as(rights: readonly Right[]): Promise<Adapter>;
}

export interface Adapter {
  readonly kube: ProxyKube;
  /** On the real server: its own client, to see what it may do. */
  readonly client: KubeClient | undefined;
  /** As a list by name shows it. */
  observe(target: Target): Promise<ApiObject | undefined>;
  close(): Promise<void>;
}

/** `crds`: names such as `imagecaches.kubefledged.io`; all of one group and version. Calls `define` once a kind of server. */
export function onEachWorld(
  crds: readonly string[],
  apiVersion: string,
  define: (open: () => Promise<World>, kind: 'memory' | 'kube-apiserver') => void,
): void {
  const found = crds.map((name) => ({ apiVersion, resource: name.split('.')[0] ?? '', crd: findCrd(name) }));
  const known = found.every(({ crd }) => crd !== undefined);
  describe('on objects in memory', () => {
    define(async () => inMemory(createObjectServer(found)), 'memory');
  });

  const real = findRealApi();
  if ('missing' in real || !known) {
    describe('on kube-apiserver', () => test.skip('missing' in real ? real.missing : NO_CONTRACTS, () => undefined));
    return;
  }
  describe('on kube-apiserver', () => {
    let server: ApiServer | undefined;
    let connection: ReturnType<typeof open> | undefined;
    beforeAll(async () => {
      server = await startRealApi(real.found);
      connection = open(server.adminKubeconfig(), 'somebody');
      for (const { crd } of found)
        await connection.client.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crd ?? {});
      for (const { resource } of found)
        await until(async () => {
          await connection?.client.get(`/apis/${apiVersion}/${resource}`);
        });
    });
    afterAll(async () => {
      await connection?.close();
      await server?.stop();
    });
    define(async () => {
      if (server === undefined || connection === undefined) throw new Error('the server did not start');
      return onServer(server, connection.client);
    }, 'kube-apiserver');
  });
}

function inMemory(server: ObjectServer): World {
  const no = async (): Promise<never> => {
    throw new Error('patch adapters read and patch');
  };
  return {
    namespace: 'team',
    admin: server,
    as: async () => ({
      kube: {
        get: (path) => server.get(path),
        patch: (path, type, body) => server.patch(path, type, body),
        applySecret: no,
        readSecret: no,
      },
      client: undefined,
      observe: ({ path, name }) => server.get(`${path}/${name}`),
      close: async () => undefined,
    }),
  };
}

async function onServer(server: ApiServer, admin: KubeClient): Promise<World> {
  const namespace = `team-${randomUUID().slice(0, 8)}`;
  await admin.create(paths.namespaces(), { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  return {
    namespace,
    admin: {
      get: (path) =>
        admin.get<never>(path).catch((error: unknown) => {
          if (error instanceof ApiError && error.code === 404) return undefined;
          throw error;
        }),
      create: async (collection, body) =>
        void (await admin.create(collection, body, { query: { fieldValidation: 'Strict' } })),
      patch: async (path, type, body) => void (await admin.patch(path, type, body)),
    },
    async as(wanted) {
      const rights = [...wanted, ...copyRights()];
      await grant(admin, namespace, rights);
      const own = open(await server.kubeconfigFor({ namespace, name: 'pullpass' }));
      const { client } = own;
      const { signal } = new AbortController();
      // The authorizer learns of new roles a moment after they were written.
      for (const { apiGroup, resource, resourceNames: [name] = [], namespace: where } of rights) {
        await until(async () => {
          const { status } = await client.create<{ status: { allowed: boolean } }>(paths.selfSubjectAccessReviews(), {
            apiVersion: 'authorization.k8s.io/v1',
            kind: 'SelfSubjectAccessReview',
            spec: {
              resourceAttributes: { group: apiGroup, resource, name, namespace: where ?? namespace, verb: 'get' },
            },
          });
          if (!status.allowed) throw new Error(`${resource}: not granted yet`);
        });
      }
      return {
        client,
        kube: createProxyKube({ client, proxy: 'hub-cache', instance: 'pullpass-system', signal }),
        async observe({ path, name }) {
          const { items } = await client.get<{ items: ApiObject[] }>(path, {
            query: { fieldSelector: `metadata.name=${name}` },
          });
          return items[0];
        },
        close: () => own.close(),
      };
    },
  };
}

/** What every configuration with a source has. */
function copyRights(): Right[] {
  const configuration = configurationSchema.parse({
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Configuration',
    sources: [{ name: 'upstream', secret: { namespace: 'pullpass-system', name: 'upstream' }, copyName: COPY }],
  });
  return allRights(configuration, { namespace: 'pullpass-system' }).filter(
    ({ resource, resourceNames }) => resource === 'secrets' && resourceNames?.includes(COPY),
  );
}

/** A Role or ClusterRole for each right, and nothing besides. */
async function grant(admin: KubeClient, home: string, rights: readonly Right[]): Promise<void> {
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  await admin.create(paths.serviceAccounts(home), {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'pullpass' },
  });
  for (const [i, { apiGroup, resource, verbs, resourceNames, namespace }] of rights.entries()) {
    const prefix = namespace === undefined ? '' : `namespaces/${namespace}/`;
    const kind = namespace === undefined ? 'ClusterRole' : 'Role';
    const metadata = { name: `${home}-${i}` };
    await admin.create(`/apis/${apiVersion}/${prefix}${kind.toLowerCase()}s`, {
      apiVersion,
      kind,
      metadata,
      rules: [{ apiGroups: [apiGroup], resources: [resource], verbs, resourceNames }],
    });
    await admin.create(`/apis/${apiVersion}/${prefix}${kind.toLowerCase()}bindings`, {
      apiVersion,
      kind: `${kind}Binding`,
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: metadata.name },
      subjects: [{ kind: 'ServiceAccount', name: 'pullpass', namespace: home }],
    });
  }
}

/** The user agent is the field manager, where a request does not say. */
function open(kubeconfig: string, userAgent?: string): { client: KubeClient; close(): Promise<void> } {
  const config = new KubeConfig();
  config.loadFromString(kubeconfig);
  const connection = connect(config);
  return {
    client: createClient(connection, userAgent === undefined ? {} : { userAgent }),
    close: () => connection.close(),
  };
}

async function until(check: () => Promise<void>): Promise<void> {
  for (const deadline = Date.now() + 20_000; ;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline || isForbidden(error)) throw error;
    }
    await delay(25);
  }
}
