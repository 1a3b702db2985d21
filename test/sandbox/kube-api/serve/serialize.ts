/** JSON of stored objects. Objects are never changed in place, so each is serialized once, however many watches there are. */
import type { JsonObject, KubeObject } from '../json.ts';
import type { Kind } from '../kinds/kind.ts';
import { partialMetadata } from './table.ts';

type Form = 'full' | 'item' | 'partial';

const written = new Map<string, WeakMap<KubeObject, string>>();
const views = new WeakMap<Kind, WeakMap<KubeObject, KubeObject>>();

/** A stored object in the form of a kind; for most kinds that is the stored form. */
export function view(kind: Kind, stored: KubeObject): KubeObject {
  if (!kind.fromStored) return stored;
  let known = views.get(kind);
  if (!known) views.set(kind, (known = new WeakMap()));
  let object = known.get(stored);
  if (!object) known.set(stored, (object = kind.fromStored(stored)));
  return object;
}

export function jsonOf(object: KubeObject, form: Form): string {
  let cache = written.get(form);
  if (!cache) written.set(form, (cache = new WeakMap()));
  let text = cache.get(object);
  if (text === undefined) cache.set(object, (text = JSON.stringify(inForm(object, form))));
  return text;
}

function inForm(object: KubeObject, form: Form): JsonObject {
  if (form === 'partial') return partialMetadata(object);
  if (form === 'full') return object;
  // Items of a typed list do not repeat what the list says.
  const { kind: _kind, apiVersion: _apiVersion, ...rest } = object;
  return rest;
}
