/** What a new cluster contains: system namespaces and the built-in roles that clients rely on. */
import { randomUUID } from 'node:crypto';
import type { Json, JsonObject, KubeObject } from '../json.ts';
import type { Store } from '../store/store.ts';

const RBAC = 'rbac.authorization.k8s.io';
const DISCOVERY = [
  '/api',
  '/api/*',
  '/apis',
  '/apis/*',
  '/healthz',
  '/livez',
  '/openapi',
  '/openapi/*',
  '/readyz',
  '/version',
  '/version/',
];
const PUBLIC = ['/healthz', '/livez', '/readyz', '/version', '/version/'];
const READ = ['get', 'list', 'watch'];
const WRITE = ['create', 'delete', 'deletecollection', 'patch', 'update'];

const resources = (apiGroups: string[], names: string[], verbs: string[]): JsonObject => ({
  verbs,
  apiGroups,
  resources: names,
});
const VIEWED = [
  resources([''], ['configmaps', 'serviceaccounts', 'pods', 'pods/status', 'events', 'namespaces'], READ),
  resources(['apps'], ['deployments', 'deployments/status'], READ),
  resources(['events.k8s.io'], ['events'], READ),
];
const EDITED = [
  ...VIEWED,
  resources([''], ['secrets'], READ),
  resources([''], ['configmaps', 'secrets', 'serviceaccounts', 'pods', 'events'], WRITE),
  resources([''], ['serviceaccounts/token'], ['create']),
  resources(['apps'], ['deployments'], WRITE),
  resources(['coordination.k8s.io'], ['leases'], [...READ, ...WRITE]),
];

const ROLES: { readonly [name: string]: Json[] } = {
  'cluster-admin': [
    { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
    { verbs: ['*'], nonResourceURLs: ['*'] },
  ],
  admin: [...EDITED, resources([RBAC], ['roles', 'rolebindings'], [...READ, ...WRITE])],
  edit: EDITED,
  view: VIEWED,
  'system:discovery': [{ verbs: ['get'], nonResourceURLs: DISCOVERY }],
  'system:public-info-viewer': [{ verbs: ['get'], nonResourceURLs: PUBLIC }],
  'system:basic-user': [
    resources(['authorization.k8s.io'], ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'], ['create']),
    resources(['authentication.k8s.io'], ['selfsubjectreviews'], ['create']),
  ],
  'system:service-account-issuer-discovery': [
    { verbs: ['get'], nonResourceURLs: ['/.well-known/openid-configuration', '/openid/v1/jwks'] },
  ],
};

const BINDINGS: { readonly [role: string]: string[] } = {
  'cluster-admin': ['system:masters'],
  'system:discovery': ['system:authenticated'],
  'system:basic-user': ['system:authenticated'],
  'system:public-info-viewer': ['system:authenticated', 'system:unauthenticated'],
  'system:service-account-issuer-discovery': ['system:serviceaccounts'],
};

export function bootstrap(store: Store): void {
  const metadata = (name: string): KubeObject['metadata'] => ({
    name,
    uid: randomUUID(),
    creationTimestamp: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
  });
  for (const name of ['default', 'kube-node-lease', 'kube-public', 'kube-system']) {
    store.create('/namespaces', {
      kind: 'Namespace',
      apiVersion: 'v1',
      metadata: { ...metadata(name), labels: { 'kubernetes.io/metadata.name': name } },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    });
  }
  const labels = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };
  for (const [name, rules] of Object.entries(ROLES)) {
    store.create(`${RBAC}/clusterroles`, {
      kind: 'ClusterRole',
      apiVersion: `${RBAC}/v1`,
      metadata: { ...metadata(name), labels },
      rules,
    });
  }
  for (const [name, groups] of Object.entries(BINDINGS)) {
    store.create(`${RBAC}/clusterrolebindings`, {
      kind: 'ClusterRoleBinding',
      apiVersion: `${RBAC}/v1`,
      metadata: { ...metadata(name), labels },
      subjects: groups.map((group) => ({ kind: 'Group', apiGroup: RBAC, name: group })),
      roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name },
    });
  }
}
