/** Refuses an applied configuration that does not fit the kind's schema, before anything is merged. */
import { isObject, textAt, type Json, type JsonObject } from '../json.ts';
import type { Kind } from '../kinds/kind.ts';
import type { Shape } from '../schema/shape.ts';
import { internal } from '../status.ts';
import { itemElement } from './typed.ts';
import { pathText } from './field-set.ts';

export function checkApplied(config: JsonObject, kind: Kind): void {
  const problem = find(config, kind.shape, '');
  if (problem === undefined) return;
  const { group, version } = kind;
  const namespace = textAt(config, 'metadata', 'namespace');
  throw internal(
    `failed to create typed patch object (${namespace}/${textAt(config, 'metadata', 'name')}; ${group}/${version}, Kind=${kind.kind}): ${problem}`,
  );
}

function find(value: Json | undefined, shape: Shape, path: string): string | undefined {
  if (value === null || value === undefined || shape.type === 'any') return undefined;
  switch (shape.type) {
    case 'struct':
    case 'map': {
      if (!isObject(value)) return `${path}: expected map, got ${shown(value)}`;
      for (const [key, field] of Object.entries(value)) {
        const inner = shape.type === 'map' ? shape.values : shape.fields[key]?.shape;
        if (!inner) {
          if (shape.type === 'struct' && shape.open) continue;
          return `${path}.${key}: field not declared in schema`;
        }
        const problem = find(field, inner, `${path}.${key}`);
        if (problem !== undefined) return problem;
      }
      return undefined;
    }
    case 'list': {
      if (!Array.isArray(value)) return `${path}: expected list, got ${shown(value)}`;
      const seen = new Set<string>();
      for (const item of value) {
        const element = itemElement(shape, item);
        const at = shape.ownership === 'atomic' ? path : `${path}${pathText([element])}`;
        if (shape.ownership !== 'atomic' && seen.has(element))
          return `${path}: duplicate entries for key ${pathText([element])}`;
        seen.add(element);
        const problem = find(item, shape.items, at);
        if (problem !== undefined) return problem;
      }
      return undefined;
    }
    case 'integer':
      return typeof value === 'number' ? undefined : `${path}: expected numeric (int or float), got ${shown(value)}`;
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `${path}: expected boolean, got ${shown(value)}`;
    case 'intOrString':
    case 'quantity':
      return undefined;
    default:
      return typeof value === 'string' ? undefined : `${path}: expected string, got ${shown(value)}`;
  }
}

function shown(value: Json): string {
  return `&value.valueUnstructured{Value:${JSON.stringify(value)}}`;
}
