/**
 * JSON Patch as in the API server. Its library (evanphx/json-patch 4) is laxer than RFC 6902, which a strict library
 * would hide from tests: `replace` of a missing key adds it, `copy` of a missing key copies null, `test` of a missing key
 * passes against null, and an array index of -1 counts from the end.
 */
import { clone, equal, isObject, type Json, type JsonObject } from '../json.ts';
import { badRequest, rejectedPatch } from '../status.ts';

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from: string | undefined;
  readonly value: Json;
}

const OPERATIONS_LIMIT = 10_000;

export function applyJsonPatch(document: Json, patch: Json): Json {
  const operations = parse(patch);
  const result = clone(document);
  for (const operation of operations) apply(result, operation);
  return result;
}

function parse(patch: Json): Operation[] {
  if (!Array.isArray(patch)) {
    const found = isObject(patch) ? 'object' : typeof patch;
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${found} into Go value of type []handlers.jsonPatchOp`,
    );
  }
  if (patch.length > OPERATIONS_LIMIT)
    throw badRequest(`The allowed maximum operations in a JSON patch is ${OPERATIONS_LIMIT}, got ${patch.length}`);
  return patch.map((item) => {
    if (!isObject(item))
      throw badRequest('error decoding patch: json: cannot unmarshal array into Go value of type handlers.jsonPatchOp');
    const { op, path, from, value } = item;
    if (typeof path !== 'string') throw rejectedPatch();
    return {
      op: typeof op === 'string' ? op : '',
      path,
      from: typeof from === 'string' ? from : undefined,
      value: value ?? null,
    };
  });
}

function apply(document: Json, { op, path, from, value }: Operation): void {
  switch (op) {
    case 'add':
      return add(document, path, clone(value));
    case 'remove':
      return remove(document, path);
    case 'replace':
      return replace(document, path, clone(value));
    case 'move': {
      const moved = read(document, from ?? '');
      remove(document, from ?? '');
      return add(document, path, moved ?? null);
    }
    case 'copy':
      return add(document, path, clone(read(document, from ?? '') ?? null));
    case 'test':
      // The stored side is compared as Go has written it, with these characters escaped: it never equals the patch.
      if (/[<>&\u2028\u2029]/.test(JSON.stringify(value))) throw rejectedPatch();
      if (!equal(read(document, path) ?? null, value)) throw rejectedPatch();
      return;
    default:
      throw rejectedPatch();
  }
}

/** The container that the last part of a pointer is in. */
function locate(document: Json, pointer: string): { container: Json[] | JsonObject; key: string } {
  const parts = pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  const key = parts.pop();
  if (key === undefined) throw rejectedPatch();
  let current: Json = document;
  for (const part of parts) {
    const next: Json | undefined = Array.isArray(current)
      ? current[index(part, current.length)]
      : isObject(current)
        ? current[part]
        : undefined;
    if (next === undefined || next === null || typeof next !== 'object') throw rejectedPatch();
    current = next;
  }
  if (!Array.isArray(current) && !isObject(current)) throw rejectedPatch();
  return { container: current, key };
}

/** An existing item's place; negative indexes count from the end. */
function index(part: string, length: number): number {
  if (!/^-?\d+$/.test(part)) throw rejectedPatch();
  const number = Number(part);
  const place = number < 0 ? number + length : number;
  if (place < 0 || place >= length) throw rejectedPatch();
  return place;
}

function read(document: Json, pointer: string): Json | undefined {
  if (pointer === '') return document;
  const { container, key } = locate(document, pointer);
  return Array.isArray(container) ? container[index(key, container.length)] : container[key];
}

function add(document: Json, pointer: string, value: Json): void {
  const { container, key } = locate(document, pointer);
  if (!Array.isArray(container)) {
    container[key] = value;
    return;
  }
  if (key === '-') {
    container.push(value);
    return;
  }
  // One past the end is a place to add at, so -1 appends.
  container.splice(index(key, container.length + 1), 0, value);
}

function replace(document: Json, pointer: string, value: Json): void {
  const { container, key } = locate(document, pointer);
  if (Array.isArray(container)) container[index(key, container.length)] = value;
  else container[key] = value;
}

function remove(document: Json, pointer: string): void {
  const { container, key } = locate(document, pointer);
  if (Array.isArray(container)) {
    container.splice(index(key, container.length), 1);
    return;
  }
  if (container[key] === undefined) throw rejectedPatch();
  delete container[key];
}
