/** The one table of every right that the controller uses: the RBAC printer and the start-up self-check both read it. */
import type { Configuration } from '../config/schema.ts';
import { LEASE_NAME, REPORT_NAME, REPORT_RESOURCES } from '../names.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';

/** One line of the table: verbs on a resource, where, and why. */
export interface Right {
  /** API group, `''` for the core one. */
  apiGroup: string;
  resource: string;
  verbs: Verb[];
  /** Sorted. Absent: every object of the resource. */
  resourceNames?: string[];
  /** Absent: in all namespaces, or the resource is cluster-scoped. */
  namespace?: string;
  /** JSON pointers of all that `patch` changes. RBAC cannot say that; the admission policies do. Absent: the whole object. */
  fields?: readonly string[];
  /** Completes the sentence "Pullpass needs this to ...". */
  why: string;
}

/** `spec.resourceAttributes` of a SelfSubjectAccessReview, and the line to print when the answer is no. */
interface AccessCheck {
  verb: Verb;
  group: string;
  resource: string;
  namespace?: string;
  name?: string;
  /** What is refused, what it prevents, what to do. */
  description: string;
}

/** The controller whose rights are computed. */
export interface RightsOptions {
  /** Where the controller runs: its Lease lives there. */
  namespace: string;
  /** Whether the page /report is only for users whom the cluster's RBAC lets see it (`--secure-report`). */
  secureReport?: boolean | undefined;
  /** The namespaces of `--namespaces`: all rights are in namespaces; undefined: the whole cluster. */
  namespaces?: readonly string[] | undefined;
}

/** Rights that every configuration needs. No Secrets here: rights on Secrets are limited to names. */
const CLUSTER_RIGHTS: readonly Right[] = [
  { apiGroup: '', resource: 'namespaces', verbs: ['get', 'list', 'watch'], why: 'see which namespaces opt in' },
  {
    apiGroup: '',
    resource: 'serviceaccounts',
    verbs: ['get', 'list', 'watch', 'patch'],
    why: 'add the reference to imagePullSecrets',
  },
  // `patch`: a repeated Event counts on in its `series`.
  {
    apiGroup: 'events.k8s.io',
    resource: 'events',
    verbs: ['create', 'patch'],
    why: 'report to the owners of a namespace',
  },
];

/** Questions only: a review is answered and not stored. A POST has no name, so neither right can be limited to a name. */
const REVIEW_RIGHTS: readonly Right[] = [
  {
    apiGroup: 'authentication.k8s.io',
    resource: 'tokenreviews',
    verbs: ['create'],
    why: 'see who asks for the page /report',
  },
  {
    apiGroup: 'authorization.k8s.io',
    resource: 'subjectaccessreviews',
    verbs: ['create'],
    why: 'see whether they may see the page /report',
  },
];
export const isReview = (resource: string): boolean => REVIEW_RIGHTS.some((right) => right.resource === resource);

/**
 * All rights that the controller needs for `configuration`, and no others.
 *
 * A list or watch of Secrets asks for `fieldSelector=metadata.name=<name>`: that is how the authorizer learns the name.
 * A copy is written by server-side apply, a PATCH: for an object that does not exist yet the API server checks `create`
 * *with* the name, unlike for a POST. So the rights on copies stay limited to their names, and `update` is not needed.
 */
