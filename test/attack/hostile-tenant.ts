/** A tenant who may do everything in its own namespaces and nothing elsewhere, and does all that could hurt others at once. */
import { KubeConfig } from '@kubernetes/client-node';
import { setTimeout as delay } from 'node:timers/promises';
import { eachBounded } from '../../src/async/bounded.ts';
import { ApiError, UnreachableError } from '../../src/kube/api-error.ts';
import { createClient } from '../../src/kube/client.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { connect } from '../../src/kube/connection.ts';
import { paths } from '../../src/kube/paths.ts';
import type { ApiServer } from '../integration/env/api-server.ts';
import type { Cluster } from '../integration/env/cluster.ts';
import { accountName, attacks, brokenAccount } from './hostile-acts.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const NAME = 'mallory';

/** What is done where only the noise counts: with all else, each reconcile takes so long that it tells little. */
const NOISY = ['flip accounts', 'forge Events', 'run pods'];

export interface Scale {
  /** ServiceAccounts that it has. */
  readonly accounts: number;
  /** Milliseconds between two acts of a kind. */
  readonly paceMs: number;
}

interface Tenant {
  readonly client: KubeClient;
  /** How often each kind of act was done, and refused by the API server. */
  readonly acts: ReadonlyMap<string, { done: number; refused: number }>;
  /** Makes its ServiceAccounts, and then acts until `signal` aborts. */
  attack(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** In the first namespace it does everything, in the second it makes noise. `copies`: names that Pullpass's copies have. The namespaces must exist. */
export async function createTenant(
  server: ApiServer,
  cluster: Cluster,
  namespaces: readonly string[],
  copies: readonly string[],
  scale: Scale,
): Promise<Tenant> {
  const [home = '', noisy = ''] = namespaces;
  await cluster.serviceAccount(home, NAME);
  for (const namespace of namespaces) {
    await cluster.admin.create(`${RBAC}/namespaces/${namespace}/roles`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: NAME },
      rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }],
    });
    await cluster.admin.create(`${RBAC}/namespaces/${namespace}/rolebindings`, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: NAME },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: NAME },
      subjects: [{ kind: 'ServiceAccount', namespace: home, name: NAME }],
    });
  }
  const config = new KubeConfig();
  config.loadFromString(await server.kubeconfigFor({ namespace: home, name: NAME }));
  const connection = connect(config);
  const client = createClient(connection, { userAgent: NAME });
  const acts = new Map<string, { done: number; refused: number }>();

  async function populate(signal: AbortSignal): Promise<void> {
    await client.patch(paths.namespaces(noisy), 'application/merge-patch+json', {
      metadata: { annotations: { 'pullpass.dev/sync': 'enabled', 'pullpass.dev/service-accounts': 'none' } },
    });
    await eachBounded(Array(scale.accounts).keys(), 10, async (n) => {
      if (!signal.aborted) await client.create(paths.serviceAccounts(home), brokenAccount(accountName(n), n));
    });
  }

  async function keepOn(name: string, act: (round: number) => Promise<unknown>, signal: AbortSignal): Promise<void> {
    const count = { done: 0, refused: 0 };
    acts.set(name, count);
    for (let round = 0; !signal.aborted; round++) {
      try {
        await act(round);
        count.done++;
      } catch (error) {
        if (!(error instanceof ApiError || error instanceof UnreachableError)) throw error;
        count.refused++;
      }
      // What is told keeps changing as fast as it can.
      await delay(name.startsWith('flip') ? 1 : scale.paceMs);
    }
  }

  return {
    client,
    acts,
    attack: async (signal) => {
      await populate(signal);
      const kinds = namespaces
        .flatMap((namespace) =>
          Object.entries(attacks({ client, namespace, copies, accounts: scale.accounts })).map(
            ([name, act]) => [`${name} in ${namespace}`, act] as const,
          ),
        )
        .filter(([name]) => !name.endsWith(noisy) || NOISY.some((act) => name.startsWith(act)));
      await Promise.all(kinds.map(([name, act]) => keepOn(name, act, signal)));
    },
    close: () => connection.close(),
  };
}

/** Whether the tenant is held to its own namespaces: then what it does elsewhere is Pullpass's doing. */
export async function isHeld(client: KubeClient, elsewhere: string): Promise<boolean> {
  const tries = [
    client.get(paths.secrets(elsewhere)),
    client.get(paths.namespaces()),
    client.patch(paths.namespaces(elsewhere), 'application/merge-patch+json', { metadata: { labels: { a: 'b' } } }),
    client.patch(paths.serviceAccounts(elsewhere, 'default'), 'application/merge-patch+json', {}),
  ];
  const answers = await Promise.allSettled(tries);
  return answers.every(({ status, ...answer }) => {
    const error: unknown = 'reason' in answer ? answer.reason : undefined;
    return status === 'rejected' && error instanceof ApiError && error.code === 403;
  });
}
