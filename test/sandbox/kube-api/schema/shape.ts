/**
 * The shape of an object, as in the API server's Go types. One description is used for decoding (unknown
 * fields, wrong types, what is omitted if empty), strategic merge (merge keys), and server-side apply (which lists and
 * maps are owned item by item).
 */

export type Scalar = 'string' | 'integer' | 'boolean' | 'time' | 'microTime' | 'bytes' | 'intOrString' | 'quantity';

export type Shape = ScalarShape | AnyShape | StructShape | MapShape | ListShape;

export interface ScalarShape {
  readonly type: Scalar;
}

/** JSON that is kept as it is, and owned as one field. */
export interface AnyShape {
  readonly type: 'any';
}

export interface StructShape {
  readonly type: 'struct';
  /** Name of the Go type: it appears in decoding errors. */
  readonly name: string;
  readonly fields: { readonly [name: string]: Field };
  /** Takes fields that are not described here, as they come. For big types that are only partly described. */
  readonly open?: boolean;
  /** Owned as a whole in server-side apply. */
  readonly atomic?: boolean;
}

export interface MapShape {
  readonly type: 'map';
  readonly values: Shape;
  readonly atomic?: boolean;
}

export interface ListShape {
  readonly type: 'list';
  readonly items: Shape;
  /** Server-side apply: `map` items are owned by key, `set` items by value, an `atomic` list as a whole. */
  readonly ownership: 'atomic' | 'set' | 'map';
  readonly keys?: readonly string[];
  /** Strategic merge: lists of objects merge by this key, lists of scalars as a union when it is `''`; else replaced. */
  readonly mergeKey?: string;
}

export interface Field {
  readonly shape: Shape;
  /**
   * What becomes of a zero value when the object is written out. `omit`: left out (Go's omitempty). `keep`: a pointer in
   * Go, so `false` and `0` stay. `always`: written even when nobody set it.
   */
  readonly zero: 'omit' | 'keep' | 'always';
}

type Fields = { readonly [name: string]: Field | Shape };

export const string: ScalarShape = { type: 'string' };
export const integer: ScalarShape = { type: 'integer' };
export const boolean: ScalarShape = { type: 'boolean' };
export const time: ScalarShape = { type: 'time' };
export const microTime: ScalarShape = { type: 'microTime' };
export const bytes: ScalarShape = { type: 'bytes' };
export const any: AnyShape = { type: 'any' };
export const strings: MapShape = { type: 'map', values: string };
export const stringList: ListShape = { type: 'list', items: string, ownership: 'atomic' };

export function pointer(shape: Shape): Field {
  return { shape, zero: 'keep' };
}

export function always(shape: Shape): Field {
  return { shape, zero: 'always' };
}

export function struct(name: string, fields: Fields, options: { open?: boolean; atomic?: boolean } = {}): StructShape {
  const described = Object.entries(fields).map(([key, field]): [string, Field] => [
    key,
    'zero' in field ? field : { shape: field, zero: 'omit' },
  ]);
  return { type: 'struct', name, fields: Object.fromEntries(described), ...options };
}

export function atomicList(items: Shape): ListShape {
  return { type: 'list', items, ownership: 'atomic' };
}

/** A list merged by key, both in server-side apply and in strategic merge. */
export function keyedList(items: Shape, keys: readonly string[], mergeKey: string = keys[0] ?? ''): ListShape {
  return { type: 'list', items, ownership: 'map', keys, mergeKey };
}
