/** What somebody with the controller's token could try on namespaces, nodes, rights, policies and other objects of the whole cluster. */
import { connect, create, get, list, patch, remove, SELF, update } from './attempt.ts';
import type { Attempt } from './attempt.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const ADMISSION = '/apis/admissionregistration.k8s.io/v1';
const object = (apiVersion: string, kind: string, name: string, fields: object = {}): object => ({
  ...{ apiVersion, kind, metadata: { name }, ...fields },
});
const rbac = (kind: string, name: string, fields: object): object =>
  object('rbac.authorization.k8s.io/v1', kind, name, fields);
const admission = (kind: string, name: string, fields: object): object =>
  object('admissionregistration.k8s.io/v1', kind, name, fields);
const ADMIN = {
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
  subjects: [SELF],
};
const EVERYTHING = [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }];
export const WHOLE_CLUSTER: readonly Attempt[] = [
  patch('Namespace', 'opt a tenant in', '/api/v1/namespaces/empty', {
    metadata: { annotations: { 'pullpass.dev/sync': 'enabled' } },
  }),
  patch('Namespace', 'allow privileged pods in it', '/api/v1/namespaces/team', {
    metadata: { labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } },
  }),
  create('Namespace', 'make one', '/api/v1/namespaces', object('v1', 'Namespace', 'evil')),
  remove('Namespace', 'delete one', '/api/v1/namespaces/team'),
  get('Node', 'read one', '/api/v1/nodes/node-1'),
  patch('Node', 'change its labels', '/api/v1/nodes/node-1', { metadata: { labels: { tier: 'a' } } }),
  connect('Node, proxy', 'reach its kubelet', '/api/v1/nodes/node-1/proxy/run/team/web-1/main'),
  remove('Node', 'delete one', '/api/v1/nodes/node-1'),
  create('Role', 'make one', `${RBAC}/namespaces/team/roles`, rbac('Role', 'evil', { rules: EVERYTHING })),
  create('ClusterRole', 'make one', `${RBAC}/clusterroles`, rbac('ClusterRole', 'evil', { rules: EVERYTHING })),
  patch('ClusterRole', 'widen its own', `${RBAC}/clusterroles/pullpass`, { rules: EVERYTHING }),
  create(
    'RoleBinding',
    'bind itself to a role',
    `${RBAC}/namespaces/team/rolebindings`,
    rbac('RoleBinding', 'evil', ADMIN),
  ),
  create(
    'ClusterRoleBinding',
    'bind itself to cluster-admin',
    `${RBAC}/clusterrolebindings`,
    rbac('ClusterRoleBinding', 'evil', ADMIN),
  ),
  patch('ClusterRoleBinding', 'add a subject to its own', `${RBAC}/clusterrolebindings/pullpass`, {
    subjects: [SELF, { kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'evil' }],
  }),
  list('ClusterRoleBindings', 'see who may do what', `${RBAC}/clusterrolebindings`),
  remove(
    'ValidatingAdmissionPolicy',
    'delete the one that holds it',
    `${ADMISSION}/validatingadmissionpolicies/pullpass-secrets`,
  ),
  patch('ValidatingAdmissionPolicy', 'change it', `${ADMISSION}/validatingadmissionpolicies/pullpass-secrets`, {
    spec: { failurePolicy: 'Ignore' },
  }),
  remove(
    'ValidatingAdmissionPolicyBinding',
    'delete it',
    `${ADMISSION}/validatingadmissionpolicybindings/pullpass-secrets`,
  ),
  patch(
    'ValidatingAdmissionPolicyBinding',
    'let it only warn',
    `${ADMISSION}/validatingadmissionpolicybindings/pullpass-secrets`,
    { spec: { validationActions: ['Warn'] } },
  ),
  create(
    'MutatingWebhookConfiguration',
    'see every Secret that is written',
    `${ADMISSION}/mutatingwebhookconfigurations`,
    admission('MutatingWebhookConfiguration', 'evil', {}),
  ),
  create(
    'ValidatingWebhookConfiguration',
    'make one',
    `${ADMISSION}/validatingwebhookconfigurations`,
    admission('ValidatingWebhookConfiguration', 'evil', {}),
  ),
  create(
    'CustomResourceDefinition',
    'make one',
    '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
    object('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'evils.example.com', {
      spec: {
        group: 'example.com',
        scope: 'Cluster',
        names: { plural: 'evils', kind: 'Evil' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
      },
    }),
  ),
  create(
    'APIService',
    'serve an API of its own',
    '/apis/apiregistration.k8s.io/v1/apiservices',
    object('apiregistration.k8s.io/v1', 'APIService', 'v1.example.com', {
      spec: {
        group: 'example.com',
        version: 'v1',
        groupPriorityMinimum: 100,
        versionPriority: 100,
        insecureSkipTLSVerify: true,
        service: { namespace: 'team', name: 'evil' },
      },
    }),
  ),
  create(
    'CertificateSigningRequest',
    'ask for a certificate',
    '/apis/certificates.k8s.io/v1/certificatesigningrequests',
    object('certificates.k8s.io/v1', 'CertificateSigningRequest', 'evil', {
      spec: { signerName: 'kubernetes.io/kube-apiserver-client', request: 'eA==', usages: ['client auth'] },
    }),
    { loose: true },
  ),
  update(
    'CertificateSigningRequest, approval',
    'approve one',
    '/apis/certificates.k8s.io/v1/certificatesigningrequests/evil/approval',
    object('certificates.k8s.io/v1', 'CertificateSigningRequest', 'evil'),
    { loose: true },
  ),
  create(
    'PersistentVolume',
    "with a node's files",
    '/api/v1/persistentvolumes',
    object('v1', 'PersistentVolume', 'evil', {
      spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/' } },
    }),
  ),
  create(
    'PriorityClass',
    'make one',
    '/apis/scheduling.k8s.io/v1/priorityclasses',
    object('scheduling.k8s.io/v1', 'PriorityClass', 'evil', { value: 1000 }),
  ),
  create(
    'TokenReview',
    'ask whose a token is',
    '/apis/authentication.k8s.io/v1/tokenreviews',
    object('authentication.k8s.io/v1', 'TokenReview', '', { spec: { token: 'x' } }),
    { loose: true },
  ),
  create(
    'SubjectAccessReview',
    'ask what others may',
    '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    object('authorization.k8s.io/v1', 'SubjectAccessReview', '', {
      spec: { user: 'x', resourceAttributes: { verb: 'get', resource: 'pods' } },
    }),
    { loose: true },
  ),
  get('/metrics', "read the API server's metrics", '/metrics'),
  get('/debug/pprof', "read the API server's profiles", '/debug/pprof/'),
  get('/configz', "read the API server's settings", '/configz', { loose: true }),
];
