/** Any custom resource with a field that names a pull Secret, for products that have no adapter of their own. */
import type { ConfigOf } from '../config/cache-proxies.ts';
import type { ApiObject } from '../kube/list.ts';
import { patchedProduct, type PatchOptions } from './custom-object.ts';
import { addReference, annotate, type Edit, isRecord, missing, put } from './object-edit.ts';
import { readField } from './json-pointer.ts';
import type { CacheProxy } from './proxy.ts';

export function customResource(config: ConfigOf<'custom-resource'>, { copyName }: PatchOptions): CacheProxy {
  const { name, registry, object, path, form, copyNamespace, trigger } = config;
  // The configuration has at least one of the two.
  const copy = { namespace: copyNamespace ?? object.namespace ?? '', name: copyName };
  const reference = copyNamespace === undefined ? { name: copyName } : { name: copyName, namespace: copyNamespace };
  const edit = {
    name: (observed: ApiObject) => setName(observed, path, copyName),
    reference: (observed: ApiObject) => setReference(observed, path, reference),
    list: (observed: ApiObject) => addReference(observed, path, copyName),
  }[form];
  return patchedProduct({
    name,
    product: `what serves ${object.apiVersion}`,
    registry,
    object: { ...object, kind: object.resource },
    copy,
    point(observed) {
      const result = edit(observed);
      return 'problem' in result ? { problem: `${result.problem}; or correct "path" and "form" of the cache proxy` } : result;
    },
    trigger: trigger && ((observed, record, login) => annotate(observed, { [trigger.annotation]: login, ...record })),
  });
}

function setName(object: ApiObject, path: string, name: string): Edit {
  const field = readField(object, path);
  if ('missingParent' in field) return missing(field.missingParent);
  if (field.value === name) return { patch: [] };
  if (field.value !== undefined && typeof field.value !== 'string') return { problem: `has no plain name at ${path}` };
  return { patch: [put(path, name)] };
}

/** Other members of the reference, such as a key, stay; a namespace that is not wanted does not. */
function setReference(object: ApiObject, path: string, wanted: { name: string; namespace?: string }): Edit {
  const field = readField(object, path);
  if ('missingParent' in field) return missing(field.missingParent);
  if (field.value === undefined) return { patch: [put(path, wanted)] };
  if (!isRecord(field.value)) return { problem: `has no reference at ${path}` };
  const { name, namespace, ...others } = field.value;
  if (name === wanted.name && namespace === wanted.namespace) return { patch: [] };
  return { patch: [put(path, { ...others, ...wanted })] };
}
