/** What the token can still be used for with all policies in force: the page lists it, too. */
import { apply, create, get, list, patch, remove } from './attempt.ts';
import type { Attempt } from './attempt.ts';
import { COPY, copy, event, NAMESPACE } from './cluster.ts';

const secret = (namespace: string, name = COPY): string => `/api/v1/namespaces/${namespace}/secrets/${name}`;
const account = '/api/v1/namespaces/team/serviceaccounts/default';

export const ALLOWED: readonly Attempt[] = [
  get('Secret, the source', 'read it', secret(NAMESPACE)),
  get('Secret, the copy', 'read it, in any namespace', secret('team')),
  get("somebody's Secret with the copy's name", 'read it', secret('taken')),
  list(
    'Secrets',
    "all with the copy's name, in all namespaces",
    `/api/v1/secrets?fieldSelector=metadata.name%3D${COPY}`,
  ),
  list('ServiceAccounts', 'all', '/api/v1/serviceaccounts'),
  list('Namespaces', 'all', '/api/v1/namespaces'),
  list('Pods', 'all, with their environment (for the audit)', '/api/v1/pods'),
  apply(
    'Secret, the copy',
    'make one in a namespace that the guard admits, opted in or not',
    secret('empty'),
    copy('empty'),
  ),
  apply('Secret, the copy', 'put another login into it', secret('team'), copy('team')),
  apply(
    'Secret, the copy',
    'take its login away',
    secret('team'),
    copy('team', { data: { '.dockerconfigjson': 'e30=' } }),
  ),
  remove('Secret, the copy', 'delete it', secret('team')),
  patch('ServiceAccount', 'take the reference to the copy away', account, {
    imagePullSecrets: [{ name: 'theirs' }, { name: 'second' }],
  }),
  patch(
    'ServiceAccount',
    'add the reference where the guard admits the namespace, whichever account it is',
    '/api/v1/namespaces/empty/serviceaccounts/default',
    { imagePullSecrets: [{ name: COPY }] },
  ),
  create(
    'Event',
    "in the controller's own name, about anything",
    '/apis/events.k8s.io/v1/namespaces/team/events',
    event('x.1', 'pullpass.dev/controller'),
  ),
  create('Lease', 'hold the election', `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases`, {
    ...{
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'pullpass-controller' },
      spec: { holderIdentity: 'x' },
    },
  }),
  apply('Secret `pullpass-state`', 'forge what is remembered', secret(NAMESPACE, 'pullpass-state'), {
    ...{ apiVersion: 'v1', kind: 'Secret', type: 'Opaque' },
    metadata: {
      name: 'pullpass-state',
      labels: { 'app.kubernetes.io/managed-by': 'pullpass', 'pullpass.dev/role': 'state' },
    },
  }),
];
