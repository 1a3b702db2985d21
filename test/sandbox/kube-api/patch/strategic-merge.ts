/**
 * Strategic merge patch: a merge patch that knows which lists merge and by which key. Directives: `$patch: delete|replace`,
 * `$deleteFromPrimitiveList/<field>`, `$setElementOrder/<field>`, `$retainKeys`.
 */
import { equal, isObject, textAt, type Json, type JsonObject } from '../json.ts';
import { ApiError, badRequest } from '../status.ts';
import type { ListShape, Shape } from '../schema/shape.ts';

const DELETE_FROM = '$deleteFromPrimitiveList/';
const ORDER = '$setElementOrder/';

export function applyStrategicMerge(target: JsonObject, patch: JsonObject, shape: Shape | undefined): JsonObject {
  const directive = patch['$patch'];
  if (directive === 'replace') return without(patch, '$patch');
  if (directive === 'delete') return {};
  if (directive !== undefined && directive !== 'merge')
    throw badRequest(`unrecognized patch directive: ${textAt(patch, '$patch')}`);

  const result: JsonObject = retained(target, patch);
  for (const [key, value] of Object.entries(patch)) {
    if (key === '$patch' || key === '$retainKeys' || value === undefined) continue;
    if (key.startsWith(DELETE_FROM)) {
      const field = key.slice(DELETE_FROM.length);
      const list = result[field];
      if (Array.isArray(list) && Array.isArray(value))
        result[field] = list.filter((item) => !value.some((gone) => equal(gone, item)));
      continue;
    }
    if (key.startsWith(ORDER)) continue;
    if (value === null) {
      delete result[key];
      continue;
    }
    result[key] = mergeField(result[key], value, fieldShape(shape, key), patch[`${ORDER}${key}`]);
  }
  for (const [key, order] of Object.entries(patch)) {
    const field = key.slice(ORDER.length);
    const list = result[field];
    if (!key.startsWith(ORDER) || patch[field] !== undefined || !Array.isArray(list) || !Array.isArray(order)) continue;
    result[field] = ordered(list, order, [], mergeKeyOf(fieldShape(shape, field)) ?? '');
  }
  return result;
}

function mergeField(target: Json | undefined, patch: Json, shape: Shape | undefined, order: Json | undefined): Json {
  if (isObject(patch)) return applyStrategicMerge(isObject(target) ? target : {}, patch, shape);
  const mergeKey = mergeKeyOf(shape);
  if (!Array.isArray(patch) || mergeKey === undefined) return patch;
  const list = Array.isArray(target) ? target : [];
  const explicit = Array.isArray(order) ? order : undefined;
  return mergeKey === ''
    ? mergeScalars(list, patch, explicit)
    : mergeObjects(list, patch, mergeKey, (shape as ListShape).items, explicit);
}

function mergeScalars(target: Json[], patch: Json[], order: Json[] | undefined): Json[] {
  const added = patch.filter((item) => !target.some((have) => equal(have, item)));
  return ordered([...target, ...added], order ?? patch, target, '');
}

function mergeObjects(target: Json[], patch: Json[], key: string, items: Shape, order: Json[] | undefined): Json[] {
  if (patch.some((item) => isObject(item) && item['$patch'] === 'replace' && item[key] === undefined)) {
    return patch.filter((item) => !(isObject(item) && item['$patch'] === 'replace'));
  }
  let result = [...target];
  for (const item of patch) {
    if (!isObject(item)) throw badRequest('cannot convert a list of maps from a list with other values');
    const id = item[key];
    if (id === undefined)
      throw new ApiError(500, undefined, `map: ${goMap(item)} does not contain declared merge key: ${key}`);
    const place = result.findIndex((have) => isObject(have) && equal(have[key], id));
    if (item['$patch'] === 'delete') result = result.filter((_, index) => index !== place);
    else if (place === -1) result.push(applyStrategicMerge({}, item, items));
    else result[place] = applyStrategicMerge(result[place] as JsonObject, item, items);
  }
  return ordered(
    result,
    order ?? patch.filter((item) => !(isObject(item) && item['$patch'] === 'delete')),
    target,
    key,
  );
}

/**
 * Items named by the order come in that order. The others keep their place from before relative to those that were
 * there already, so that without an explicit order new items come first.
 */
function ordered(list: Json[], order: Json[], before: Json[], key: string): Json[] {
  const same = (a: Json, b: Json): boolean =>
    key === '' ? equal(a, b) : isObject(a) && isObject(b) && equal(a[key], b[key]);
  const named = order.map((item) => list.find((have) => same(have, item))).filter((item) => item !== undefined);
  const others = list.filter((item) => !order.some((wanted) => same(item, wanted)));
  const place = (item: Json): number => before.findIndex((had) => same(had, item));
  const result: Json[] = [];
  while (named.length > 0 && others.length > 0) {
    const [next, other] = [named[0], others[0]] as [Json, Json];
    const takeOther = place(next) !== -1 && place(other) !== -1 && place(other) < place(next);
    result.push((takeOther ? others : named).shift() as Json);
  }
  return [...result, ...named, ...others];
}

function retained(target: JsonObject, patch: JsonObject): JsonObject {
  const keys = patch['$retainKeys'];
  if (keys === undefined) return { ...target };
  const given = Object.keys(patch).filter((key) => !key.startsWith('$'));
  if (!Array.isArray(keys) || !given.every((key) => keys.includes(key)))
    throw badRequest('invalid patch format of retainKeys');
  return Object.fromEntries<Json | undefined>(Object.entries(target).filter(([key]) => keys.includes(key)));
}

function fieldShape(shape: Shape | undefined, key: string): Shape | undefined {
  if (shape?.type === 'struct') return shape.fields[key]?.shape;
  return shape?.type === 'map' ? shape.values : undefined;
}

function mergeKeyOf(shape: Shape | undefined): string | undefined {
  return shape?.type === 'list' ? shape.mergeKey : undefined;
}

function without(object: JsonObject, key: string): JsonObject {
  return Object.fromEntries<Json | undefined>(Object.entries(object).filter(([name]) => name !== key));
}

/** As Go prints a map: `map[a:1 b:map[c:2]]`. */
export function goMap(value: Json | undefined): string {
  if (Array.isArray(value)) return `[${value.map(goMap).join(' ')}]`;
  if (isObject(value))
    return `map[${Object.keys(value)
      .sort()
      .map((key) => `${key}:${goMap(value[key])}`)
      .join(' ')}]`;
  return value === null || value === undefined ? '<nil>' : String(value);
}
