/** Reads objects of which nothing is known: custom objects have whatever shape their version has. */
export type Json = Readonly<Record<string, unknown>>;

/** Empty for anything but an object. */
export const objectOf = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};

export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

export const stringOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** Every value under a key that `is`, at any depth. */
export function* under(value: unknown, is: (key: string) => boolean, depth = 0): Generator {
  if (depth > 40 || typeof value !== 'object' || value === null) return;
  for (const [key, each] of Object.entries(value)) {
    if (!Array.isArray(value) && is(key)) yield each;
    else yield* under(each, is, depth + 1);
  }
}
