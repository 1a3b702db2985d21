/** Walks an object by its shape for server-side apply: its field set, the difference of two objects, merging, removing. */
import { equal, isObject, type Json, type JsonObject } from '../json.ts';
import type { ListShape, Shape } from '../schema/shape.ts';
import { FieldSet } from './field-set.ts';

/** Anything that is not described: objects are owned field by field, lists as a whole. */
const UNKNOWN: Shape = { type: 'struct', name: '', fields: {}, open: true };

function isAtomic(shape: Shape, value: Json | undefined): boolean {
  if (shape.type === 'any') return true;
  if (shape.type === 'list') return shape.ownership === 'atomic';
  if (shape.type === 'map' || shape.type === 'struct') return shape.atomic === true || (value !== null && value !== undefined && !isObject(value));
  return true;
}

export function childShape(shape: Shape, key: string): Shape {
  if (shape.type === 'map') return shape.values;
  return shape.type === 'struct' ? shape.fields[key]?.shape ?? UNKNOWN : UNKNOWN;
}

/** Whether a key is a field of a struct, as opposed to a key that somebody put into a map. */
export function isNamedField(shape: Shape, key: string): boolean {
  return shape.type === 'struct' && (shape.fields[key] !== undefined || shape.open === true);
}

/** The element of a list's item: by its keys, or by its value. */
export function itemElement(shape: ListShape, item: Json): string {
  if (shape.ownership !== 'map' || !isObject(item)) return `v:${JSON.stringify(item)}`;
  const keys = [...shape.keys ?? []].sort();
  return `k:${JSON.stringify(Object.fromEntries(keys.map((key) => [key, item[key] ?? KEY_DEFAULTS[key] ?? null])))}`;
}

/** Keys that the API server fills in when an item leaves them out. */
const KEY_DEFAULTS: { readonly [key: string]: Json } = { protocol: 'TCP', name: '' };

export function fieldSetOf(value: Json | undefined, shape: Shape): FieldSet {
  const set = new FieldSet();
  collect(value, shape, [], set);
  return set;
}

function collect(value: Json | undefined, shape: Shape, path: readonly string[], set: FieldSet): void {
  if (isAtomic(shape, value)) { set.add(path); return; }
  if (shape.type === 'list') {
    for (const item of Array.isArray(value) ? value : []) {
      const itemPath = [...path, itemElement(shape, item)];
      collect(item, shape.items, itemPath, set);
      set.add(itemPath);
    }
    return;
  }
  for (const [key, field] of Object.entries(isObject(value) ? value : {})) {
    const fieldPath = [...path, `f:${key}`];
    const inner = shapeFor(childShape(shape, key), field);
    collect(field, inner, fieldPath, set);
    if (field === null || (isObject(field) && Object.keys(field).length === 0) || !isNamedField(shape, key)) set.add(fieldPath);
  }
}

/** An undescribed value is what it looks like. */
function shapeFor(shape: Shape, value: Json | undefined): Shape {
  return shape === UNKNOWN && !isObject(value) ? { type: 'any' } : shape;
}

export interface Difference {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

export function compare(before: Json | undefined, after: Json | undefined, shape: Shape): Difference {
  const result = { added: new FieldSet(), modified: new FieldSet(), removed: new FieldSet() };
  compareAt(before, after, shape, [], result);
  return result;
}

function compareAt(before: Json | undefined, after: Json | undefined, given: Shape, path: readonly string[], result: Difference): void {
  const shape = shapeFor(given, after ?? before);
  // An empty list or map counts as a leaf, to tell it from an absent one.
  if (isAtomic(shape, after ?? before) || (isBlank(before) && isBlank(after))) {
    if (before === undefined) result.added.add(path);
    else if (after === undefined) result.removed.add(path);
    else if (!equal(before, after)) result.modified.add(path);
    return;
  }
  for (const { element, left, right, inner } of pairs(before, after, shape)) compareAt(left, right, inner, [...path, element], result);
  if (before === undefined) result.added.add(path);
  else if (after === undefined) result.removed.add(path);
}

function isBlank(value: Json | undefined): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return value === undefined || value === null || (isObject(value) && Object.keys(value).length === 0);
}

