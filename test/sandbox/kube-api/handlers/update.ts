/** PUT, and the common part of PUT and PATCH: from the wanted object to the stored one. */
import { sameButTimes, trackUpdate } from '../apply/managed-fields.ts';
import { authorize, forbiddenBy } from '../auth/authorize.ts';
import { at, equal, type KubeObject, type ManagedFieldsEntry } from '../json.ts';
import { apiVersionOf } from '../kinds/kind.ts';
import type { ApiError } from '../status.ts';
import { badRequest, conflict, MODIFIED, notFound } from '../status.ts';
import { now, type Context, type Result } from '../serve/context.ts';
import { view } from '../serve/serialize.ts';
import { check, invalid, invalidObject } from '../validation/field-error.ts';
import { validateMetadata, validateMetadataUpdate } from '../validation/metadata.ts';
import { readObject } from './body.ts';
import { checkNamespace, createObject, toStored } from './create.ts';
import { managerOf, writeOptions, type WriteOptions } from './options.ts';

export function update(context: Context): Result {
  const { kind, resource, query } = context;
  const options = writeOptions(query, 'UpdateOptions');
  const fresh = readObject(context, kind, options.fieldValidation);
  checkNamespace(context, fresh);
  if (!fresh.metadata.name)
    throw badRequest(
      `the name of the object (${resource.name} based on URL) was undeterminable: name must be provided`,
    );
  checkName(context, fresh);

  const current = currentObject(context);
  if (!current) {
    if (!kind.createOnUpdate || resource.subresource !== '') throw notFound(kind, resource.name);
    if (fresh.metadata.uid) throw preconditionFailed(context, fresh.metadata.uid, '');
    requireCreate(context);
    const { resourceVersion: _, ...metadata } = fresh.metadata;
    fresh.metadata = metadata;
    const managedFields = trackUpdate(undefined, fresh, kind.shape, writer(context, options));
    return { type: 'object', code: 201, object: createObject(context, fresh, managedFields, options) };
  }
  if (fresh.metadata.uid && fresh.metadata.uid !== current.metadata.uid)
    throw preconditionFailed(context, fresh.metadata.uid, current.metadata.uid ?? '');
  return { type: 'object', code: 200, object: storeUpdate(context, current, fresh, options) };
}

export function writer(
  { kind, resource, userAgent }: Context,
  options: WriteOptions,
): Parameters<typeof trackUpdate>[3] {
  return {
    manager: managerOf(options, userAgent),
    apiVersion: apiVersionOf(kind),
    subresource: resource.subresource,
    time: now(),
  };
}

/** The live object in the form of this kind. */
export function currentObject({ cluster, kind, resource }: Context): KubeObject | undefined {
  const stored = cluster.store.get(kind.storage, kind.namespaced ? resource.namespace : '', resource.name);
  return stored && view(kind, stored);
}

