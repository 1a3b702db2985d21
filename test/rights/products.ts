/** The same for a configuration with cache proxies, a retired name and a report object. */
import { configurationSchema } from '../../src/config/schema.ts';
import type { Cluster } from '../integration/env/cluster.ts';
import { dockerConfig } from '../integration/env/cluster.ts';
import { apply, patch, remove, update } from './attempt.ts';
import type { Attempt } from './attempt.ts';
import { deployment, NAMESPACE } from './cluster.ts';

export const PRODUCTS = configurationSchema.parse({
  apiVersion: 'pullpass.dev/v1alpha1',
  kind: 'Configuration',
  retiredCopyNames: ['old-registry'],
  sources: [
    { name: 'upstream', secret: { namespace: NAMESPACE, name: 'upstream-registry' }, copyName: 'upstream-registry' },
    { name: 'second', secret: { namespace: 'cache', name: 'second-registry' }, copyName: 'second-registry' },
  ],
  cacheProxies: [
    {
      ...{ name: 'hub-cache', kind: 'distribution', source: 'upstream', registry: 'registry.corp' },
      secret: { namespace: 'cache', name: 'hub-cache-login' },
      workload: { namespace: 'cache', name: 'hub-cache' },
    },
    {
      ...{ name: 'puller', kind: 'custom-resource', source: 'upstream', registry: 'registry.corp' },
      object: { apiVersion: 'example.com/v1', resource: 'pullers', namespace: 'cache', name: 'main' },
      path: '/spec/pullSecret',
      trigger: { annotation: 'example.com/refresh' },
    },
  ],
  schedules: { audit: '0 * * * *' },
  audit: { reportObject: true },
});

const source = '/api/v1/namespaces/cache/secrets/second-registry';
const login = '/api/v1/namespaces/cache/secrets/hub-cache-login';
const workload = '/apis/apps/v1/namespaces/cache/deployments/hub-cache';
const puller = '/apis/example.com/v1/namespaces/cache/pullers/main';
const reports = '/apis/openreports.io/v1alpha1/clusterreports';
const old = (namespace: string): string => `/api/v1/namespaces/${namespace}/secrets/old-registry`;
const labels = { 'app.kubernetes.io/managed-by': 'pullpass', 'pullpass.dev/cache-proxy': 'hub-cache' };
const rendered = (changes: { metadata?: object; [field: string]: unknown } = {}): object => ({
  ...{ apiVersion: 'v1', kind: 'Secret', type: 'Opaque', data: { REGISTRY_PROXY_USERNAME: 'eA==' }, ...changes },
  metadata: { name: 'hub-cache-login', labels, ...changes.metadata },
});
const report = (name: string, fields: object = {}): object => ({
  ...{ apiVersion: 'openreports.io/v1alpha1', kind: 'ClusterReport', metadata: { name, ...fields } },
});
const template = (metadata: object, spec: object = {}): object => ({ spec: { template: { metadata, spec } } });
const LOGIN = 'Secret of a cache proxy';
const WORKLOAD = 'Deployment of a cache proxy';
const OBJECT = 'custom object of a cache proxy';

