/** DELETE of one object or of many: at once, or only marked for deletion while it has a finalizer. */
import { at, isObject, textAt, type Json, type KubeObject } from '../json.ts';
import { badRequest, conflict, notFound, statusObject } from '../status.ts';
import { now, type Context, type Result } from '../serve/context.ts';
import { view } from '../serve/serialize.ts';
import { check, notSupported } from '../validation/field-error.ts';
import { admitDelete } from './admission.ts';
import { readBody } from './body.ts';
import { selectedObjects } from './list.ts';
import { dryRunErrors } from './options.ts';
import { currentObject, isFinished } from './update.ts';

interface DeleteOptions {
  readonly dryRun: boolean;
  readonly propagationPolicy: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

const POLICIES = ['Foreground', 'Background', 'Orphan'];

export function deleteOne(context: Context): Result {
  const { kind, resource } = context;
  const options = deleteOptions(context);
  admitDelete(context);
  const current = currentObject(context);
  if (!current) throw notFound(kind, resource.name);
  checkPreconditions(context, current, options);
  const left = remove(context, current, options);
  if (left) return { type: 'object', code: 200, object: left };
  const { name, uid = '' } = current.metadata;
  return {
    type: 'raw',
    code: 200,
    object: statusObject('Success', {
      details: { name, ...(kind.group === '' ? {} : { group: kind.group }), kind: kind.resource, uid },
    }),
  };
}

export function deleteMany(context: Context): Result {
  const options = deleteOptions(context);
  const objects = selectedObjects(context);
  for (const object of objects) remove(context, object, options);
  return { type: 'list', metadata: { resourceVersion: String(context.cluster.store.revision) }, objects };
}

/** POST of an Eviction to a pod. There are no PodDisruptionBudgets here. */
export function evict(context: Context): Result {
  const { kind, resource } = context;
  const body = readBody(context, 'Eviction');
  const name = textAt(body, 'metadata', 'name');
  if (name !== resource.name) throw badRequest('name in URL does not match name in Eviction object');
  const current = currentObject(context);
  if (!current) throw notFound(kind, resource.name);
  const options = optionsOf(context, at(body, 'deleteOptions') ?? {});
  checkPreconditions(context, current, options);
  remove(context, current, options);
  return { type: 'raw', code: 201, object: statusObject('Success', {}) };
}

/** What is left of the object: undefined when it is gone. */
function remove(
  { cluster: { store }, kind }: Context,
  current: KubeObject,
  options: DeleteOptions,
): KubeObject | undefined {
  const stored = store.get(kind.storage, current.metadata.namespace ?? '', current.metadata.name);
  if (!stored) return undefined;
  const marked = mark(stored);
  if (isFinished(marked)) {
    if (!options.dryRun) store.delete(kind.storage, stored);
    if (!kind.returnsDeleted) return undefined;
    // Pods are deleted gracefully, even those that go at once; the others show no sign of it.
    return kind.storage === '/pods' ? view(kind, marked) : current;
  }
  if (stored.metadata.deletionTimestamp !== undefined) return current;
  return view(kind, options.dryRun ? marked : store.update(kind.storage, marked));
}

/** Nothing here collects garbage, so a propagation policy is checked and has no effect. */
function mark(object: KubeObject): KubeObject {
  const { metadata } = object;
  if (metadata.deletionTimestamp !== undefined) return object;
  const namespace = object.kind === 'Namespace';
  return {
    ...object,
    metadata: {
      ...metadata,
      ...(metadata.generation === undefined ? {} : { generation: metadata.generation + 1 }),
      deletionTimestamp: now(),
      ...(namespace ? {} : { deletionGracePeriodSeconds: 0 }),
    },
    ...(namespace ? { status: { ...(at(object, 'status') as object), phase: 'Terminating' } } : {}),
  };
}

function checkPreconditions({ kind, resource }: Context, { metadata }: KubeObject, options: DeleteOptions): void {
  // Here, and only here, the real server names the kind where it names the resource everywhere else.
  const record = { group: kind.group, resource: kind.kind };
  if (options.uid !== '' && options.uid !== metadata.uid) {
    throw conflict(
      record,
      resource.name,
      `the UID in the precondition (${options.uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`,
    );
  }
  if (options.resourceVersion !== '' && options.resourceVersion !== metadata.resourceVersion) {
    throw conflict(
      record,
      resource.name,
      `the ResourceVersion in the precondition (${options.resourceVersion}) does not match the ` +
        `ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`,
    );
  }
}

const deleteOptions = (context: Context): DeleteOptions =>
  optionsOf(context, context.body.length === 0 ? {} : readBody(context, 'DeleteOptions'));

function optionsOf(context: Context, body: Json): DeleteOptions {
  if (!isObject(body)) throw badRequest('expected DeleteOptions');
  const kind = textAt(body, 'kind');
  if (kind !== '' && kind !== 'DeleteOptions') throw badRequest(`decoded object cannot be converted to DeleteOptions`);
  const dryRun = at(body, 'dryRun');
  const dry = [...context.query.getAll('dryRun'), ...(Array.isArray(dryRun) ? dryRun.map(String) : [])];
  const propagationPolicy = textAt(body, 'propagationPolicy') || (context.query.get('propagationPolicy') ?? '');
  check({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', [
    ...(propagationPolicy !== '' && !POLICIES.includes(propagationPolicy)
      ? [notSupported('propagationPolicy', propagationPolicy, [...POLICIES, 'nil'])]
      : []),
    ...dryRunErrors(dry),
  ]);
  return {
    dryRun: dry.includes('All'),
    propagationPolicy,
    uid: textAt(body, 'preconditions', 'uid'),
    resourceVersion: textAt(body, 'preconditions', 'resourceVersion'),
  };
}