export function checkName({ resource }: Context, { metadata: { name } }: KubeObject): void {
  if (name && name !== resource.name)
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${resource.name})`);
}

/** A PUT or PATCH that creates an object needs the right to create it, with its name: a rule limited to names counts here. */
export function requireCreate({ cluster, user, resource }: Context): void {
  const attributes = { ...resource, verb: 'create' };
  const decision = authorize(cluster.store, user, attributes);
  if (!decision.allowed) throw forbiddenBy(user, attributes, decision.reason);
}

function preconditionFailed({ kind, resource: { namespace, name } }: Context, wanted: string, found: string): ApiError {
  const key = ['/registry', kind.resource, ...(kind.namespaced ? [namespace] : []), name].join('/');
  return conflict(
    kind,
    name,
    `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: ` +
      `Precondition failed: UID in precondition: ${wanted}, UID in object meta: ${found}`,
  );
}

/**
 * Checks and stores a new state of an object. `managedFields`: from server-side apply, which computes its own.
 */
export function storeUpdate(
  context: Context,
  current: KubeObject,
  fresh: KubeObject,
  options: WriteOptions,
  applied?: { managedFields: ManagedFieldsEntry[] | undefined },
): KubeObject {
  const { kind, resource } = context;
  const { resourceVersion = '' } = fresh.metadata;
  if (resourceVersion === '' && kind.conditionalUpdate) {
    throw invalidObject({ group: kind.group, kind: kind.resource }, resource.name, [
      invalid('metadata.resourceVersion', 0, 'must be specified for an update'),
    ]);
  }
  if (resourceVersion !== '' && resourceVersion !== current.metadata.resourceVersion)
    throw conflict(kind, resource.name, MODIFIED);

  restrict(context, current, fresh);
  const managedFields = applied
    ? applied.managedFields
    : trackUpdate(current, fresh, kind.shape, writer(context, options));
  keepMetadata(current, fresh, managedFields);
  if (kind.generation && resource.subresource === '' && !equal(at(fresh, 'spec'), at(current, 'spec')))
    fresh.metadata.generation = (current.metadata.generation ?? 0) + 1;
  check({ group: kind.errorGroup, kind: kind.kind }, resource.name, [
    ...validateMetadataUpdate(fresh, current),
    ...validateMetadata(fresh.metadata, () => []),
    ...(kind.validate?.(fresh) ?? []),
    ...(kind.validateUpdate?.(fresh, current) ?? []),
  ]);
  return commit(context, current, fresh, options);
}

/** What this endpoint may not change stays as it was: the status on the main one, everything else on `status`. */
function restrict({ kind, resource: { subresource } }: Context, current: KubeObject, fresh: KubeObject): void {
  if (subresource === '') {
    kind.prepareUpdate?.(fresh, current);
    return;
  }
  const changeable = subresource === 'status' ? 'status' : 'spec';
  for (const field of new Set([...Object.keys(fresh), ...Object.keys(current)])) {
    if (['kind', 'apiVersion', 'metadata', changeable].includes(field)) continue;
    if (current[field] === undefined) delete fresh[field];
    else fresh[field] = current[field];
  }
}

function keepMetadata(
  { metadata: old }: KubeObject,
  fresh: KubeObject,
  managedFields: ManagedFieldsEntry[] | undefined,
): void {
  const {
    managedFields: _,
    deletionTimestamp: _t,
    deletionGracePeriodSeconds: _g,
    generation: _n,
    ...given
  } = fresh.metadata;
  fresh.metadata = {
    ...given,
    name: given.name || old.name,
    ...(old.namespace === undefined ? {} : { namespace: old.namespace }),
    uid: given.uid || old.uid || '',
    resourceVersion: old.resourceVersion ?? '',
    ...(old.generation === undefined ? {} : { generation: old.generation }),
    ...(old.creationTimestamp === undefined ? {} : { creationTimestamp: old.creationTimestamp }),
    ...(old.deletionTimestamp === undefined ? {} : { deletionTimestamp: old.deletionTimestamp }),
    ...(old.deletionGracePeriodSeconds === undefined
      ? {}
      : { deletionGracePeriodSeconds: old.deletionGracePeriodSeconds }),
    ...(managedFields ? { managedFields } : {}),
  };
}

function commit(context: Context, current: KubeObject, fresh: KubeObject, options: WriteOptions): KubeObject {
  const {
    cluster: { store },
    kind,
  } = context;
  const stored = toStored(context, fresh);
  const before = store.get(kind.storage, current.metadata.namespace ?? '', current.metadata.name) ?? current;
  // A write that changes nothing is not written: no new resourceVersion, no event.
  if (sameButTimes(stored, before)) return current;
  if (options.dryRun) return view(kind, stored);
  if (isFinished(stored)) {
    store.delete(kind.storage, stored);
    return kind.toStored ? view(kind, stored) : fresh;
  }
  return view(kind, store.update(kind.storage, stored));
}

/** Being deleted, and without finalizers. */
export function isFinished(object: KubeObject): boolean {
  const spec = at(object, 'spec', 'finalizers');
  const held =
    (object.metadata.finalizers ?? []).length > 0 ||
    (object.kind === 'Namespace' && Array.isArray(spec) && spec.length > 0);
  return object.metadata.deletionTimestamp !== undefined && !held;
}
