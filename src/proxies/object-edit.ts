/** Edits of a custom object, as JSON Patch operations: what others wrote stays as it is and where it is. */
import type { ApiObject } from '../kube/list.ts';
import type { JsonPatchOperation } from '../plan/service-account.ts';
import { escapePart, readField } from './json-pointer.ts';

/** What is missing, empty when nothing is; or, in one line, why the object cannot be edited and what to do. */
export type Edit = { readonly patch: readonly JsonPatchOperation[] } | { readonly problem: string };

export const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Puts `value` at `pointer`, whether something is there or not. */
export function put(pointer: string, value: unknown): JsonPatchOperation {
  return { op: 'add', path: pointer, value };
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

export function annotate({ metadata: { annotations } }: ApiObject, values: Readonly<Record<string, string>>): JsonPatchOperation[] {
  if (annotations === undefined) return [put('/metadata/annotations', values)];
  return Object.entries(values).map(([key, value]) => put(annotationPath(key), value));
}

export function annotationPath(key: string): string {
  return `/metadata/annotations/${escapePart(key)}`;
}

export function missing(parent: string): Edit {
  return { problem: `has no ${parent}: create it first` };
}
