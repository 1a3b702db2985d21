/** Who may read every Secret of the cluster, by ClusterRoleBindings: whoever may, reads the copies of every source. */
import type { V1ClusterRole, V1ClusterRoleBinding } from '@kubernetes/client-node';
import type { KubeClient } from '../../kube/client.ts';
import { listPages } from '../../kube/list.ts';
import { CLUSTER_ROLES, isAboutSecrets, readClusterBindings, readSecretGrants } from './controller-rights.ts';
import type { ControllerAccount } from './controller-rights.ts';
import type { Observation, SecretReader } from './observation.ts';

/** A `watch` without a `list` shows Secrets too. */
const READING = ['get', 'list', 'watch'];

/** Groups that begin with `system:`, and are no component of the cluster: everybody, or every pod. */
const EVERYBODY = /^system:(?:authenticated|unauthenticated|serviceaccounts(?::.*)?)$/;

/** What RBAC says of Secrets: of the controller, and of everybody. Throws ApiError if roles or bindings may not be read. */
export async function readRights(
  client: KubeClient,
  controller: ControllerAccount,
  signal?: AbortSignal,
): Promise<Pick<Observation, 'grants' | 'secretReaders'>> {
  const bindings = await readClusterBindings(client, signal);
  const [grants, secretReaders] = await Promise.all([
    readSecretGrants(client, controller, bindings, signal),
    readSecretReaders(client, { bindings, controller, signal }),
  ]);
  return { grants, secretReaders };
}

/** Sorted by kind, namespace and name; without the controller and the components of the cluster. Throws ApiError. */
export async function readSecretReaders(
  client: KubeClient,
  {
    bindings,
    controller,
    signal,
  }: {
    readonly bindings: readonly V1ClusterRoleBinding[];
    readonly controller: ControllerAccount;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<SecretReader[]> {
  const roles = await readingRoles(client, signal);
  const readers = new Map<
    string,
    { reader: Omit<SecretReader, 'verbs' | 'roles'>; verbs: Set<string>; of: Set<string> }
  >();
  for (const { roleRef, subjects = [] } of bindings) {
    const verbs = roles.get(roleRef.name);
    if (verbs === undefined) continue;
    for (const { kind, namespace, name } of subjects) {
      if (isOfTheCluster(kind, namespace, name, roleRef.name)) continue;
      if (kind === 'ServiceAccount' && namespace === controller.namespace && name === controller.name) continue;
      const id = JSON.stringify([kind, namespace ?? '', name]);
      let known = readers.get(id);
      if (known === undefined)
        readers.set(
          id,
          (known = {
            reader: { kind, name, ...(kind === 'ServiceAccount' && namespace !== undefined && { namespace }) },
            verbs: new Set(),
            of: new Set(),
          }),
        );
      known.of.add(roleRef.name);
      for (const verb of verbs) known.verbs.add(verb);
    }
  }
  return [...readers]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { reader, verbs, of }]) => ({
      ...reader,
      verbs: READING.filter((verb) => verbs.has(verb)),
      roles: [...of].sort(),
    }));
}

/** By name: the reading verbs that a ClusterRole gives for Secrets of any name. */
async function readingRoles(client: KubeClient, signal: AbortSignal | undefined): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>();
  await listPages(
    client,
    { path: CLUSTER_ROLES },
    {
      ...(signal && { signal }),
      each(object) {
        const { metadata, rules } = object as unknown as V1ClusterRole;
        // null: a role without rules, as Go may write it.
        const granted = new Set(
          (rules ?? [])
            .filter((rule) => isAboutSecrets(rule) && (rule.resourceNames ?? []).length === 0)
            .flatMap(({ verbs }) => verbs),
        );
        const verbs = READING.filter((verb) => granted.has(verb) || granted.has('*'));
        if (verbs.length > 0) found.set(metadata?.name ?? '', verbs);
      },
      restart: () => found.clear(),
    },
  );
  return found;
}

/** A component of Kubernetes itself, which Kubernetes lets read Secrets. */
function isOfTheCluster(kind: string, namespace: string | undefined, name: string, role: string): boolean {
  if (kind === 'ServiceAccount') return namespace === 'kube-system' && role.startsWith('system:');
  return name.startsWith('system:') && !EVERYBODY.test(name);
}
