/** ObjectMeta, and the fields that every kind has besides its own. */
import {
  any,
  atomicList,
  boolean,
  integer,
  keyedList,
  pointer,
  string,
  strings,
  struct,
  time,
  type Field,
  type Shape,
  type StructShape,
} from './shape.ts';

const ownerReference = struct(
  'OwnerReference',
  {
    apiVersion: { shape: string, zero: 'always' },
    kind: { shape: string, zero: 'always' },
    name: { shape: string, zero: 'always' },
    uid: { shape: string, zero: 'always' },
    controller: pointer(boolean),
    blockOwnerDeletion: pointer(boolean),
  },
  { atomic: true },
);

const managedFieldsEntry = struct('ManagedFieldsEntry', {
  manager: string,
  operation: string,
  apiVersion: string,
  time,
  fieldsType: string,
  fieldsV1: any,
  subresource: string,
});

export const objectMeta: StructShape = struct('ObjectMeta', {
  name: string,
  generateName: string,
  namespace: string,
  selfLink: string,
  uid: string,
  resourceVersion: string,
  generation: integer,
  creationTimestamp: time,
  deletionTimestamp: time,
  deletionGracePeriodSeconds: pointer(integer),
  labels: strings,
  annotations: strings,
  ownerReferences: keyedList(ownerReference, ['uid']),
  finalizers: { type: 'list', items: string, ownership: 'set', mergeKey: '' },
  managedFields: atomicList(managedFieldsEntry),
});

/** A whole object: type, metadata, and the kind's own fields in the order in which Go writes them. */
export function objectShape(
  kind: string,
  fields: { readonly [name: string]: Field | Shape },
  options: { open?: boolean } = {},
): StructShape {
  return struct(
    kind,
    { kind: string, apiVersion: string, metadata: { shape: objectMeta, zero: 'always' }, ...fields },
    options,
  );
}
