/** What somebody with the controller's token could try on other objects in namespaces. */
import { connect, create, get, list, patch, remove, removeAll, update, watch } from './attempt.ts';
import type { Attempt } from './attempt.ts';
import { deployment, event, lease, NAMESPACE, pod } from './cluster.ts';

const core = (namespace: string, collection: string): string => `/api/v1/namespaces/${namespace}/${collection}`;
const apps = (namespace: string, name: string): string => `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`;
const events = (namespace: string): string => `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
const leases = (namespace: string): string => `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
const object = (apiVersion: string, kind: string, name: string, fields: object = {}): object => ({
  ...{ apiVersion, kind, metadata: { name }, ...fields },
});
const container = (fields: object): object => ({
  spec: { template: { spec: { containers: [{ name: 'controller', ...fields }] } } },
});
const web = core('team', 'pods/web-1');

const OWN_OBJECTS: readonly Attempt[] = [
  create('Event', "in somebody else's name", events('team'), event('evil.1', 'kubelet')),
  patch('Event', "change somebody's", `${events('team')}/kubelet.1`, {
    series: { count: 9, lastObservedTime: '2026-01-01T00:00:00.000000Z' },
  }),
  create(
    'Event',
    'of the old kind',
    core('team', 'events'),
    object('v1', 'Event', 'evil.2', { involvedObject: { namespace: 'team' } }),
  ),
  patch('Event', 'put a label on its own', `${events('team')}/own.1`, { metadata: { labels: { tier: 'a' } } }),
  remove('Event', 'delete one', `${events('team')}/kubelet.1`),
  list('Event', 'read all', '/apis/events.k8s.io/v1/events'),
  create('Lease', 'another one where it runs', leases(NAMESPACE), lease('evil')),
  create('Lease', 'in kube-system', leases('kube-system'), lease('evil')),
  patch('Lease', "take over another controller's", `${leases('kube-system')}/scheduler`, {
    spec: { holderIdentity: 'evil' },
  }),
  update(
    'Lease',
    "take over another controller's where it runs",
    `${leases(NAMESPACE)}/scheduler`,
    lease('scheduler'),
    { loose: true },
  ),
];

const WORKLOADS: readonly Attempt[] = [
  create('Pod', 'run one', core('team', 'pods'), pod('evil')),
  create(
    'Pod',
    "run one in kube-system with the node's files",
    core('kube-system', 'pods'),
    pod('evil', { hostPID: true, volumes: [{ name: 'x', hostPath: { path: '/' } }] }),
  ),
  get('Pod', 'read one', web),
  watch('Pods', 'all', '/api/v1/pods'),
  get('Pod, log', 'read it', `${web}/log`, { loose: true }),
  connect('Pod, exec', 'run a command in one', `${web}/exec?command=sh&stdin=true`),
  connect('Pod, attach', 'attach to one', `${web}/attach?stdin=true`),
  connect('Pod, port-forward', 'reach its ports', `${web}/portforward?ports=80`),
  connect('Pod, proxy', 'send requests to it', `${web}/proxy/`),
  patch('Pod, ephemeral containers', 'put a container into one', `${web}/ephemeralcontainers`, {
    spec: { ephemeralContainers: [{ name: 'evil', image: 'evil' }] },
  }),
  patch('Pod', 'change its image', web, [{ op: 'replace', path: '/spec/containers/0/image', value: 'evil' }]),
  remove('Pod', 'delete one', web),
  removeAll('Pods', 'delete all of a namespace', core('team', 'pods')),
  create('Pod, eviction', 'evict one', `${web}/eviction`, object('policy/v1', 'Eviction', 'web-1')),
  create(
    'Pod, binding',
    'place one on a node',
    `${web}/binding`,
    object('v1', 'Binding', 'web-1', { target: { kind: 'Node', name: 'node-1' } }),
  ),
  create('Deployment', 'run one', '/apis/apps/v1/namespaces/team/deployments', deployment('evil')),
  patch('Deployment', "change a tenant's image", apps('team', 'web'), container({ name: 'main', image: 'evil' })),
  patch('Deployment', 'restart one as it does with a cache', apps('team', 'web'), {
    spec: { template: { metadata: { annotations: { 'pullpass.dev/login': 'x' } } } },
  }),
  patch('Deployment', 'change the image of its own', apps(NAMESPACE, 'pullpass'), container({ image: 'evil' })),
  patch('Deployment, scale', 'stop its own', `${apps(NAMESPACE, 'pullpass')}/scale`, { spec: { replicas: 0 } }),
  create(
    'Job',
    'run one',
    '/apis/batch/v1/namespaces/team/jobs',
    object('batch/v1', 'Job', 'evil', {
      spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'a', image: 'evil' }] } } },
    }),
  ),
  get('ConfigMap', "read a tenant's", core('team', 'configmaps/settings')),
  patch('ConfigMap', 'change its own configuration', core(NAMESPACE, 'configmaps/pullpass-config'), {
    data: { 'config.yaml': '' },
  }),
  create('ConfigMap', 'make one', core('team', 'configmaps'), object('v1', 'ConfigMap', 'evil')),
  create(
    'Service',
    'make one',
    core('team', 'services'),
    object('v1', 'Service', 'evil', { spec: { ports: [{ port: 80 }] } }),
  ),
  create(
    'NetworkPolicy',
    'open one',
    '/apis/networking.k8s.io/v1/namespaces/team/networkpolicies',
    object('networking.k8s.io/v1', 'NetworkPolicy', 'evil', { spec: { podSelector: {}, ingress: [{}] } }),
  ),
];

export const OTHERS: readonly Attempt[] = [...OWN_OBJECTS, ...WORKLOADS];
