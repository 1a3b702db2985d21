/** API paths of the few kinds that Pullpass uses. Names are escaped: they can come from a command line. */

const at = (prefix: string, namespace: string | undefined, resource: string, name: string | undefined): string =>
  prefix +
  (namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`) +
  `/${resource}` +
  (name === undefined ? '' : `/${encodeURIComponent(name)}`);

export const paths = {
  namespaces: (name?: string) => at('/api/v1', undefined, 'namespaces', name),
  configMaps: (namespace: string, name?: string) => at('/api/v1', namespace, 'configmaps', name),
  secrets: (namespace?: string, name?: string) => at('/api/v1', namespace, 'secrets', name),
  serviceAccounts: (namespace?: string, name?: string) => at('/api/v1', namespace, 'serviceaccounts', name),
  pods: (namespace?: string) => at('/api/v1', namespace, 'pods', undefined),
  eviction: (namespace: string, pod: string) => `${at('/api/v1', namespace, 'pods', pod)}/eviction`,
  /** Of any kind, by its `apiVersion`; without a namespace: in all of them. */
  object: (apiVersion: string, namespace: string | undefined, resource: string, name?: string) =>
    at(apiVersion === 'v1' ? '/api/v1' : `/apis/${apiVersion}`, namespace, resource, name),
  deployments: (namespace: string, name: string) => at('/apis/apps/v1', namespace, 'deployments', name),
  events: (namespace: string, name?: string) => at('/apis/events.k8s.io/v1', namespace, 'events', name),
  leases: (namespace: string, name?: string) => at('/apis/coordination.k8s.io/v1', namespace, 'leases', name),
  subjectAccessReviews: () => '/apis/authorization.k8s.io/v1/subjectaccessreviews',
  nodes: () => '/api/v1/nodes',
  issuer: () => '/.well-known/openid-configuration',
  selfSubjectAccessReviews: () => '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
};
