/** What somebody with the controller's token could try on ServiceAccounts. */
import { apply, create, impersonate, patch, remove, removeAll, update } from './attempt.ts';
import type { Attempt } from './attempt.ts';
import { COPY, NAMESPACE } from './cluster.ts';

const at = (namespace: string, name = 'default'): string => `/api/v1/namespaces/${namespace}/serviceaccounts/${name}`;
const ON = 'ServiceAccount';
const team = at('team');
const annotated = (tried: string, key: string, value: string | null): Attempt =>
  patch(ON, tried, team, { metadata: { annotations: { [key]: value } } });
const listed = (tried: string, ...names: string[]): Attempt =>
  patch(ON, tried, team, { imagePullSecrets: names.map((name) => (name === '' ? {} : { name })) });
const RECORD = '/metadata/annotations/pullpass.dev~1added-pull-secrets';
const token = {
  apiVersion: 'authentication.k8s.io/v1',
  kind: 'TokenRequest',
  spec: { audiences: [], expirationSeconds: 600 },
};

export const ACCOUNTS: readonly Attempt[] = [
  annotated(
    'give it an AWS role: `eks.amazonaws.com/role-arn`',
    'eks.amazonaws.com/role-arn',
    'arn:aws:iam::1:role/admin',
  ),
  annotated(
    'give it a Google account: `iam.gke.io/gcp-service-account`',
    'iam.gke.io/gcp-service-account',
    'a@b.iam.gserviceaccount.com',
  ),
  annotated(
    'give it an Azure identity: `azure.workload.identity/client-id`',
    'azure.workload.identity/client-id',
    '1-2',
  ),
  annotated('set an annotation of others', 'owner', 'b'),
  annotated('remove an annotation of others', 'owner', null),
  annotated('opt it in by itself: `pullpass.dev/sync`', 'pullpass.dev/sync', 'enabled'),
  annotated(
    'let it mount any Secret: `kubernetes.io/enforce-mountable-secrets`',
    'kubernetes.io/enforce-mountable-secrets',
    'false',
  ),
  patch(ON, 'remove all annotations', team, { metadata: { annotations: null } }),
  patch(ON, 'add a label: `azure.workload.identity/use`', team, {
    metadata: { labels: { 'azure.workload.identity/use': 'true' } },
  }),
  patch(ON, 'change a label', team, { metadata: { labels: { team: 'b' } } }),
  patch(ON, 'remove a label', team, { metadata: { labels: { team: null } } }),
  patch(ON, 'mount its token: `automountServiceAccountToken`', team, { automountServiceAccountToken: true }),
  patch(ON, 'add to its `secrets`', team, { secrets: [{ name: 'database' }, { name: 'evil' }] }),
  patch(ON, 'remove its `secrets`', team, { secrets: null }),
  patch(ON, 'add a finalizer', team, { metadata: { finalizers: ['example.com/keep'] } }),
  patch(ON, 'give it an owner, to have it deleted', team, {
    metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'gone', uid: '1' }] },
  }),
  listed('reference a Secret of its own choice', 'theirs', 'second', COPY, 'evil'),
  listed('reference it in front of others', 'evil', 'theirs', 'second', COPY),
  listed('put a Secret in place of another', 'theirs', 'evil', COPY),
  listed("remove somebody's entry", 'theirs', COPY),
  listed('empty the list'),
  listed("move somebody's entries", 'second', 'theirs', COPY),
  listed("write somebody's entry twice", 'theirs', 'theirs', 'second', COPY),
  listed('add an entry without a name', 'theirs', 'second', COPY, ''),
  patch(ON, "remove somebody's entry by JSON Patch", team, [{ op: 'remove', path: '/imagePullSecrets/0' }]),
  apply(ON, 'take the list over by server-side apply', team, {
    ...{
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'default' },
      imagePullSecrets: [{ name: 'evil' }],
    },
  }),
  annotated("record somebody's entry as its own", 'pullpass.dev/added-pull-secrets', `${COPY},theirs`),
  patch(ON, "record somebody's entry as its own, and remove it at once", team, [
    { op: 'replace', path: RECORD, value: `${COPY},theirs` },
    { op: 'remove', path: '/imagePullSecrets/0' },
  ]),
  annotated('record names as those of another instance', 'pullpass.dev/added-pull-secrets', `${COPY},theirs@elsewhere`),
  patch(ON, 'reference the copy where the guard says no', at('kube-system'), { imagePullSecrets: [{ name: COPY }] }),
  patch(ON, 'reference the copy where the controller runs, which the guard denies', at(NAMESPACE, 'pullpass'), {
    imagePullSecrets: [{ name: COPY }],
  }),
  patch(ON, 'give its own account an AWS role', at(NAMESPACE, 'pullpass'), {
    metadata: { annotations: { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::1:role/admin' } },
  }),
  create(ON, 'make one', '/api/v1/namespaces/team/serviceaccounts', {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'evil' },
  }),
  update(ON, 'replace one', team, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } }),
  remove(ON, 'delete one', team),
  removeAll(ON, 'delete all of a namespace', '/api/v1/namespaces/team/serviceaccounts'),
  create('ServiceAccount, token', 'get a token of a tenant', `${team}/token`, token),
  create('ServiceAccount, token', 'get a token of kube-system', `${at('kube-system')}/token`, token),
  create('ServiceAccount, token', 'get a longer token of its own', `${at(NAMESPACE, 'pullpass')}/token`, token),
  impersonate('a user', { 'Impersonate-User': 'admin' }),
  impersonate('the group system:masters', { 'Impersonate-User': 'admin', 'Impersonate-Group': 'system:masters' }),
  impersonate('another ServiceAccount', { 'Impersonate-User': 'system:serviceaccount:kube-system:default' }),
];
