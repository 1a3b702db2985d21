/** What somebody with the controller's token could try on Secrets. */
import { apply, create, get, list, patch, remove, removeAll, update, watch } from './attempt.ts';
import type { Attempt } from './attempt.ts';
import { COPY, copy, NAMESPACE } from './cluster.ts';

const all = '/api/v1/secrets';
const of = (namespace: string): string => `/api/v1/namespaces/${namespace}/secrets`;
const at = (namespace: string, name = COPY): string => `${of(namespace)}/${name}`;
const OTHER = 'another Secret';
const ON = 'Secret, the copy';
const opaque = (name: string): object => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, type: 'Opaque' });
const labels = { 'app.kubernetes.io/managed-by': 'pullpass', 'pullpass.dev/source': 'upstream' };
const PARTIAL = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

const READ: readonly Attempt[] = [
  get(OTHER, "a tenant's", at('team', 'database')),
  get(OTHER, 'of kube-system', at('kube-system', 'bootstrap-token-abcdef')),
  list('Secrets', 'all', all),
  list('Secrets', 'all of a namespace', of('team')),
  list('Secrets', 'all where it runs', of(NAMESPACE)),
  list('Secrets', 'the first one, page by page', `${all}?limit=1`),
  list('Secrets', 'by the name of another', `${all}?fieldSelector=metadata.name%3Ddatabase`),
  list('Secrets', "all but the copy's name", `${all}?fieldSelector=metadata.name%21%3D${COPY}`),
  list('Secrets', 'by type', `${all}?fieldSelector=type%3DOpaque`),
  list('Secrets', 'by namespace', `${all}?fieldSelector=metadata.namespace%3Dteam`),
  list('Secrets', 'by label, its own', `${all}?labelSelector=pullpass.dev%2Fsource`),
  { ...list('Secrets', 'only their metadata', all), headers: { accept: PARTIAL } },
  watch('Secrets', 'all', all),
  watch('Secrets', 'all of a namespace', of('team')),
  watch('Secrets', 'by the name of another', `${all}?fieldSelector=metadata.name%3Ddatabase`),
  watch('Secrets', 'all, by the old path', '/api/v1/watch/secrets'),
];

const WRITTEN: readonly Attempt[] = [
  create(OTHER, 'make one', of('team'), opaque('evil')),
  create(OTHER, 'make one without a name of its own: `generateName`', of('team'), {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { generateName: `${COPY}-` },
  }),
  create(ON, 'make it by a POST', of('empty'), copy('empty')),
  apply(OTHER, 'make one', at('team', 'evil'), opaque('evil')),
  patch(OTHER, 'change one', at('team', 'database'), { stringData: { password: 'y' } }),
  patch(OTHER, 'let itself adopt one', at('team', 'database'), {
    metadata: { annotations: { 'pullpass.dev/adopt': 'true' } },
  }),
  update(OTHER, 'replace one', at('team', 'database'), opaque('database')),
  update(ON, 'replace it', at('team'), copy('team')),
  remove(OTHER, 'delete one', at('team', 'database')),
  removeAll('Secrets', 'delete all of a namespace', of('team')),
  removeAll(ON, "all with the copy's name, in a namespace", `${of('team')}?fieldSelector=metadata.name%3D${COPY}`),
  apply(
    'Secret `pullpass-state`',
    'make one in another namespace',
    at('team', 'pullpass-state'),
    opaque('pullpass-state'),
  ),
  apply(
    'Secret `pullpass-state`',
    'make it without its label',
    at(NAMESPACE, 'pullpass-state'),
    opaque('pullpass-state'),
  ),
  apply('Secret `pullpass-state`', 'make it with another type', at(NAMESPACE, 'pullpass-state'), {
    ...opaque('pullpass-state'),
    type: 'example.com/other',
    metadata: {
      name: 'pullpass-state',
      labels: { 'app.kubernetes.io/managed-by': 'pullpass', 'pullpass.dev/role': 'state' },
    },
  }),
  remove('Secret `pullpass-state`', 'delete it', at(NAMESPACE, 'pullpass-state'), { loose: true }),
];

