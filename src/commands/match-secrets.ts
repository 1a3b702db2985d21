/** For `pullpass match`: reads the pull Secrets that a pod of a ServiceAccount would use. */
import type { V1Secret, V1ServiceAccount } from '@kubernetes/client-node';
import { UserError } from '../errors.ts';
import { isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { paths } from '../kube/paths.ts';
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

async function readSecret(client: KubeClient, namespace: string, name: string): Promise<PullSecret['secret']> {
  try {
    const { type = '', data = {} } = await client.get<V1Secret>(paths.secrets(namespace, name), { sensitive: true });
    return { type, data };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
