/** A cluster with the shipped manifests and with what belongs to others, on a real API server. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { KubeClient } from '../../src/kube/client.ts';
import { dockerConfig } from '../integration/env/cluster.ts';
import type { Cluster } from '../integration/env/cluster.ts';

/** Of the shipped manifests. */
export const NAMESPACE = 'pullpass-system';
export const COPY = 'upstream-registry';
export const SERVICE_ACCOUNT = { name: 'pullpass', namespace: NAMESPACE };

const manifest = (file: string): string =>
  readFileSync(path.join(import.meta.dirname, '..', '..', 'manifests', file), 'utf8');
export const SHIPPED_POLICIES = manifest('components/policies/policies.yaml');

const COLLECTIONS: Readonly<Record<string, string>> = {
  Namespace: '/api/v1/namespaces',
  ServiceAccount: '/api/v1/namespaces/pullpass-system/serviceaccounts',
  Deployment: '/apis/apps/v1/namespaces/pullpass-system/deployments',
  ClusterRole: '/apis/rbac.authorization.k8s.io/v1/clusterroles',
  ClusterRoleBinding: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
  Role: '/apis/rbac.authorization.k8s.io/v1/namespaces/pullpass-system/roles',
  RoleBinding: '/apis/rbac.authorization.k8s.io/v1/namespaces/pullpass-system/rolebindings',
};

async function applyShipped(admin: KubeClient): Promise<void> {
  for (const file of ['namespace.yaml', 'service-account.yaml', 'rbac.yaml', 'deployment.yaml']) {
    for (const document of parseAllDocuments(manifest(file))) {
      const object = document.toJS() as { kind: string; metadata: { name: string } };
      await admin.patch(`${COLLECTIONS[object.kind]}/${object.metadata.name}`, 'application/apply-patch+yaml', object, {
        query: { fieldManager: 'test' },
      });
    }
  }
}

/** The copy as the controller applies it. */
export const copy = (namespace: string, changes: { metadata?: object; [field: string]: unknown } = {}): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  type: 'kubernetes.io/dockerconfigjson',
  data: dockerConfig({ 'registry.corp': 'pw' }),
  ...changes,
  metadata: {
    name: COPY,
    namespace,
    labels: { 'app.kubernetes.io/managed-by': 'pullpass', 'pullpass.dev/source': 'upstream' },
    ...changes.metadata,
  },
});

/**
 * `team` is opted in, `mixed` too, and others added to its objects; `empty` has no copy, in `taken` somebody else's Secret has the
 * copy's name, in `marked` one of another owner.
 */
export async function setUp(cluster: Cluster): Promise<void> {
  const { admin } = cluster;
  await applyShipped(admin);
  const opaque = { type: 'Opaque', stringData: { password: 'x' } };
  for (const name of ['team', 'mixed', 'empty', 'taken', 'marked']) await cluster.namespace(name);
  await cluster.source({ namespace: NAMESPACE, name: COPY }, { 'registry.corp': 'pw' });
  await cluster.secret('team', 'database', opaque);
  await cluster.secret('kube-system', 'bootstrap-token-abcdef', opaque);
  await cluster.secret('taken', COPY, {
    type: 'kubernetes.io/dockerconfigjson',
    data: dockerConfig({ 'a.corp': 'x' }),
  });

  await cluster.secret('marked', COPY, {
    type: 'kubernetes.io/dockerconfigjson',
    data: dockerConfig({ 'a.corp': 'x' }),
    metadata: { labels: { 'pullpass.dev/cache-proxy': 'x' }, annotations: { 'pullpass.dev/adopt': 'true' } },
  });
  const { client } = await cluster.asController();
  for (const namespace of ['team', 'mixed'])
    await client.patch(
      `/api/v1/namespaces/${namespace}/secrets/${COPY}`,
      'application/apply-patch+yaml',
      copy(namespace),
      {
        query: { fieldManager: 'pullpass' },
      },
    );
  await cluster.patchSecret('mixed', COPY, {
    metadata: { labels: { team: 'a' }, annotations: { owner: 'a' }, finalizers: ['example.com/keep'] },
  });
  const account = {
    imagePullSecrets: [{ name: 'theirs' }, { name: 'second' }, { name: COPY }],
    secrets: [{ name: 'database' }],
  };
  await admin.patch('/api/v1/namespaces/team/serviceaccounts/default', 'application/merge-patch+json', {
    ...account,
    metadata: { labels: { team: 'a' }, annotations: { owner: 'a', 'pullpass.dev/added-pull-secrets': COPY } },
  });

  await admin.create('/api/v1/nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } });
  await admin.create('/api/v1/namespaces/team/configmaps', {
    ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' } },
  });
  await admin.create(`/api/v1/namespaces/${NAMESPACE}/configmaps`, {
    ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'pullpass-config' } },
  });
  await admin.create('/api/v1/namespaces/team/pods', pod('web-1'));
  await admin.create('/apis/apps/v1/namespaces/team/deployments', deployment('web'));
  await admin.create('/apis/events.k8s.io/v1/namespaces/team/events', event('kubelet.1', 'kubelet'));
  await admin.create('/apis/events.k8s.io/v1/namespaces/team/events', event('own.1', 'pullpass.dev/controller'));
  for (const namespace of ['kube-system', NAMESPACE])
    await admin.create(`/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`, lease('scheduler'));
}

const container = { name: 'main', image: 'registry.corp/web:1' };
export const pod = (name: string, spec: object = {}): object => ({
  ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers: [container], ...spec } },
});
export const deployment = (name: string, spec: object = {}, annotations: object = {}): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name }, annotations }, spec: { containers: [container] } },
    ...spec,
  },
});
export const event = (name: string, reportingController: string, namespace = 'team'): object => ({
  apiVersion: 'events.k8s.io/v1',
  kind: 'Event',
  metadata: { name, namespace },
  eventTime: '2026-01-01T00:00:00.000000Z',
  ...{ reportingController, reportingInstance: 'one', action: 'Act', reason: 'Reason', type: 'Normal', note: 'text' },
  regarding: { apiVersion: 'v1', kind: 'Pod', namespace, name: 'web-1' },
});
export const lease = (name: string): object => ({
  ...{ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name }, spec: { holderIdentity: 'a' } },
});