export function requiredRights(configuration: Configuration, controller: RightsOptions): Right[] {
  const copyNames = sorted(configuration.sources.map((source) => source.copyName));
  const rights: Right[] = [
    ...CLUSTER_RIGHTS,
    secrets({ names: copyNames, verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'], why: 'keep the copies' }),
  ];
  const retired = sorted(configuration.retiredCopyNames).filter((name) => !copyNames.includes(name));
  if (retired.length > 0) {
    rights.push(
      secrets({ names: retired, verbs: ['get', 'list', 'watch', 'delete'], why: 'remove the copies of retired names' }),
    );
  }
  if (configuration.sources.some(({ canary }) => canary !== undefined)) {
    rights.push({ apiGroup: '', resource: 'pods', verbs: ['list'], why: 'see whether pulls of the canaries fail' });
  }
  if (configuration.schedules.audit !== undefined) rights.push(...auditRights(configuration.audit));
  for (const [namespace, names] of sourceSecrets(configuration)) {
    rights.push(
      secrets({
        namespace,
        names,
        verbs: ['get', 'list', 'watch'],
        why: 'read the sources and the logins of their aliases',
      }),
    );
  }
  return [...rights, ...leaseRights(controller.namespace), ...(controller.secureReport ? REVIEW_RIGHTS : [])];
}

/** The same rights as questions for SelfSubjectAccessReviews, one per verb and name. `flags`: of `pullpass rbac`. */
export function accessChecks(rights: readonly Right[], flags = ''): AccessCheck[] {
  return rights.flatMap((right) =>
    right.verbs.flatMap((verb) =>
      (right.resourceNames ?? [undefined]).map((name) => accessCheck(right, verb, name, flags)),
    ),
  );
}

/** Namespaces of sources, each with the names of the Secrets that are read there. Sorted. */
function sourceSecrets({ sources }: Configuration): [namespace: string, names: string[]][] {
  const byNamespace = new Map<string, string[]>();
  for (const { secret, aliases } of sources) {
    const logins = aliases.flatMap((alias) => ('login' in alias ? [alias.login.secret] : []));
    byNamespace.set(secret.namespace, [...(byNamespace.get(secret.namespace) ?? []), secret.name, ...logins]);
  }
  return sorted(byNamespace.keys()).map((namespace) => [namespace, sorted(byNamespace.get(namespace) ?? [])]);
}

function secrets({ names, ...right }: { names: string[]; verbs: Verb[]; why: string; namespace?: string }): Right {
  return { apiGroup: '', resource: 'secrets', resourceNames: names, ...right };
}

function auditRights({ reportObject }: Configuration['audit']): Right[] {
  return [
    { apiGroup: '', resource: 'pods', verbs: ['list'], why: 'audit which images are pulled with which credential' },
    ...(reportObject
      ? REPORT_RESOURCES.map(({ group, resource }): Right => ({
          apiGroup: group,
          resource,
          verbs: ['get', 'create', 'patch'],
          resourceNames: [REPORT_NAME],
          why: 'publish the audit for dashboards',
        }))
      : []),
  ];
}

function leaseRights(namespace: string): Right[] {
  const lease = { apiGroup: 'coordination.k8s.io', resource: 'leases', namespace };
  return [
    { ...lease, verbs: ['get', 'update'], resourceNames: [LEASE_NAME], why: 'elect the replica that acts' },
    // A POST has no name that the authorizer could compare, so `create` cannot be limited to a name.
    { ...lease, verbs: ['create'], why: 'create the Lease of the election' },
  ];
}

function accessCheck(
  { apiGroup: group, resource, namespace, why }: Right,
  verb: Verb,
  name: string | undefined,
  flags: string,
): AccessCheck {
  const what = name === undefined ? resource : `${resource} named "${name}"`;
  return {
    verb,
    group,
    resource,
    ...(namespace !== undefined && { namespace }),
    ...(name !== undefined && { name }),
    description:
      `cannot ${verb} ${what}${place(resource, namespace)}, needed to ${why}: ` +
      `apply the output of \`pullpass rbac${isReview(resource) ? ' --secure-report' : flags}\``,
  };
}

function place(resource: string, namespace: string | undefined): string {
  if (resource === 'namespaces' || isReview(resource)) return '';
  return namespace === undefined ? ' in all namespaces' : ` in namespace "${namespace}"`;
}

/** By code unit, each once: the order must not depend on the machine's locale. */
function sorted(values: Iterable<string>): string[] {
  return [...new Set(values)].sort();
}
