/** JSON Merge Patch, RFC 7396: objects merge, null deletes, everything else replaces. */
import { isObject, type Json, type JsonObject } from '../json.ts';

export function applyMergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const result: JsonObject = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null || value === undefined) delete result[key];
    else result[key] = applyMergePatch(result[key], value);
  }
  return result;
}