const SOURCE: readonly Attempt[] = [
  patch('Secret, the source', 'write a login into it', at(NAMESPACE), {
    stringData: { '.dockerconfigjson': '{"auths":{}}' },
  }),
  apply('Secret, the source', 'write a copy over it', at(NAMESPACE), copy(NAMESPACE)),
  patch('Secret, the source', "confirm a removal in its owner's name", at(NAMESPACE), {
    metadata: { annotations: { 'pullpass.dev/confirm-removal': 'x' } },
  }),
  patch('Secret, the source', 'label it as a copy, to delete it', at(NAMESPACE), { metadata: { labels } }),
  remove('Secret, the source', 'delete it', at(NAMESPACE)),
];

const made = (tried: string, changes: { metadata?: object; [field: string]: unknown }): Attempt =>
  apply(ON, tried, at('empty'), copy('empty', changes));
const changed = (tried: string, body: object): Attempt => patch(ON, tried, at('mixed'), body);

const COPIES: readonly Attempt[] = [
  apply(ON, 'make it where the guard says no', at('kube-system'), copy('kube-system')),
  apply(
    ON,
    'make a Secret with its name that Kubernetes fills with a token of another ServiceAccount, to read that',
    at('empty'),
    {
      ...{ apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/service-account-token' },
      metadata: { name: COPY, annotations: { 'kubernetes.io/service-account.name': 'default' } },
    },
  ),
  apply(ON, 'the same in kube-system, with labels of a copy', at('kube-system'), {
    ...{ apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/service-account-token' },
    metadata: { name: COPY, labels, annotations: { 'kubernetes.io/service-account.name': 'default' } },
  }),
  made('with the type of a bootstrap token', { type: 'bootstrap.kubernetes.io/token' }),
  made('as `Opaque`', { type: 'Opaque' }),
  made('without labels', { metadata: { labels: {} } }),
  made('without the label that tells people whose it is', {
    metadata: { labels: { 'pullpass.dev/source': 'upstream' } },
  }),
  made('without the label of its source', { metadata: { labels: { 'app.kubernetes.io/managed-by': 'pullpass' } } }),
  made('with the name of no source', { metadata: { labels: { ...labels, 'pullpass.dev/source': 'other' } } }),
  made('as the login of a cache proxy, too', { metadata: { labels: { ...labels, 'pullpass.dev/cache-proxy': 'x' } } }),
  made('with a label that Argo CD reads clusters by', {
    metadata: { labels: { ...labels, 'argocd.argoproj.io/secret-type': 'cluster' } },
  }),
  made('with an annotation that a replicator reads', {
    metadata: { annotations: { 'replicator.v1.mittwald.de/replicate-to': '*' } },
  }),
  made('with more data', { data: { '.dockerconfigjson': 'e30=', 'tls.key': 'eA==' } }),
  made('immutable', { immutable: true }),
  made('with a finalizer', { metadata: { labels, finalizers: ['example.com/keep'] } }),
  made('with an owner', {
    metadata: { labels, ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'gone', uid: '1' }] },
  }),
  changed('make it immutable', { immutable: true }),
  changed('add data', { data: { key: 'eA==' } }),
  changed('change a label of others', { metadata: { labels: { team: 'b' } } }),
  changed('remove a label of others', { metadata: { labels: { team: null } } }),
  changed('change an annotation of others', { metadata: { annotations: { owner: 'b' } } }),
  changed("remove somebody's finalizer", { metadata: { finalizers: null } }),
  changed('give it an owner', {
    metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'gone', uid: '1' }] },
  }),
  changed('take its label off, so that nobody knows whose it is', {
    metadata: { labels: { 'pullpass.dev/source': null } },
  }),
  apply("somebody's Secret with the copy's name", 'write over it', at('taken'), copy('taken')),
  patch("somebody's Secret with the copy's name", 'label it as a copy, to delete it', at('taken'), {
    metadata: { labels },
  }),
  patch("somebody's Secret with the copy's name", 'let itself adopt it', at('taken'), {
    metadata: { annotations: { 'pullpass.dev/adopt': 'true' } },
  }),
  remove("somebody's Secret with the copy's name", 'delete it', at('taken')),
  patch(
    'Secret with the label of another owner',
    'take it over, although it says that it may be adopted',
    at('marked'),
    {
      metadata: { labels: { ...labels, 'pullpass.dev/cache-proxy': null } },
    },
  ),
];

export const SECRETS: readonly Attempt[] = [...READ, ...WRITTEN, ...SOURCE, ...COPIES];
