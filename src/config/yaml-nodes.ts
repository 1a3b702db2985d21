/**
 * The value of a YAML document, and where each part of it stands. One walk, linear in the text: the readers of `yaml` compare
 * each key with all others, and search the whole document for each alias.
 */
import { isAlias, isMap, isScalar, isSeq, type Document, type Node, type Pair } from 'yaml';

/** With aliases written out. Each is checked against the schema, also if an alias repeats it. */
export const MAX_VALUES = 10_000;

/** A fault of the YAML text itself, found before the schema is checked. */
export interface YamlFault {
  /** Position in the text, in UTF-16 code units. */
  offset: number;
  message: string;
}

/** @returns the offset of the value at `path`; of its key if the value is empty or `at` is `key`. */
export type OffsetOf = (path: readonly PropertyKey[], at?: 'key' | 'value') => number;

interface Nodes {
  readonly value: unknown;
  /** Of a path that is not in the document: the key of the nearest mapping above it. */
  readonly offsetOf: OffsetOf;
  /** Keys that come twice, and keys that are no text. What else is there can be checked. */
  readonly faults: readonly YamlFault[];
}

interface Sized {
  readonly node: unknown;
  readonly value: unknown;
  /** How many values it is, with aliases written out. */
  readonly size: number;
}

class Unusable extends Error {
  override name = 'Unusable';
  readonly offset: number;
  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

/** The depth of the document must be bounded. */
export function readNodes(document: Document): Nodes | { fault: YamlFault } {
  const faults: YamlFault[] = [];
  const anchors = new Map<string, Sized>();
  const targets = new Map<unknown, unknown>();
  const pairs = new Map<unknown, Map<string, Pair>>();
  let total = 0;

  function read(node: unknown): Sized {
    const before = total;
    if (isAlias(node)) {
      // An anchor counts from the end of its node on, so nothing can contain itself.
      const target = anchors.get(node.source);
      if (target === undefined)
        throw new Unusable(
          startOf(node) ?? 0,
          'uses an alias ("*name") whose anchor ("&name") does not stand before it: define the anchor first',
        );
      targets.set(node, target.node);
      count(target.size, node);
      return target;
    }
    count(1, node);
    const value = isMap(node)
      ? readMap(node, node.items)
      : isSeq(node)
        ? node.items.map((item) => read(item).value)
        : isScalar(node)
          ? node.value
          : null;
    const sized = { node, value, size: total - before };
    const anchor = (node as Partial<Node> | null)?.anchor;
    if (typeof anchor === 'string') anchors.set(anchor, sized);
    return sized;
  }

  function readMap(node: unknown, items: readonly Pair[]): unknown {
    const known = new Map<string, Pair>();
    pairs.set(node, known);
    const entries = items.flatMap((pair): [string, unknown][] => {
      const key = keyText(pair.key);
      const offset = startOf(pair.key) ?? startOf(node) ?? 0;
      const anchor = (pair.key as Partial<Node> | null)?.anchor;
      if (key === undefined || typeof anchor === 'string')
        faults.push({
          offset,
          message: 'this key is a list, a mapping, an alias or an anchor: write it as plain text',
        });
      else if (known.has(key))
        faults.push({ offset, message: 'this key is given twice in one mapping: remove one of the two' });
      const { value } = read(pair.value);
      if (key === undefined) return [];
      known.set(key, pair);
      return [[key, value]];
    });
    return Object.fromEntries(entries);
  }

  function count(size: number, node: unknown): void {
    total += size;
    if (total > MAX_VALUES)
      throw new Unusable(
        startOf(node) ?? 0,
        `has more than ${MAX_VALUES} values before here, with aliases ("*name") written out: no configuration needs as many`,
      );
  }

  function offsetOf(path: readonly PropertyKey[], at: 'key' | 'value' = 'value'): number {
    let node: unknown = document.contents;
    let offset = startOf(node) ?? 0;
    for (const [depth, segment] of path.entries()) {
      const step = child(node, segment);
      if (step === undefined) return offset;
      node = targets.get(step.value) ?? step.value;
      const last = depth === path.length - 1;
      // Keep the key on the way down: if `secret.name` is missing, `secret:` is the line to report.
      offset =
        (last && at === 'value' && !isEmpty(step.value) ? startOf(step.value) : undefined) ??
        startOf(step.key) ??
        offset;
    }
    return offset;
  }

  /** In a sequence an item is its own key. */
  function child(node: unknown, segment: PropertyKey): { key: unknown; value: unknown } | undefined {
    if (isSeq(node) && typeof segment === 'number' && segment < node.items.length)
      return { key: node.items[segment], value: node.items[segment] };
    return pairs.get(node)?.get(String(segment));
  }

  try {
    return { value: read(document.contents).value, offsetOf, faults };
  } catch (error) {
    if (error instanceof Unusable) return { fault: { offset: error.offset, message: error.message } };
    throw error;
  }
}

function keyText(key: unknown): string | undefined {
  if (key === null) return '';
  if (!isScalar<string | number | boolean | null>(key)) return undefined;
  const { value } = key;
  return typeof value === 'object' ? '' : String(value);
}

function isEmpty(node: unknown): boolean {
  return node === null || (isScalar(node) && node.value === null && (node.source ?? '') === '');
}

function startOf(node: unknown): number | undefined {
  return (node as Partial<Node> | null | undefined)?.range?.[0];
}
