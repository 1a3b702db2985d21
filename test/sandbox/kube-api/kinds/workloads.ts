/** Pods, Deployments, ReplicaSets, Jobs and Nodes: stored as sent, with the defaults and merge keys that matter to clients. */
import { at, equal, isObject, textAt, type Json, type JsonObject, type KubeObject } from '../json.ts';
import { objectMeta, objectShape } from '../schema/metadata.ts';
import {
  always,
  any,
  atomicList,
  keyedList,
  string,
  strings,
  struct,
  type Field,
  type ListShape,
  type Shape,
} from '../schema/shape.ts';
import { forbiddenField, required, type FieldError } from '../validation/field-error.ts';
import { deploymentColumns, deploymentWideColumns, podColumns, podWideColumns } from './columns.ts';
import { defineKind } from './kind.ts';

const named = (
  name: string,
  fields: { [field: string]: Shape | Field } = {},
  keys: readonly string[] = ['name'],
): ListShape => keyedList(struct(name, fields, { open: true }), keys);

const env = named('EnvVar', { name: string, value: string, valueFrom: any });
const container = struct(
  'Container',
  {
    name: always(string),
    image: string,
    resources: always(struct('ResourceRequirements', {}, { open: true })),
    env,
    envFrom: atomicList(any),
    command: atomicList(string),
    args: atomicList(string),
    ports: { ...named('ContainerPort', {}, ['containerPort', 'protocol']), mergeKey: 'containerPort' },
    volumeMounts: named('VolumeMount', {}, ['mountPath']),
    volumeDevices: named('VolumeDevice', {}, ['devicePath']),
  },
  { open: true },
);

const podSpec = struct(
  'PodSpec',
  {
    volumes: named('Volume'),
    initContainers: keyedList(container, ['name']),
    containers: always(keyedList(container, ['name'])),
    ephemeralContainers: keyedList(container, ['name']),
    nodeSelector: { ...strings, atomic: true },
    imagePullSecrets: keyedList(struct('LocalObjectReference', { name: string }), ['name']),
    hostAliases: named('HostAlias', {}, ['ip']),
    tolerations: atomicList(any),
    topologySpreadConstraints: {
      ...named('TopologySpreadConstraint', {}, ['topologyKey', 'whenUnsatisfiable']),
      mergeKey: 'topologyKey',
    },
  },
  { open: true },
);

const podStatus = struct(
  'PodStatus',
  { conditions: named('PodCondition', {}, ['type']), podIPs: named('PodIP', {}, ['ip']) },
  { open: true },
);

/** Sets a field unless it is there. */
function fill(target: JsonObject, defaults: JsonObject): void {
  for (const [key, value] of Object.entries(defaults)) target[key] ??= value;
}

function defaultPodSpec(spec: JsonObject, ofPod: boolean): void {
  for (const list of ['containers', 'initContainers']) {
    const containers = spec[list];
    for (const item of Array.isArray(containers) ? containers : []) {
      if (!isObject(item)) continue;
      const image = textAt(item, 'image');
      const floating = !image.includes('@') && (!/:[^/]+$/.test(image) || image.endsWith(':latest'));
      fill(item, {
        resources: {},
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
        imagePullPolicy: floating ? 'Always' : 'IfNotPresent',
      });
    }
  }
  fill(spec, {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    securityContext: {},
    schedulerName: 'default-scheduler',
  });
  // Service account names are written twice, for old clients.
  const account = textAt(spec, 'serviceAccountName') || textAt(spec, 'serviceAccount');
  if (account !== '') fill(spec, { serviceAccountName: account, serviceAccount: account });
  if (ofPod) fill(spec, { enableServiceLinks: true, preemptionPolicy: 'PreemptLowerPriority', priority: 0 });
}

function validatePodSpec(spec: Json | undefined, path: string): FieldError[] {
  const containers = at(spec, 'containers');
  if (!Array.isArray(containers) || containers.length === 0) return [required(`${path}.containers`)];
  return containers.flatMap((item, index) =>
    ['name', 'image']
      .filter((field) => textAt(item, field) === '')
      .map((field) => required(`${path}.containers[${index}].${field}`)),
  );
}

/** What of a pod's spec may change after it was made. */
function frozenPart(object: KubeObject): Json {
  const spec = at(object, 'spec');
  if (!isObject(spec)) return null;
  const withoutImages = (list: Json | undefined): Json =>
    Array.isArray(list) ? list.map((item) => (isObject(item) ? { ...item, image: '' } : item)) : null;
  return {
    ...spec,
    containers: withoutImages(spec['containers']),
    initContainers: withoutImages(spec['initContainers']),
    activeDeadlineSeconds: null,
    tolerations: null,
  };
}

