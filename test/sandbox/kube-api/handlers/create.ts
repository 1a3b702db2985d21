/** POST of an object, and the part of server-side apply and PUT that creates one. */
import { randomUUID } from 'node:crypto';
import { trackUpdate } from '../apply/managed-fields.ts';
import type { KubeObject, ManagedFieldsEntry, ObjectMeta } from '../json.ts';
import { apiVersionOf } from '../kinds/kind.ts';
import { decode } from '../schema/decode.ts';
import { alreadyExists, badRequest, internal } from '../status.ts';
import { now, type Context, type Result } from '../serve/context.ts';
import { view } from '../serve/serialize.ts';
import { check } from '../validation/field-error.ts';
import { validateMetadata } from '../validation/metadata.ts';
import { admitCreate } from './admission.ts';
import { readObject } from './body.ts';
import { managerOf, writeOptions, type WriteOptions } from './options.ts';

export function create(context: Context): Result {
  const { kind, query } = context;
  const options = writeOptions(query, 'CreateOptions');
  const object = readObject(context, kind, options.fieldValidation);
  checkNamespace(context, object);
  const { deletionTimestamp: _t, deletionGracePeriodSeconds: _g, ...metadata } = object.metadata;
  object.metadata = metadata;
  const managedFields = trackUpdate(undefined, object, kind.shape, {
    manager: managerOf(options, context.userAgent),
    apiVersion: apiVersionOf(kind),
    subresource: '',
    time: now(),
  });
  if (object.metadata.resourceVersion) throw internal('resourceVersion should not be set on objects to be created');
  return { type: 'object', code: 201, object: createObject(context, object, managedFields, options) };
}

/** Returns the object as the client sees it; stores it unless this is a dry run. */
export function createObject(
  context: Context,
  object: KubeObject,
  managedFields: ManagedFieldsEntry[] | undefined,
  options: WriteOptions,
): KubeObject {
  const {
    cluster: { store },
    kind,
    resource,
  } = context;
  admitCreate(context, object);
  object.metadata = newMetadata(object.metadata, kind.namespaced ? resource.namespace : undefined, managedFields);
  if (kind.generation) object.metadata.generation = 1;
  kind.defaults?.(object);
  kind.prepareCreate?.(object);
  check({ group: kind.errorGroup, kind: kind.kind }, object.metadata.name, [
    ...validateMetadata(object.metadata, kind.nameRule),
    ...(kind.validate?.(object) ?? []),
    ...(kind.validateCreate?.(object) ?? []),
  ]);

  const { name, namespace = '' } = object.metadata;
  const existing = store.get(kind.storage, namespace, name);
  if (existing) throw alreadyExists(kind, name, existing.metadata.deletionTimestamp !== undefined);
  if (options.dryRun) return ordered(context, object);
  return view(kind, store.create(kind.storage, toStored(context, object)));
}

/** The stored form, with its fields in the order in which the API server writes them. */
export function toStored({ kind }: Pick<Context, 'kind'>, object: KubeObject): KubeObject {
  return kind.toStored ? kind.toStored(object) : ordered({ kind }, object);
}

function ordered({ kind }: Pick<Context, 'kind'>, object: KubeObject): KubeObject {
  return decode(kind.shape, object, true).value as KubeObject;
}

export function checkNamespace({ kind, resource }: Context, object: KubeObject): void {
  const wanted = kind.namespaced ? resource.namespace : '';
  const { namespace = '' } = object.metadata;
  if (namespace === '' || namespace === wanted) return;
  throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
}

function newMetadata(
  given: ObjectMeta,
  namespace: string | undefined,
  managedFields: ManagedFieldsEntry[] | undefined,
): ObjectMeta {
  const { resourceVersion: _r, managedFields: _m, namespace: _n, ...kept } = given;
  return {
    ...kept,
    name: given.name || generatedName(given.generateName),
    ...(namespace === undefined ? {} : { namespace }),
    uid: randomUUID(),
    creationTimestamp: now(),
    ...(managedFields ? { managedFields } : {}),
  };
}

const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
const SUFFIX = 5;

function generatedName(base: string | undefined): string {
  if (!base) return '';
  const suffix = Array.from({ length: SUFFIX }, () => ALPHABET[Math.floor(Math.random() * ALPHABET.length)]).join('');
  return base.slice(0, 63 - SUFFIX) + suffix;
}
