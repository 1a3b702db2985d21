/** Kinds of the core group that carry configuration: Namespace, Secret, ConfigMap, ServiceAccount. */
import { at, textAt } from '../json.ts';
import { objectShape } from '../schema/metadata.ts';
import { always, atomicList, boolean, bytes, keyedList, pointer, string, strings, struct } from '../schema/shape.ts';
import { label } from '../validation/names.ts';
import { prepareSecret, validateConfigMap, validateSecret, validateSecretUpdate } from './secret-rules.ts';
import { size } from './columns.ts';
import { defineKind } from './kind.ts';

const condition = struct('NamespaceCondition', {
  type: always(string),
  status: always(string),
  lastTransitionTime: always({ type: 'time' }),
  reason: string,
  message: string,
});

export const namespace = defineKind({
  version: 'v1',
  kind: 'Namespace',
  resource: 'namespaces',
  returnsDeleted: true,
  shortNames: ['ns'],
  namespaced: false,
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  nameRule: label,
  shape: objectShape('Namespace', {
    spec: always(struct('NamespaceSpec', { finalizers: atomicList(string) })),
    status: always(struct('NamespaceStatus', { phase: string, conditions: keyedList(condition, ['type']) })),
  }),
  subresources: [
    { name: 'finalize', kind: { group: '', version: 'v1', kind: 'Namespace' }, verbs: ['update'] },
    { name: 'status', kind: { group: '', version: 'v1', kind: 'Namespace' }, verbs: ['get', 'patch', 'update'] },
  ],
  fields: { 'status.phase': (object) => textAt(object, 'status', 'phase'), name: (object) => object.metadata.name },
  prepareCreate(object) {
    object['spec'] = { finalizers: ['kubernetes'] };
    object['status'] = { phase: 'Active' };
  },
  defaults(object) {
    // The server keeps this label in step with the name on every write.
    if (object.metadata.name)
      object.metadata.labels = { ...object.metadata.labels, 'kubernetes.io/metadata.name': object.metadata.name };
  },
  prepareUpdate(object, old) {
    object['spec'] = { ...(at(object, 'spec') as object), finalizers: at(old, 'spec', 'finalizers') };
    object['status'] = at(old, 'status');
  },
  columns: [{ name: 'Status', type: 'string', cell: (object) => textAt(object, 'status', 'phase') }],
});

export const secret = defineKind({
  version: 'v1',
  kind: 'Secret',
  resource: 'secrets',
  shape: objectShape('Secret', {
    immutable: pointer(boolean),
    data: { type: 'map', values: bytes },
    stringData: strings,
    type: string,
  }),
  fields: { type: (object) => textAt(object, 'type') },
  defaults: prepareSecret,
  validate: validateSecret,
  validateUpdate: validateSecretUpdate,
  columns: [
    { name: 'Type', type: 'string', cell: (object) => textAt(object, 'type') },
    { name: 'Data', type: 'string', cell: (object) => size(at(object, 'data')) },
  ],
});

export const configMap = defineKind({
  version: 'v1',
  kind: 'ConfigMap',
  resource: 'configmaps',
  shortNames: ['cm'],
  shape: objectShape('ConfigMap', {
    immutable: pointer(boolean),
    data: strings,
    binaryData: { type: 'map', values: bytes },
  }),
  validate: validateConfigMap,
  validateUpdate: (object, old) => validateSecretUpdate(object, old),
  columns: [
    { name: 'Data', type: 'string', cell: (object) => size(at(object, 'data')) + size(at(object, 'binaryData')) },
  ],
});

const localReference = struct('LocalObjectReference', { name: string }, { atomic: true });
const objectReference = struct(
  'ObjectReference',
  {
    kind: string,
    namespace: string,
    name: string,
    uid: string,
    apiVersion: string,
    resourceVersion: string,
    fieldPath: string,
  },
  { atomic: true },
);

export const serviceAccount = defineKind({
  version: 'v1',
  kind: 'ServiceAccount',
  resource: 'serviceaccounts',
  returnsDeleted: true,
  shortNames: ['sa'],
  shape: objectShape('ServiceAccount', {
    secrets: keyedList(objectReference, ['name']),
    // No merge key here: every patch strategy replaces the list as a whole (on a Pod the same field merges by name).
    imagePullSecrets: atomicList(localReference),
    automountServiceAccountToken: pointer(boolean),
  }),
  subresources: [
    { name: 'token', kind: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' }, verbs: ['create'] },
  ],
  prepareCreate(object) {
    // Only the names of secrets are kept, as the server's strategy does.
    const secrets = at(object, 'secrets');
    if (Array.isArray(secrets)) object['secrets'] = secrets.map((item) => ({ name: textAt(item, 'name') }));
  },
  prepareUpdate(object) {
    const secrets = at(object, 'secrets');
    if (Array.isArray(secrets)) object['secrets'] = secrets.map((item) => ({ name: textAt(item, 'name') }));
  },
});