export const PRODUCT_ATTEMPTS: readonly Attempt[] = [
  apply(
    'Secret, a source where its guard admits copies',
    'write over it, although it says that it may be adopted',
    source,
    {
      ...{
        apiVersion: 'v1',
        kind: 'Secret',
        type: 'kubernetes.io/dockerconfigjson',
        data: dockerConfig({ 'a.corp': 'y' }),
      },
      metadata: {
        name: 'second-registry',
        labels: { 'app.kubernetes.io/managed-by': 'pullpass', 'pullpass.dev/source': 'second' },
      },
    },
  ),
  apply(LOGIN, 'without labels', login, rendered({ metadata: { labels: {} } })),
  apply(
    LOGIN,
    "with another cache proxy's label",
    login,
    rendered({ metadata: { labels: { ...labels, 'pullpass.dev/cache-proxy': 'x' } } }),
  ),
  apply(
    LOGIN,
    'as a copy, too',
    login,
    rendered({ metadata: { labels: { ...labels, 'pullpass.dev/source': 'upstream' } } }),
  ),
  apply(
    LOGIN,
    'filled by Kubernetes with a token of a ServiceAccount',
    login,
    rendered({
      type: 'kubernetes.io/service-account-token',
      metadata: { labels, annotations: { 'kubernetes.io/service-account.name': 'default' } },
    }),
  ),
  apply(LOGIN, 'with an annotation', login, rendered({ metadata: { labels, annotations: { owner: 'x' } } })),
  apply(LOGIN, 'of its name, in another namespace', login.replace('cache', 'team'), rendered()),
  apply(
    LOGIN,
    "over somebody's Secret",
    login.replace('hub-cache-login', 'theirs'),
    rendered({ metadata: { name: 'theirs', labels } }),
  ),
  apply('Secret with a retired name', 'make one', old('empty'), {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: { name: 'old-registry' },
  }),
  patch('Secret with a retired name', "change somebody's", old('team'), {
    metadata: { labels: { 'pullpass.dev/source': 'x' } },
  }),
  remove('Secret with a retired name', "delete somebody's", old('team')),
  patch(WORKLOAD, 'change its image', workload, template({}, { containers: [{ name: 'main', image: 'evil' }] })),
  patch(
    WORKLOAD,
    'change another annotation of its pods',
    workload,
    template({ annotations: { 'example.com/role': 'x' } }),
  ),
  patch(WORKLOAD, 'remove another annotation of its pods', workload, template({ annotations: { owner: null } })),
  patch(WORKLOAD, 'change a label of its pods', workload, template({ labels: { tier: 'x' } })),
  patch(WORKLOAD, 'run it as another ServiceAccount', workload, template({}, { serviceAccountName: 'admin' })),
  patch(WORKLOAD, 'go on with a paused rollout', workload, { spec: { paused: null } }),
  patch(WORKLOAD, 'stop it', workload, { spec: { replicas: 0 } }),
  patch(WORKLOAD, 'change an annotation of itself', workload, { metadata: { annotations: { owner: 'x' } } }),
  patch(
    WORKLOAD,
    'change another of its namespace',
    workload.replace('hub-cache', 'other'),
    template({ annotations: { 'pullpass.dev/login': 'x' } }),
  ),
  remove(WORKLOAD, 'delete it', workload),
  patch(OBJECT, 'change another field', puller, { spec: { images: 'evil' } }),
  patch(OBJECT, 'remove another field', puller, { settings: null }),
  patch(OBJECT, 'change another annotation', puller, { metadata: { annotations: { owner: 'x' } } }),
  patch(OBJECT, 'change a label', puller, { metadata: { labels: { owner: 'x' } } }),
  patch(OBJECT, 'add a finalizer', puller, { metadata: { finalizers: ['example.com/keep'] } }),
  patch(OBJECT, 'change another one', puller.replace('main', 'other'), { spec: { pullSecret: 'upstream-registry' } }),
  apply('ClusterReport', 'write another one', `${reports}/other`, report('other')),
  apply('ClusterReport', 'write its own without its label', `${reports}/pullpass`, report('pullpass')),
  update('ClusterReport', "replace somebody's", `${reports}/other`, report('other'), { loose: true }),
  remove('ClusterReport', "delete somebody's", `${reports}/theirs`),
];

export const PRODUCT_USES: readonly Attempt[] = [
  apply(LOGIN, 'put another login into it', login, rendered()),
  patch(WORKLOAD, 'restart it', workload, template({ annotations: { 'pullpass.dev/login': 'x' } })),
  patch(OBJECT, 'point it at another Secret', puller, { spec: { pullSecret: 'x' } }),
  patch(OBJECT, 'trigger it', puller, {
    metadata: {
      annotations: { 'example.com/refresh': 'x', 'pullpass.dev/copies': '{}', 'login.pullpass.dev/puller': 'x' },
    },
  }),
  apply(
    'ClusterReport',
    'say anything in its own',
    `${reports}/pullpass`,
    report('pullpass', { labels: { 'pullpass.dev/role': 'report' } }),
  ),
];

const crd = (group: string, version: string, plural: string, kind: string, scope: string): object => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.${group}` },
  spec: {
    ...{ group, scope, names: { plural, kind } },
    versions: [
      {
        ...{ name: version, served: true, storage: true },
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
});

export async function setUpProducts({ admin, ...cluster }: Cluster): Promise<void> {
  await cluster.namespace('cache');
  for (const definition of [
    crd('example.com', 'v1', 'pullers', 'Puller', 'Namespaced'),
    crd('openreports.io', 'v1alpha1', 'clusterreports', 'ClusterReport', 'Cluster'),
  ])
    await admin.create('/apis/apiextensions.k8s.io/v1/customresourcedefinitions', definition);
  for (const name of ['hub-cache', 'other'])
    await admin.create(
      '/apis/apps/v1/namespaces/cache/deployments',
      deployment(name, { paused: true }, { owner: 'a' }),
    );
  await cluster.secret('cache', 'theirs', { type: 'Opaque' });
  await cluster.secret('cache', 'second-registry', {
    type: 'kubernetes.io/dockerconfigjson',
    data: dockerConfig({ 'a.corp': 'x' }),
    metadata: { annotations: { 'pullpass.dev/adopt': 'true' } },
  });
  await cluster.secret('team', 'old-registry', { type: 'Opaque' });
}

/** Objects of kinds that the server serves only some time after {@link setUpProducts}. */
export async function setUpObjects({ admin }: Cluster): Promise<void> {
  for (const name of ['main', 'other'])
    await admin.create('/apis/example.com/v1/namespaces/cache/pullers', {
      ...{ apiVersion: 'example.com/v1', kind: 'Puller', metadata: { name }, spec: { images: 'a' }, settings: {} },
    });
  await admin.create(reports, report('theirs'));
}
