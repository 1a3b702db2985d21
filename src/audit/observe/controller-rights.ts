/** What RBAC lets the controller's ServiceAccount do with Secrets. */
import type {
  V1ClusterRole,
  V1ClusterRoleBinding,
  V1PolicyRule,
  V1RoleBinding,
  V1SelfSubjectAccessReview,
} from '@kubernetes/client-node';
import { isNotFound } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client.ts';
import { listPages } from '../../kube/list.ts';
import { paths } from '../../kube/paths.ts';
import type { Observation, SecretGrant } from './observation.ts';

export interface ControllerAccount {
  readonly namespace: string;
  readonly name: string;
}

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
export const CLUSTER_ROLES = `${RBAC}/clusterroles`;

type Binding = V1ClusterRoleBinding | V1RoleBinding;

/** Every ClusterRoleBinding. Throws ApiError. */
export const readClusterBindings = (client: KubeClient, signal?: AbortSignal): Promise<V1ClusterRoleBinding[]> =>
  bindingsThat(client, `${RBAC}/clusterrolebindings`, () => true, signal);

/**
 * From its bindings and their roles; empty if it has none. `bindings`: every ClusterRoleBinding. Throws ApiError if roles or
 * bindings may not be read.
 */
export async function readSecretGrants(
  client: KubeClient,
  account: ControllerAccount,
  bindings: readonly V1ClusterRoleBinding[],
  signal?: AbortSignal,
): Promise<SecretGrant[]> {
  const isOfIt = ({ subjects }: Binding): boolean => subjects?.some((subject) => isThe(subject, account)) === true;
  const everywhere = bindings.filter(isOfIt);
  const somewhere = await bindingsThat(client, `${RBAC}/rolebindings`, isOfIt, signal);
  const grants: SecretGrant[] = [];
  for (const { metadata, roleRef } of [...everywhere, ...somewhere]) {
    const namespace = metadata?.namespace;
    const roleNamespace = roleRef.kind === 'Role' ? namespace : undefined;
    const role = {
      kind: roleRef.kind,
      name: roleRef.name,
      ...(roleNamespace !== undefined && { namespace: roleNamespace }),
    };
    const at =
      roleNamespace === undefined ? CLUSTER_ROLES : `${RBAC}/namespaces/${encodeURIComponent(roleNamespace)}/roles`;
    for (const rule of (await rulesOf(client, `${at}/${encodeURIComponent(roleRef.name)}`, signal)).filter(
      isAboutSecrets,
    )) {
      grants.push({
        role,
        verbs: rule.verbs,
        names: rule.resourceNames ?? [],
        ...(namespace !== undefined && { namespace }),
      });
    }
  }
  return grants;
}

/**
 * For the controller, which may not read roles: asks the API server whether it may access Secrets of any name, in all
 * namespaces and in its own, where its roles are.
 */
export async function readOwnGrants(
  client: KubeClient,
  { namespace: own, name }: ControllerAccount,
  signal?: AbortSignal,
): Promise<Pick<Observation, 'grants'>> {
  const role = { kind: 'ServiceAccount', namespace: own, name };
  const granted = async (namespace: string | undefined): Promise<string[]> => {
    const answers = await Promise.all(
      SECRET_VERBS.map((verb) =>
        client.create<V1SelfSubjectAccessReview>(
          paths.selfSubjectAccessReviews(),
          {
            apiVersion: 'authorization.k8s.io/v1',
            kind: 'SelfSubjectAccessReview',
            spec: { resourceAttributes: { verb, resource: 'secrets', ...(namespace !== undefined && { namespace }) } },
          },
          { signal },
        ),
      ),
    );
    return SECRET_VERBS.filter((_, i) => answers[i]?.status?.allowed === true);
  };
  const everywhere = await granted(undefined);
  const here = (await granted(own)).filter((verb) => !everywhere.includes(verb));
  return {
    grants: [
      ...(everywhere.length > 0 ? [{ role, verbs: everywhere, names: [] }] : []),
      ...(here.length > 0 ? [{ role, namespace: own, verbs: here, names: [] }] : []),
    ],
  };
}

/** Each is asked without a name; for `create` that is what the server itself checks, as a POST names no object. */
const SECRET_VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];

async function bindingsThat(
  client: KubeClient,
  path: string,
  keep: (binding: Binding) => boolean,
  signal: AbortSignal | undefined,
): Promise<Binding[]> {
  let found: Binding[] = [];
  await listPages(
    client,
    { path },
    {
      ...(signal && { signal }),
      each: (object) => {
        const binding = object as unknown as Binding;
        if (keep(binding)) found.push(binding);
      },
      restart: () => {
        found = [];
      },
    },
  );
  return found;
}

/** Whether the subject is the account, or a group that contains it. */
function isThe(
  { kind, name, namespace }: { kind: string; name: string; namespace?: string },
  account: ControllerAccount,
): boolean {
  if (kind === 'ServiceAccount') return name === account.name && namespace === account.namespace;
  return (
    kind === 'Group' &&
    [`system:serviceaccounts:${account.namespace}`, 'system:serviceaccounts', 'system:authenticated'].includes(name)
  );
}

async function rulesOf(client: KubeClient, path: string, signal: AbortSignal | undefined): Promise<V1PolicyRule[]> {
  try {
    return (await client.get<V1ClusterRole>(path, { signal })).rules ?? [];
  } catch (error) {
    // A binding to a role that does not exist gives no rights.
    if (isNotFound(error)) return [];
    throw error;
  }
}

export function isAboutSecrets({ apiGroups = [], resources = [] }: V1PolicyRule): boolean {
  return (
    apiGroups.some((group) => group === '' || group === '*') &&
    resources.some((resource) => resource === 'secrets' || resource === '*')
  );
}