export const pod = defineKind({
  version: 'v1',
  kind: 'Pod',
  resource: 'pods',
  returnsDeleted: true,
  shortNames: ['po'],
  categories: ['all'],
  generation: true,
  shape: objectShape('Pod', { spec: always(podSpec), status: always(podStatus) }),
  subresources: [
    { name: 'eviction', kind: { group: 'policy', version: 'v1', kind: 'Eviction' }, verbs: ['create'] },
    { name: 'status', kind: { group: '', version: 'v1', kind: 'Pod' }, verbs: ['get', 'patch', 'update'] },
  ],
  fields: {
    'spec.nodeName': (object) => textAt(object, 'spec', 'nodeName'),
    'spec.restartPolicy': (object) => textAt(object, 'spec', 'restartPolicy'),
    'spec.schedulerName': (object) => textAt(object, 'spec', 'schedulerName'),
    'spec.serviceAccountName': (object) => textAt(object, 'spec', 'serviceAccountName'),
    'spec.hostNetwork': (object) => (at(object, 'spec', 'hostNetwork') === true ? 'true' : 'false'),
    'status.phase': (object) => textAt(object, 'status', 'phase'),
    'status.podIP': (object) => textAt(object, 'status', 'podIP'),
    'status.nominatedNodeName': (object) => textAt(object, 'status', 'nominatedNodeName'),
  },
  prepareCreate(object) {
    object['status'] = { phase: 'Pending', qosClass: 'BestEffort' };
  },
  defaults(object) {
    const spec = at(object, 'spec');
    if (isObject(spec)) defaultPodSpec(spec, true);
  },
  prepareUpdate(object, old) {
    object['status'] = at(old, 'status');
  },
  validate: (object) => validatePodSpec(at(object, 'spec'), 'spec'),
  validateUpdate(object, old) {
    if (equal(frozenPart(object), frozenPart(old))) return [];
    return [
      forbiddenField(
        'spec',
        'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
      ),
    ];
  },
  columns: podColumns,
  wideColumns: podWideColumns,
});

export const deployment = defineKind({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  resource: 'deployments',
  shortNames: ['deploy'],
  categories: ['all'],
  generation: true,
  shape: objectShape('Deployment', {
    spec: always(
      struct(
        'DeploymentSpec',
        {
          selector: always(struct('LabelSelector', {}, { open: true, atomic: true })),
          strategy: always(struct('DeploymentStrategy', {}, { open: true })),
          template: always(
            struct('PodTemplateSpec', { metadata: always(objectMeta), spec: always(podSpec) }, { open: true }),
          ),
        },
        { open: true },
      ),
    ),
    status: always(
      struct('DeploymentStatus', { conditions: named('DeploymentCondition', {}, ['type']) }, { open: true }),
    ),
  }),
  subresources: [
    { name: 'status', kind: { group: 'apps', version: 'v1', kind: 'Deployment' }, verbs: ['get', 'patch', 'update'] },
  ],
  prepareCreate(object) {
    object['status'] = {};
  },
  defaults(object) {
    const spec = at(object, 'spec');
    if (!isObject(spec)) return;
    fill(spec, {
      replicas: 1,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
    });
    const template = at(spec, 'template', 'spec');
    if (isObject(template)) defaultPodSpec(template, false);
  },
  prepareUpdate(object, old) {
    object['status'] = at(old, 'status');
  },
  validate: (object) => [
    ...(at(object, 'spec', 'selector') === undefined ? [required('spec.selector')] : []),
    ...validatePodSpec(at(object, 'spec', 'template', 'spec'), 'spec.template.spec'),
  ],
  columns: deploymentColumns,
  wideColumns: deploymentWideColumns,
});

/** Nothing here runs them: a test plays their controllers. */
function owner(group: string, kind: string, resource: string, defaults: JsonObject) {
  return defineKind({
    group,
    version: 'v1',
    kind,
    resource,
    categories: ['all'],
    generation: true,
    shape: objectShape(kind, {
      spec: always(
        struct(
          `${kind}Spec`,
          {
            selector: struct('LabelSelector', {}, { open: true, atomic: true }),
            template: always(
              struct('PodTemplateSpec', { metadata: always(objectMeta), spec: always(podSpec) }, { open: true }),
            ),
          },
          { open: true },
        ),
      ),
      status: always(struct(`${kind}Status`, { conditions: named(`${kind}Condition`, {}, ['type']) }, { open: true })),
    }),
    subresources: [{ name: 'status', kind: { group, version: 'v1', kind }, verbs: ['get', 'patch', 'update'] }],
    prepareCreate(object) {
      object['status'] = {};
    },
    defaults(object) {
      const spec = at(object, 'spec');
      if (!isObject(spec)) return;
      fill(spec, defaults);
      const template = at(spec, 'template', 'spec');
      if (isObject(template)) defaultPodSpec(template, false);
    },
    prepareUpdate(object, old) {
      object['status'] = at(old, 'status');
    },
    validate: (object) => validatePodSpec(at(object, 'spec', 'template', 'spec'), 'spec.template.spec'),
  });
}

export const replicaSet = owner('apps', 'ReplicaSet', 'replicasets', { replicas: 1 });
export const job = owner('batch', 'Job', 'jobs', { backoffLimit: 6, completions: 1, parallelism: 1 });

/** What runs them: read for its `status.nodeInfo`. */
export const node = defineKind({
  version: 'v1',
  kind: 'Node',
  resource: 'nodes',
  shortNames: ['no'],
  namespaced: false,
  shape: objectShape('Node', { spec: always(any), status: always(any) }),
  subresources: [
    { name: 'status', kind: { group: '', version: 'v1', kind: 'Node' }, verbs: ['get', 'patch', 'update'] },
  ],
});
