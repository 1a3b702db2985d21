/** Walks an object by its shape for server-side apply: its field set, the difference of two objects, merging, removing. */
import { equal, isObject, type Json, type JsonObject } from '../json.ts';
import type { ListShape, Shape } from '../schema/shape.ts';
import { FieldSet } from './field-set.ts';

/** Anything that is not described: objects are owned field by field, lists as a whole. */
const UNKNOWN: Shape = { type: 'struct', name: '', fields: {}, open: true };

function isAtomic(shape: Shape, value: Json | undefined): boolean {
  if (shape.type === 'any') return true;
  if (shape.type === 'list') return shape.ownership === 'atomic';
  if (shape.type === 'map' || shape.type === 'struct')
    return shape.atomic === true || (value !== null && value !== undefined && !isObject(value));
  return true;
}

export function childShape(shape: Shape, key: string): Shape {
  if (shape.type === 'map') return shape.values;
  return shape.type === 'struct' ? (shape.fields[key]?.shape ?? UNKNOWN) : UNKNOWN;
}

/** Whether a key is a field of a struct, and not a key of a map. */
export function isNamedField(shape: Shape, key: string): boolean {
  return shape.type === 'struct' && (shape.fields[key] !== undefined || shape.open === true);
}

/** The path element of a list item: by its keys, or by its value. */
export function itemElement(shape: ListShape, item: Json): string {
  if (shape.ownership !== 'map' || !isObject(item)) return `v:${JSON.stringify(item)}`;
  const keys = [...(shape.keys ?? [])].sort();
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
  if (isAtomic(shape, value)) {
    set.add(path);
    return;
  }
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
    if (field === null || (isObject(field) && Object.keys(field).length === 0) || !isNamedField(shape, key))
      set.add(fieldPath);
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

function compareAt(
  before: Json | undefined,
  after: Json | undefined,
  given: Shape,
  path: readonly string[],
  result: Difference,
): void {
  const shape = shapeFor(given, after ?? before);
  // An empty list or map counts as a leaf, to tell it from an absent one.
  if (isAtomic(shape, after ?? before) || (isBlank(before) && isBlank(after))) {
    if (before === undefined) result.added.add(path);
    else if (after === undefined) result.removed.add(path);
    else if (!equal(before, after)) result.modified.add(path);
    return;
  }
  if (shape.type === 'list') compareItems(before, after, shape, path, result);
  else
    for (const { element, left, right, inner } of fields(before, after, shape))
      compareAt(left, right, inner, [...path, element], result);
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

/** Items that appear more than once have no identity: together they are one leaf. */
function compareItems(
  before: Json | undefined,
  after: Json | undefined,
  shape: ListShape,
  path: readonly string[],
  result: Difference,
): void {
  const left = grouped(before, shape);
  const right = grouped(after, shape);
  for (const element of new Set([...left.keys(), ...right.keys()])) {
    const [ours = [], theirs = []] = [left.get(element), right.get(element)];
    const itemPath = [...path, element];
    if (ours.length > 1 && theirs.length > 1) {
      if (!equal(ours, theirs)) result.modified.add(itemPath);
      continue;
    }
    if (ours.length <= 1 && theirs.length <= 1) compareAt(ours[0], theirs[0], shape.items, itemPath, result);
    else if (ours.length > 1 && theirs[0] !== undefined) compareAt(undefined, theirs[0], shape.items, itemPath, result);
    else if (theirs.length > 1 && ours[0] !== undefined) compareAt(ours[0], undefined, shape.items, itemPath, result);
    if (ours.length > 1) result.removed.add(itemPath);
    if (theirs.length > 1) result.added.add(itemPath);
  }
}

function grouped(list: Json | undefined, shape: ListShape): Map<string, Json[]> {
  const groups = new Map<string, Json[]>();
  for (const item of Array.isArray(list) ? list : []) {
    const element = itemElement(shape, item);
    groups.set(element, [...(groups.get(element) ?? []), item]);
  }
  return groups;
}

function fields(before: Json | undefined, after: Json | undefined, shape: Shape): Pair[] {
  const left = isObject(before) ? before : {};
  const right = isObject(after) ? after : {};
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].map((key) => ({
    element: `f:${key}`,
    left: left[key],
    right: right[key],
    inner: childShape(shape, key),
  }));
}

function index(list: Json | undefined, shape: ListShape): Map<string, Json> {
  return new Map((Array.isArray(list) ? list : []).map((item) => [itemElement(shape, item), item]));
}

/** The live object with the applied one merged over it. */
export function merge(live: Json | undefined, applied: Json | undefined, given: Shape): Json | undefined {
  if (applied === undefined) return live;
  const shape = shapeFor(given, applied);
  if (live === undefined || isAtomic(shape, applied) || (isBlank(live) && isBlank(applied))) return applied;
  if (shape.type === 'list') return mergeLists(live, applied, shape);
  if (!isObject(live)) return applied;
  const result: JsonObject = { ...live };
  for (const [key, value] of Object.entries(isObject(applied) ? applied : {}))
    result[key] = merge(live[key], value, childShape(shape, key));
  return result;
}

/**
 * Items that both have come in the order in which they were applied. Those of one side only keep their place on that side,
 * and where the two sides could go either way, the live object's items come first.
 */
function mergeLists(live: Json, applied: Json, shape: ListShape): Json[] {
  const before = grouped(live, shape);
  const wanted = index(applied, shape);
  // Duplicates of the live object stay, each in its place, as long as nobody applies that item.
  const left = (Array.isArray(live) ? live : []).map((item) => ({ element: itemElement(shape, item), item }));
  const right = [...wanted.keys()];
  const shared = right.filter((element) => before.has(element));
  const done = new Set<string>();
  const result: Json[] = [];
  const take = (element: string): void => {
    done.add(element);
    if (shared[0] === element) shared.shift();
    const [only, ...more] = before.get(element) ?? [];
    result.push(merge(more.length > 0 ? undefined : only, wanted.get(element), shape.items) as Json);
  };
  while (left.length > 0 || right.length > 0) {
    const [ours, theirs] = [left[0], right[0]];
    if (ours && theirs !== undefined) {
      if (ours.element === theirs) {
        take(theirs);
        left.shift();
        right.shift();
        continue;
      }
      // An item that both have, but whose turn it is not yet: it comes with the applied ones.
      if (wanted.has(ours.element) && shared[0] !== undefined && shared[0] !== ours.element) {
        left.shift();
        continue;
      }
    }
    if (ours) {
      if (!wanted.has(ours.element)) {
        result.push(ours.item);
        left.shift();
        continue;
      }
      if (done.has(ours.element)) left.shift();
    }
    if (theirs !== undefined) {
      take(theirs);
      right.shift();
    }
  }
  return result;
}

/** The object without the fields of a set. */
export function remove(value: Json | undefined, set: FieldSet, given: Shape): Json | undefined {
  const shape = shapeFor(given, value);
  if (isAtomic(shape, value) || isBlank(value)) return value;
  if (shape.type === 'list') {
    return (value as Json[])
      .filter((item) => !set.has(itemElement(shape, item)))
      .map((item) => remove(item, set.under(itemElement(shape, item)), shape.items) as Json);
  }
  const result: JsonObject = {};
  for (const [key, field] of Object.entries(value as JsonObject)) {
    if (set.has(`f:${key}`)) continue;
    result[key] = remove(field, set.under(`f:${key}`), childShape(shape, key));
  }
  return result;
}

/** Adds the named fields above each path: owning `a.b.c` owns the struct field `a` as well, but no map key. */
export function withNamedFields(set: FieldSet, shape: Shape): FieldSet {
  const named = [...set.children.keys()].filter(
    (element) => element.startsWith('f:') && isNamedField(shape, element.slice(2)),
  );
  const inner = (element: string): Shape => {
    if (shape.type === 'list') return shape.items;
    return element.startsWith('f:') ? childShape(shape, element.slice(2)) : UNKNOWN;
  };
  return new FieldSet(
    [...set.members, ...named],
    [...set.children].map(([element, child]) => [element, withNamedFields(child, inner(element))] as const),
  );
}
