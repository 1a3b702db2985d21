/** The position of the value at a path in a YAML text. */
import { isAlias, isMap, isScalar, isSeq, type Document, type Node } from 'yaml';

/**
 * Offset of the value at `path`; of its key if the value is empty or `at` is `key`. For a path that is not in the document:
 * the key of the nearest mapping above it.
 */
export function offsetOf(document: Document, path: readonly PropertyKey[], at: 'key' | 'value' = 'value'): number {
  let node = resolve(document.contents, document);
  let offset = startOf(document.contents) ?? 0;
  for (const [depth, segment] of path.entries()) {
    const step = child(node, segment);
    if (step === undefined) return offset;
    node = resolve(step.value, document);
    const last = depth === path.length - 1;
    // Keep the key on the way down: if `secret.name` is missing, `secret:` is the line to report.
    offset =
      (last && at === 'value' && !isEmpty(step.value) ? startOf(step.value) : undefined) ?? startOf(step.key) ?? offset;
  }
  return offset;
}

/** Both count from 1. Counted here, because the LineCounter of `yaml` misses the ends of lines that it cannot parse. */
export function lineOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  const start = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: before.length - start + 1 };
}

/** In a sequence an item is its own key. */
function child(node: unknown, segment: PropertyKey): { key: unknown; value: unknown } | undefined {
  if (isMap(node)) return node.items.findLast((pair) => keyText(pair.key) === String(segment));
  if (isSeq(node) && typeof segment === 'number' && segment < node.items.length) {
    const item: unknown = node.items[segment];
    return { key: item, value: item };
  }
  return undefined;
}

/** The property name that `toJS()` makes of a key. */
function keyText(key: unknown): string | undefined {
  if (!isScalar<string | number | boolean | null>(key)) return undefined;
  const { value } = key;
  return typeof value === 'object' ? '' : String(value);
}

function resolve(node: unknown, document: Document): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

function isEmpty(node: unknown): boolean {
  return node === null || (isScalar(node) && node.value === null && (node.source ?? '') === '');
}

function startOf(node: unknown): number | undefined {
  return (node as Partial<Node> | null | undefined)?.range?.[0];
}
