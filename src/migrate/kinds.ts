/** The kinds that a migration reads, and the rights that this needs. */

export const WORKLOADS = [
  { kind: 'Deployment', group: 'apps/v1', resource: 'deployments' },
  { kind: 'StatefulSet', group: 'apps/v1', resource: 'statefulsets' },
  { kind: 'DaemonSet', group: 'apps/v1', resource: 'daemonsets' },
  { kind: 'Job', group: 'batch/v1', resource: 'jobs' },
  { kind: 'CronJob', group: 'batch/v1', resource: 'cronjobs' },
] as const;

const NEWER = ['v1', 'v1beta1', 'v1alpha1'].map((version) => `policies.kyverno.io/${version}`);
export const POLICIES = [
  { kind: 'ClusterPolicy', resource: 'clusterpolicies', versions: ['kyverno.io/v1'] },
  { kind: 'Policy', resource: 'policies', versions: ['kyverno.io/v1'] },
  { kind: 'GeneratingPolicy', resource: 'generatingpolicies', versions: NEWER },
  { kind: 'MutatingPolicy', resource: 'mutatingpolicies', versions: NEWER },
  { kind: 'NamespacedGeneratingPolicy', resource: 'namespacedgeneratingpolicies', versions: NEWER },
  { kind: 'NamespacedMutatingPolicy', resource: 'namespacedmutatingpolicies', versions: NEWER },
] as const;

/** Of other kinds, only those with annotations of a tool are kept. */
export const USES = [
  { kind: 'ConfigMap', version: 'v1', resource: 'configmaps' },
  { kind: 'Role', version: 'rbac.authorization.k8s.io/v1', resource: 'roles' },
  { kind: 'RoleBinding', version: 'rbac.authorization.k8s.io/v1', resource: 'rolebindings' },
] as const;

/** What `pullpass migrate` lists, for whoever grants it. */
export const READ: readonly {
  readonly apiGroup: string;
  readonly resources: readonly string[];
  readonly why: string;
}[] = [
  { apiGroup: '', resources: ['namespaces', 'serviceaccounts', 'pods'], why: 'see who uses which pull Secret' },
  { apiGroup: '', resources: ['secrets'], why: 'compare the logins of pull Secrets; none is printed' },
  {
    apiGroup: 'apps',
    resources: ['deployments', 'statefulsets', 'daemonsets'],
    why: 'find the tools, and templates that name a pull Secret',
  },
  { apiGroup: 'batch', resources: ['jobs', 'cronjobs'], why: 'find the tools, and templates that name a pull Secret' },
  { apiGroup: '', resources: ['configmaps'], why: 'see what else a tool serves' },
  { apiGroup: 'rbac.authorization.k8s.io', resources: ['roles', 'rolebindings'], why: 'see what else a tool serves' },
  { apiGroup: 'kyverno.io', resources: ['clusterpolicies', 'policies'], why: 'read policies of Kyverno' },
  {
    apiGroup: 'policies.kyverno.io',
    resources: ['generatingpolicies', 'mutatingpolicies', 'namespacedgeneratingpolicies', 'namespacedmutatingpolicies'],
    why: 'read policies of Kyverno',
  },
  { apiGroup: 'ops.alexellis.io', resources: ['clusterpullsecrets'], why: 'read what registry-creds copies' },
];
