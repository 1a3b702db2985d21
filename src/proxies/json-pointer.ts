/** RFC 6901: reading a field of an object by its path. */

type Field =
  /** `value` undefined: the field is absent (or null, which means the same to the API server) and can be added. */
  | { readonly value: unknown }
  /** Pointer to the missing parent of the field. */
  | { readonly missingParent: string };

/** `pointer` is `/a/b`, or empty for the object itself. */
export function readField(object: unknown, pointer: string): Field {
  const parts = partsOf(pointer);
  let current = object;
  for (const [depth, part] of parts.entries()) {
    if (typeof current !== 'object' || current === null)
      return { missingParent: `/${parts.slice(0, depth).map(escapePart).join('/')}` };
    current = Object.hasOwn(current, part) ? (current as Record<string, unknown>)[part] : undefined;
  }
  return { value: current ?? undefined };
}

/** `part` as one segment of a pointer. */
export function escapePart(part: string): string {
  return part.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** The segments of a pointer, unescaped. */
export function partsOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}
