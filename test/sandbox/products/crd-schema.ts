/** The part of a CRD's structural schema that the products' CRDs use: what is wrong with an object, and what would be pruned. */

export interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly maxItems?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
}

/** One line per problem; without unknown fields, see {@link unknownFields}. */
export function problems(schema: Schema, value: unknown, at = ''): string[] {
  const wrong = (why: string): string[] => [`${at === '' ? '/' : at}: ${why}`];
  if (!hasType(schema.type, value)) return wrong(`must be of type ${schema.type}`);
  if (schema.enum && !schema.enum.includes(value)) return wrong(`must be one of ${schema.enum.join(', ')}`);
  if (typeof value === 'string' && value.length > (schema.maxLength ?? Infinity))
    return wrong(`is longer than ${schema.maxLength}`);
  if (typeof value === 'number' && value < (schema.minimum ?? -Infinity))
    return wrong(`is less than ${schema.minimum}`);
  if (Array.isArray(value)) {
    if (value.length > (schema.maxItems ?? Infinity)) return wrong(`has more than ${schema.maxItems} items`);
    return value.flatMap((item, i) => (schema.items ? problems(schema.items, item, `${at}/${i}`) : []));
  }
  if (typeof value !== 'object' || value === null) return [];
  const required = (schema.required ?? [])
    .filter((key) => !Object.hasOwn(value, key))
    .map((key) => `${at}/${key}: is required`);
  return [
    ...required,
    ...Object.entries(value).flatMap(([key, member]) => {
      const known = child(schema, key);
      return known === undefined ? [] : problems(known, member, `${at}/${key}`);
    }),
  ];
}

/** Pointers to fields that the schema does not have; the metadata of an object has a schema of its own. */
export function unknownFields(schema: Schema, value: unknown, at = ''): string[] {
  if (schema['x-kubernetes-preserve-unknown-fields'] || at === '/metadata') return [];
  if (Array.isArray(value))
    return value.flatMap((item, i) => (schema.items ? unknownFields(schema.items, item, `${at}/${i}`) : []));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => {
    const known = child(schema, key);
    return known === undefined ? [`${at}/${key}`] : unknownFields(known, member, `${at}/${key}`);
  });
}

/** The value without unknown fields, as the API server stores it. */
export function prune<T>(schema: Schema, value: T): T {
  const result = structuredClone(value);
  for (const pointer of unknownFields(schema, value)) {
    const parts = pointer.split('/').slice(1);
    const key = parts.pop() ?? '';
    const container = parts.reduce<unknown>((current, part) => (current as Record<string, unknown>)[part], result);
    delete (container as Record<string, unknown>)[key];
  }
  return result;
}

function child(schema: Schema, key: string): Schema | undefined {
  return schema.properties && Object.hasOwn(schema.properties, key)
    ? schema.properties[key]
    : schema.additionalProperties;
}

function hasType(type: string | undefined, value: unknown): boolean {
  switch (type) {
    case undefined:
      return true;
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}
