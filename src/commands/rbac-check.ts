/**
 * `pullpass rbac --check`: compares what a cluster grants to the controller's ServiceAccount with what the configuration needs.
 * What is missing, the API server says itself (SubjectAccessReview). What is beyond is read from the RBAC objects: of an authorizer
 * nobody can ask for all that it would allow.
 */
import type { RbacV1Subject, V1ClusterRoleBinding, V1PolicyRule, V1RoleBinding } from '@kubernetes/client-node';
import { deniedOf } from '../controller/missing-rights.ts';
import { isForbidden, isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { listPages } from '../kube/list.ts';
import type { ApiObject } from '../kube/list.ts';
import { accessChecks } from '../plan/rights.ts';
import type { Right } from '../plan/rights.ts';
import { plural } from '../text.ts';
import { excessOf } from './rbac-excess.ts';

export interface RbacCheck {
  /** User name of the ServiceAccount. */
  readonly user: string;
  readonly missing: readonly string[];
  readonly beyond: readonly { readonly rights: string; readonly by: string }[];
  /** Roles that `pullpass rbac` printed for another configuration. */
  readonly leftOver: readonly string[];
  /** Why a part could not be checked: then nothing is said about it. */
  readonly notChecked: readonly string[];
}

interface CheckOptions {
  readonly client: KubeClient;
  /** What the configuration needs. */
  readonly rights: readonly Right[];
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Name and labels of the printed roles. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

const RBAC = '/apis/rbac.authorization.k8s.io/v1';

/** Throws ApiError if the API server cannot be asked what is allowed. */
export async function checkRbac(options: CheckOptions): Promise<RbacCheck> {
  const { client, rights, namespace, serviceAccount } = options;
  const user = `system:serviceaccount:${namespace}:${serviceAccount}`;
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
  const denied = await deniedOf(client, accessChecks(rights), { as: { user, groups } });
  const missing = denied.map(({ description }) => description);
  try {
    const left = await leftOver(options);
    const grants = await grantsTo({ user, groups, namespace, serviceAccount }, client);
    const beyond = grants
      .filter(({ role }) => !left.has(role))
      .flatMap(({ rules, where, by }) => excessOf(rules, where, rights).map((each) => ({ rights: each, by })));
    return { user, missing, beyond, leftOver: [...left], notChecked: [] };
  } catch (error) {
    if (!isForbidden(error)) throw error;
    const why = `what is granted beyond that, and which roles are left over: no right to list and get roles and their bindings`;
    return { user, missing, beyond: [], leftOver: [], notChecked: [why] };
  }
}

interface Grant {
  /** `Role ns/name`. */
  readonly role: string;
  readonly rules: readonly V1PolicyRule[];
  /** undefined: in all namespaces. */
  readonly where: string | undefined;
  readonly by: string;
}

async function grantsTo(
  self: { user: string; groups: readonly string[]; namespace: string; serviceAccount: string },
  client: KubeClient,
): Promise<Grant[]> {
  const bindings = [
    ...(await list<V1ClusterRoleBinding>(client, 'clusterrolebindings')),
    ...(await list<V1RoleBinding>(client, 'rolebindings')),
  ];
  const found = await Promise.all(
    bindings.map(async ({ metadata: { name, namespace: where } = {}, roleRef, subjects = [] }): Promise<Grant[]> => {
      const mine = subjects.filter((subject) => isSubject(subject, self));
      if (mine.length === 0) return [];
      const isRole = roleRef.kind === 'Role';
      const at = isRole ? `namespaces/${encodeURIComponent(where ?? '')}/roles` : 'clusterroles';
      const { rules, metadata } = await client
        .get<ApiObject & { rules?: V1PolicyRule[] | null }>(`${RBAC}/${at}/${encodeURIComponent(roleRef.name)}`)
        .catch(noRole);
      // Kubernetes gives these to everybody: they are none of Pullpass.
      const forAll = mine.every(({ kind }) => kind === 'Group');
      if (forAll && metadata.labels?.['kubernetes.io/bootstrapping'] === 'rbac-defaults') return [];
      const role = isRole ? `Role ${where}/${roleRef.name}` : `ClusterRole ${roleRef.name}`;
      const binding = where === undefined ? `ClusterRoleBinding ${name}` : `RoleBinding ${where}/${name}`;
      return [{ role, rules: rules ?? [], where, by: `${role}, bound by ${binding}` }];
    }),
  );
  return found.flat();
}

/** A binding can be older than its role, or outlive it: then it grants nothing. */
function noRole(error: unknown): { rules: []; metadata: ApiObject['metadata'] } {
  if (!isNotFound(error)) throw error;
  return { rules: [], metadata: { name: '' } };
}

const isSubject = (
  { kind, name, namespace }: RbacV1Subject,
  self: { user: string; groups: readonly string[]; namespace: string; serviceAccount: string },
): boolean =>
  kind === 'ServiceAccount'
    ? name === self.serviceAccount && namespace === self.namespace
    : kind === 'User'
      ? name === self.user
      : self.groups.includes(name);

/** Roles of ours where the configuration needs none. */
async function leftOver({ client, rights, name, labels }: CheckOptions): Promise<Set<string>> {
  const needed = new Set(rights.map(({ namespace }) => namespace));
  const labelSelector = Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  const ours = [
    ...(await list<ApiObject>(client, 'clusterroles', labelSelector)),
    ...(await list<ApiObject>(client, 'roles', labelSelector)),
  ].filter(({ metadata }) => metadata.name === name && !needed.has(metadata.namespace));
  return new Set(
    ours.map(({ metadata: { namespace } }) =>
      namespace === undefined ? `ClusterRole ${name}` : `Role ${namespace}/${name}`,
    ),
  );
}

async function list<T>(client: KubeClient, resource: string, labelSelector?: string): Promise<T[]> {
  let found: T[] = [];
  await listPages(
    client,
    { path: `${RBAC}/${resource}`, ...(labelSelector !== undefined && { labelSelector }) },
    { each: (object) => found.push(object as T), restart: () => void (found = []) },
  );
  return found;
}

/** Ends with a line break. */
export function checkText({ user, missing, beyond, leftOver: left, notChecked }: RbacCheck): string {
  const lines = [
    ...missing.map((line) => `missing: ${line}`),
    ...beyond.map(({ rights, by }) => `beyond: may ${rights}: ${by}`),
    ...left.map((role) => `left over: ${role}: the configuration needs nothing there; delete it and its binding`),
    ...notChecked.map((line) => `not checked: ${line}`),
  ];
  const counts = [
    ...(missing.length > 0 ? [`${plural(missing.length, 'right')} missing`] : []),
    ...(beyond.length > 0 ? [`${plural(beyond.length, 'grant')} beyond what is needed`] : []),
    ...(left.length > 0 ? [`${plural(left.length, 'role')} left over`] : []),
    ...(notChecked.length > 0 ? ['not all could be checked'] : []),
  ];
  const last = counts.length === 0 ? 'has exactly the rights that the configuration needs' : counts.join(', ');
  return `${[...lines, `${user}: ${last}`].join('\n')}\n`;
}

const EXIT_DIFFERS = 3;

/** 0 only if everything was checked, and nothing differs. */
export function checkStatus({ missing, beyond, leftOver: left, notChecked }: RbacCheck): number {
  if (missing.length + beyond.length + left.length > 0) return EXIT_DIFFERS;
  return notChecked.length > 0 ? 1 : 0;
}
