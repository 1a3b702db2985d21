/** Edits of a custom object as JSON Patch operations: values of other writers stay as they are and where they are. */
import type { ApiObject } from '../kube/list.ts';
import type { JsonPatchOperation } from '../plan/service-account.ts';
import { escapePart, readField } from './json-pointer.ts';

/** One place in an object that names a copy. */
export interface Place {
  /** Its id in the record: a pointer, and, if several places are below it, what tells them apart. */
  readonly place: string;
  /** Removes the name, and nothing else. */
  readonly remove: readonly JsonPatchOperation[];
}

/** The patch to apply (empty: none needed); or, in one line, why the object cannot be edited and what to do. */
export type Edit = { readonly patch: readonly JsonPatchOperation[] } | { readonly problem: string };

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Sets `value` at `pointer`, whether it exists or not. */
export function put(pointer: string, value: unknown): JsonPatchOperation {
  return { op: 'add', path: pointer, value };
}

export function take(pointer: string): JsonPatchOperation {
  return { op: 'remove', path: pointer };
}

/** Adds `{name}` at the end of the list of references at `pointer`. */
export function addReference(object: ApiObject, pointer: string, name: string): Edit {
  const field = readField(object, pointer);
  if ('missingParent' in field) return missing(field.missingParent);
  const list = field.value;
  if (list === undefined) return { patch: [put(pointer, [{ name }])] };
  if (!Array.isArray(list)) return { problem: `has no list at ${pointer}` };
  if (list.some((entry) => isRecord(entry) && entry['name'] === name)) return { patch: [] };
  return { patch: [put(`${pointer}/-`, { name })] };
}

/** The first item with `name` in the list at `pointer`: Pullpass added at most one. */
export function findReference(object: ApiObject, pointer: string, name: string): Place[] {
  const field = readField(object, pointer);
  const list: unknown[] = 'value' in field && Array.isArray(field.value) ? field.value : [];
  const index = list.findIndex((entry) => isRecord(entry) && entry['name'] === name);
  return index < 0 ? [] : [{ place: pointer, remove: [take(`${pointer}/${index}`)] }];
}

/** null: the annotation is removed. */
export function annotate(
  { metadata: { annotations } }: ApiObject,
  values: Readonly<Record<string, string | null>>,
): JsonPatchOperation[] {
  const entries = Object.entries(values).filter(([key, value]) => value !== null || annotations?.[key] !== undefined);
  if (entries.length === 0) return [];
  if (annotations === undefined) return [put('/metadata/annotations', Object.fromEntries(entries))];
  return entries.map(([key, value]) => (value === null ? take(annotationPath(key)) : put(annotationPath(key), value)));
}

export function annotationPath(key: string): string {
  return `/metadata/annotations/${escapePart(key)}`;
}

export function missing(parent: string): Edit {
  return { problem: `has no ${parent}: create it first` };
}
