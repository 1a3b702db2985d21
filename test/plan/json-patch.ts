/** RFC 6902 as the API server does it (evanphx/json-patch): `test` of an absent member holds for null. */
import type { JsonPatchOperation } from '../../src/plan/service-account.ts';

export class PatchRefused extends Error {}

/** A patched copy of `object`; throws PatchRefused and changes nothing when the server would answer 422. */
export function applyPatch<T extends object>(object: T, patch: readonly JsonPatchOperation[]): T {
  const result = structuredClone(object);
  for (const operation of patch) applyOne(result, operation);
  return result;
}

function applyOne(root: object, { op, path, value }: JsonPatchOperation): void {
  const keys = path
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  const last = keys.pop() ?? '';
  let parent: unknown = root;
  for (const key of keys) parent = (parent as Record<string, unknown> | undefined)?.[key];
  if (parent === null || typeof parent !== 'object') throw new PatchRefused(`${op} ${path}: nothing is there`);
  if (Array.isArray(parent)) return applyToList(parent, op, last, value);
  const map = parent as Record<string, unknown>;
  const present = Object.hasOwn(map, last);
  switch (op) {
    case 'test':
      if (!equal(present ? map[last] : null, value ?? null)) throw new PatchRefused(`test ${path} failed`);
      return;
    case 'remove':
      if (!present) throw new PatchRefused(`remove ${path}: missing`);
      delete map[last];
      return;
    case 'replace':
      if (!present) throw new PatchRefused(`replace ${path}: missing`);
      map[last] = structuredClone(value);
      return;
    case 'add':
      map[last] = structuredClone(value);
  }
}

function applyToList(list: unknown[], op: JsonPatchOperation['op'], key: string, value: unknown): void {
  const index = key === '-' ? list.length : Number(key);
  const end = op === 'add' ? list.length : list.length - 1;
  if (!Number.isInteger(index) || index < 0 || index > end) throw new PatchRefused(`${op}: no index ${key}`);
  if (op === 'add') list.splice(index, 0, structuredClone(value));
  else if (op === 'remove') list.splice(index, 1);
  else if (op === 'replace') list[index] = structuredClone(value);
  else if (!equal(list[index], value)) throw new PatchRefused(`test of index ${key} failed`);
}

function equal(a: unknown, b: unknown): boolean {
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && equal(left[key], right[key]))
  );
}
