/** Any custom resource with a field that names a pull Secret, for products that have no adapter of their own. */
import type { ConfigOf } from '../config/cache-proxies.ts';
import type { ApiObject } from '../kube/list.ts';
import { patchedProduct, type PatchOptions } from './custom-object.ts';
import { addReference, type Edit, findReference, isRecord, missing, type Place, put, take } from './object-edit.ts';
import { readField } from './json-pointer.ts';
import type { CacheProxy } from './adapter.ts';

export function customResource(
  config: ConfigOf<'custom-resource'>,
  { copyName, retired, instance }: PatchOptions,
): CacheProxy {
  const { name, source, registry, object, path, form, copyNamespace, trigger } = config;
  // The schema requires at least one of the two.
  const copy = { namespace: copyNamespace ?? object.namespace ?? '', name: copyName };
  const reference = copyNamespace === undefined ? { name: copyName } : { name: copyName, namespace: copyNamespace };
  const edit = {
    name: (observed: ApiObject) => setName(observed, path, copyName),
    reference: (observed: ApiObject) => setReference(observed, path, reference),
    list: (observed: ApiObject) => addReference(observed, path, copyName),
  }[form];
  const product = patchedProduct({
    name,
    product: `what serves ${object.apiVersion}`,
    source,
    registry,
    holders: { unseen: 'unknown: whatever the product made of the copy' },
    object: { ...object, kind: object.resource },
    copy,
    retired,
    instance,
    place: path,
    field: path,
    several: form === 'list',
    places: (observed, wanted) =>
      ({
        name: () => findName(observed, path, wanted),
        reference: () => findReferenceTo(observed, path, { ...reference, name: wanted }),
        list: () => findReference(observed, path, wanted),
      })[form](),
    point(observed) {
      const result = edit(observed);
      return 'problem' in result
        ? { problem: `${result.problem}; or correct "path" and "form" of the cache proxy` }
        : result;
    },
    ...(trigger && { triggers: [trigger.annotation] }),
    trigger: trigger && ((_, record, login) => ({ [trigger.annotation]: login, ...record })),
  });
  return { ...product, settling: { token: 'registry' } };
}

function setName(object: ApiObject, path: string, name: string): Edit {
  const field = readField(object, path);
  if ('missingParent' in field) return missing(field.missingParent);
  if (field.value === name) return { patch: [] };
  if (field.value !== undefined && typeof field.value !== 'string') return { problem: `has no plain name at ${path}` };
  return { patch: [put(path, name)] };
}

/** Keeps other members of the reference, such as a key, but not an unwanted namespace. */
function setReference(object: ApiObject, path: string, wanted: { name: string; namespace?: string }): Edit {
  const field = readField(object, path);
  if ('missingParent' in field) return missing(field.missingParent);
  if (field.value === undefined) return { patch: [put(path, wanted)] };
  if (!isRecord(field.value)) return { problem: `has no reference at ${path}` };
  const { name, namespace, ...others } = field.value;
  if (name === wanted.name && namespace === wanted.namespace) return { patch: [] };
  return { patch: [put(path, { ...others, ...wanted })] };
}

function findName(object: ApiObject, path: string, name: string): Place[] {
  const field = readField(object, path);
  return 'value' in field && field.value === name ? [{ place: path, remove: [take(path)] }] : [];
}

function findReferenceTo(object: ApiObject, path: string, wanted: { name: string; namespace?: string }): Place[] {
  const field = readField(object, path);
  const { name, namespace, ...others } = 'value' in field && isRecord(field.value) ? field.value : {};
  if (name !== wanted.name || namespace !== wanted.namespace) return [];
  // The other members are of other writers: they stay.
  return [{ place: path, remove: [Object.keys(others).length === 0 ? take(path) : put(path, others)] }];
}
