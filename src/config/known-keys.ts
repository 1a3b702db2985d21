/** What the schema says of a path of the configuration: known keys, the nearest one to a typing error, lists that are too long. */
import * as z from 'zod';
import { LISTS } from './limits.ts';

interface SchemaNode {
  properties?: Record<string, SchemaNode>;
  items?: SchemaNode;
  anyOf?: SchemaNode[];
  oneOf?: SchemaNode[];
  maxItems?: number;
  maxProperties?: number;
}

/** Made once for each schema: it takes longer than reading a configuration. */
const made = new WeakMap<z.ZodType, readonly SchemaNode[]>();
function rootOf(schema: z.ZodType): readonly SchemaNode[] {
  const nodes = made.get(schema) ?? variants(z.toJSONSchema(schema, { io: 'input' }) as SchemaNode);
  made.set(schema, nodes);
  return nodes;
}

/** Keys of the mapping at `path`, of all its variants. Empty: `path` is no mapping. */
export function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  const nodes = path.reduce((at, segment) => below(at, segment), rootOf(schema));
  return [...new Set(nodes.flatMap((node) => Object.keys(node.properties ?? {})))];
}

/** Lists and mappings with more items than the schema allows. Zod says it too, but only after it has checked each item. */
export function tooLong(schema: z.ZodType, value: unknown): { path: PropertyKey[]; message: string }[] {
  // Zod is quick with so few, and the schema's limits take 20 ms to look up.
  return longest(value) <= FEW ? [] : beyond(value, [], rootOf(schema));
}

/** Below every limit that is worth a look ahead. */
const FEW = Math.min(...Object.values(LISTS));

/** Items of the longest list or mapping in it. */
function longest(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const items: unknown[] = Object.values(value);
  return items.reduce<number>((most, item) => Math.max(most, longest(item)), items.length);
}

function beyond(
  value: unknown,
  path: PropertyKey[],
  nodes: readonly SchemaNode[],
): { path: PropertyKey[]; message: string }[] {
  if (typeof value !== 'object' || value === null) return [];
  const isList = Array.isArray(value);
  const entries: [PropertyKey, unknown][] = isList ? value.map((item, i) => [i, item]) : Object.entries(value);
  const limits = nodes.flatMap(({ maxItems, maxProperties }) => (isList ? maxItems : maxProperties) ?? []);
  const most = Math.max(...limits, -1);
  if (most >= 0 && entries.length > most)
    return [{ path, message: `has ${entries.length} items, and at most ${most} are possible` }];
  const inside = new Map<PropertyKey, readonly SchemaNode[]>();
  return entries.flatMap(([key, item]) => {
    const kind = isList ? 0 : key;
    const next = inside.get(kind) ?? below(nodes, kind);
    inside.set(kind, next);
    return next.length === 0 ? [] : beyond(item, [...path, key], next);
  });
}

function below(nodes: readonly SchemaNode[], segment: PropertyKey): readonly SchemaNode[] {
  return nodes.flatMap((node) => {
    const next = typeof segment === 'number' ? node.items : own(node.properties, String(segment));
    return next === undefined ? [] : variants(next);
  });
}

/** The nearest candidate to `word`, ignoring case, with an edit distance of at most a third of its length (but at least 1). */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const [best] = candidates
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= Math.max(1, Math.floor(candidate.length / 3)))
    .sort((a, b) => a.distance - b.distance);
  return best?.candidate;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  // A much longer or shorter key is no typing error: do not spend time on a pasted document.
  if (Math.abs(a.length - b.length) > b.length) return Infinity;
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number) => rows[i]?.[j] ?? Infinity;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j++) {
      const replace = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swap = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : Infinity;
      row.push(Math.min(replace, swap, at(i - 1, j) + 1, at(i, j - 1) + 1));
    }
  }
  return at(a.length, b.length);
}

function variants(node: SchemaNode): SchemaNode[] {
  const several = node.anyOf ?? node.oneOf;
  return several === undefined ? [node] : several.flatMap(variants);
}

function own<T>(record: Record<string, T> | undefined, key: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}