interface Pair {
  readonly element: string;
  readonly left: Json | undefined;
  readonly right: Json | undefined;
  readonly inner: Shape;
}

function pairs(before: Json | undefined, after: Json | undefined, shape: Shape): Pair[] {
  if (shape.type === 'list') {
    const left = index(before, shape);
    const right = index(after, shape);
    return [...new Set([...left.keys(), ...right.keys()])].map((element) => ({ element, left: left.get(element), right: right.get(element), inner: shape.items }));
  }
  const left = isObject(before) ? before : {};
  const right = isObject(after) ? after : {};
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].map((key) => ({ element: `f:${key}`, left: left[key], right: right[key], inner: childShape(shape, key) }));
}

function index(list: Json | undefined, shape: ListShape): Map<string, Json> {
  return new Map((Array.isArray(list) ? list : []).map((item) => [itemElement(shape, item), item]));
}

/** The live object with the applied one laid over it. */
export function merge(live: Json | undefined, applied: Json | undefined, given: Shape): Json | undefined {
  if (applied === undefined) return live;
  const shape = shapeFor(given, applied);
  if (live === undefined || isAtomic(shape, applied) || (isBlank(live) && isBlank(applied))) return applied;
  if (shape.type === 'list') return mergeLists(live, applied, shape);
  if (!isObject(live)) return applied;
  const result: JsonObject = { ...live };
  for (const [key, value] of Object.entries(isObject(applied) ? applied : {})) result[key] = merge(live[key], value, childShape(shape, key));
  return result;
}

/** Applied items come in the order in which they were applied; the others stay around them where they were. */
function mergeLists(live: Json, applied: Json, shape: ListShape): Json[] {
  const before = index(live, shape);
  const wanted = index(applied, shape);
  const result: Json[] = [];
  const left = [...before.keys()];
  const right = [...wanted.keys()];
  const take = (element: string): void => void result.push(merge(before.get(element), wanted.get(element), shape.items) as Json);
  while (left.length > 0 || right.length > 0) {
    const [next] = left;
    if (next !== undefined && next === right[0]) { take(next); left.shift(); right.shift(); continue; }
    if (next !== undefined && !wanted.has(next)) { take(next); left.shift(); continue; }
    const element = right.shift();
    if (element === undefined) { left.shift(); continue; }
    take(element);
    const place = left.indexOf(element);
    if (place !== -1) left.splice(place, 1);
  }
  return result;
}

/** The object without the fields of a set. */
export function remove(value: Json | undefined, set: FieldSet, given: Shape): Json | undefined {
  const shape = shapeFor(given, value);
  if (isAtomic(shape, value) || isBlank(value)) return value;
  if (shape.type === 'list') {
    return (value as Json[]).filter((item) => !set.has(itemElement(shape, item))).map((item) => remove(item, set.under(itemElement(shape, item)), shape.items) as Json);
  }
  const result: JsonObject = {};
  for (const [key, field] of Object.entries(value as JsonObject)) {
    if (set.has(`f:${key}`)) continue;
    result[key] = remove(field, set.under(`f:${key}`), childShape(shape, key));
  }
  return result;
}

/** Adds the named fields on the way to each path: owning `a.b.c` owns the struct field `a` as well, but no map key. */
export function withNamedFields(set: FieldSet, shape: Shape): FieldSet {
  const named = [...set.children.keys()].filter((element) => element.startsWith('f:') && isNamedField(shape, element.slice(2)));
  const inner = (element: string): Shape => {
    if (shape.type === 'list') return shape.items;
    return element.startsWith('f:') ? childShape(shape, element.slice(2)) : UNKNOWN;
  };
  return new FieldSet([...set.members, ...named], [...set.children].map(([element, child]) => [element, withNamedFields(child, inner(element))] as const));
}
