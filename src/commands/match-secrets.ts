/** For `pullpass match`: reads the pull Secrets that a pod of a ServiceAccount would use. */
import type { V1Secret, V1ServiceAccount } from '@kubernetes/client-node';
import type { NamespaceSecret } from '../credentials/crio-mirror.ts';
import { UserError } from '../errors.ts';
import { isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { paths } from '../kube/paths.ts';
import { listPullSecrets } from '../observe/pull-secrets.ts';
import type { PullSecret } from './match-lookup.ts';

/** In the order of `imagePullSecrets`. Throws UserError if there is no such ServiceAccount. */
export async function readPullSecrets(
  client: KubeClient,
  namespace: string,
  serviceAccount: string,
): Promise<PullSecret[]> {
  let account: V1ServiceAccount;
  try {
    account = await client.get<V1ServiceAccount>(paths.serviceAccounts(namespace, serviceAccount));
  } catch (error) {
    if (isNotFound(error))
      throw new UserError(`no ServiceAccount "${serviceAccount}" in namespace "${namespace}"`, { cause: error });
    throw error;
  }
  const names = (account.imagePullSecrets ?? []).flatMap(({ name }) => (name ? [name] : []));
  return Promise.all(names.map(async (name) => ({ name, secret: await readSecret(client, namespace, name) })));
}

/** All pull Secrets of a namespace, whether anybody names them or not. Throws ApiError if they may not be listed. */
export async function listNamespaceSecrets(client: KubeClient, namespace: string): Promise<NamespaceSecret[]> {
  const lists = new Map<string, NamespaceSecret[]>();
  await listPullSecrets(client, {
    only: [namespace],
    each({ metadata: { name }, type, data }, list) {
      lists.set(list, [...(lists.get(list) ?? []), { name, secret: { type, data } }]);
    },
    restart: (list) => lists.delete(list),
  });
  return [...lists.values()].flat();
}

async function readSecret(client: KubeClient, namespace: string, name: string): Promise<PullSecret['secret']> {
  try {
    const { type = '', data = {} } = await client.get<V1Secret>(paths.secrets(namespace, name), { sensitive: true });
    return { type, data };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
