/** Validation of metadata, on create and on update. */
import { equal, type KubeObject, type ObjectMeta } from '../json.ts';
import { forbiddenField, IMMUTABLE, invalid, required, type FieldError } from './field-error.ts';
import { labelValue, qualifiedName, type NameRule } from './names.ts';

const ANNOTATIONS_LIMIT = 256 * 1024;
const STANDARD_FINALIZERS = ['kubernetes', 'orphan', 'foregroundDeletion'];

export function validateMetadata(meta: ObjectMeta, nameRule: NameRule): FieldError[] {
  const errors: FieldError[] = [];
  // The server has already made a name by now; what is wrong with generateName shows up as a wrong name too.
  if (meta.generateName)
    for (const why of nameRule(maskTrailingDash(meta.generateName)))
      errors.push(invalid('metadata.generateName', meta.generateName, why));
  if (!meta.name) errors.push(required('metadata.name', 'name or generateName is required'));
  else for (const why of nameRule(meta.name)) errors.push(invalid('metadata.name', meta.name, why));
  return [...errors, ...validateAnnotationsLabels(meta), ...validateOwners(meta), ...validateFinalizers(meta)];
}

function maskTrailingDash(name: string): string {
  return name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name;
}

function validateAnnotationsLabels(meta: ObjectMeta): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(meta.labels ?? {})) {
    for (const why of qualifiedName(key)) errors.push(invalid('metadata.labels', key, why));
    for (const why of labelValue(value)) errors.push(invalid('metadata.labels', value, why));
  }
  let size = 0;
  for (const [key, value] of Object.entries(meta.annotations ?? {})) {
    for (const why of qualifiedName(key.toLowerCase())) errors.push(invalid('metadata.annotations', key, why));
    size += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (size > ANNOTATIONS_LIMIT)
    errors.push({
      field: 'metadata.annotations',
      reason: 'FieldValueTooLong',
      message: `Too long: may not be more than ${ANNOTATIONS_LIMIT} bytes`,
    });
  return errors;
}

function validateOwners(meta: ObjectMeta): FieldError[] {
  const errors: FieldError[] = [];
  for (const owner of meta.ownerReferences ?? []) {
    for (const field of ['apiVersion', 'kind', 'name', 'uid'] as const) {
      if (owner[field]) continue;
      errors.push(
        invalid(
          `metadata.ownerReferences.${field === 'apiVersion' ? 'apiVersion' : field}`,
          field === 'uid' ? '' : owner[field],
          field === 'apiVersion' ? 'version must not be empty' : 'must not be empty',
        ),
      );
    }
  }
  return errors;
}

function validateFinalizers(meta: ObjectMeta): FieldError[] {
  return (meta.finalizers ?? []).flatMap((finalizer, index) => {
    const field = `metadata.finalizers[${index}]`;
    const errors = qualifiedName(finalizer).map((why) => invalid(field, finalizer, why));
    if (!finalizer.includes('/') && !STANDARD_FINALIZERS.includes(finalizer)) {
      errors.push(invalid(field, finalizer, 'name is neither a standard finalizer name nor is it fully qualified'));
    }
    return errors;
  });
}

/** Checks the fields that a client must not change. Call it after omitted fields were filled in from `old`. */
export function validateMetadataUpdate(fresh: KubeObject, old: KubeObject): FieldError[] {
  const errors: FieldError[] = [];
  const { metadata: now } = fresh;
  const { metadata: before } = old;
  if (before.deletionTimestamp !== undefined) {
    const added = [...new Set(now.finalizers)].filter((finalizer) => !before.finalizers?.includes(finalizer)).sort();
    if (added.length > 0) {
      const list = added.map((finalizer) => JSON.stringify(finalizer)).join(', ');
      errors.push(
        forbiddenField(
          'metadata.finalizers',
          `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`,
        ),
      );
    }
  }
  for (const field of [
    'name',
    'namespace',
    'uid',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
  ] as const) {
    if (!equal(now[field], before[field])) errors.push(invalid(`metadata.${field}`, now[field] ?? null, IMMUTABLE));
  }
  // Generic and per-kind validation both look at metadata: the real server names each of these twice.
  return [...errors, ...errors];
}
