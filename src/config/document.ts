/** Reads a document of unknown shape: what is missing or of the wrong shape is skipped; the schema reports it. */

/** Something wrong between the parts of a configuration. */
export interface CrossProblem {
  readonly path: (string | number)[];
  /** One line: what is wrong and what to do. */
  readonly message: string;
}

export function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

export function items(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The first item of each key, in order. */
export function firstBy<T>(list: readonly T[], keyOf: (item: T) => unknown): Map<unknown, T> {
  const found = new Map<unknown, T>();
  for (const item of list) {
    const key = keyOf(item);
    if (!found.has(key)) found.set(key, item);
  }
  return found;
}
