/** Decodes JSON into a shape as the API server does into a Go struct: checks types, collects unknown fields, drops zero values. */
import { isObject, type Json, type JsonObject } from '../json.ts';
import type { Field, Scalar, Shape, StructShape } from './shape.ts';

export class DecodeError extends Error {
  /** The same mismatch in the words of Go's converter, which strategic merge patches go through. */
  readonly conversion: string | undefined;

  constructor(message: string, conversion?: string) {
    super(message);
    this.conversion = conversion;
  }
}

export interface Decoded {
  readonly value: JsonObject;
  /** Paths of fields that the shape does not know; they are not in `value`. */
  readonly unknown: readonly string[];
}

/**
 * `stored`: as read from storage, which cannot tell an empty list from an absent one. Before that, a list that is always written
 * is `[]` only if the input has it.
 */
export function decode(shape: StructShape, input: Json | undefined, stored = false): Decoded {
  const unknown: string[] = [];
  const value = decodeStruct(shape, input ?? null, { unknown, path: '', goPath: shape.name, stored });
  return { value: value ?? {}, unknown };
}

interface Place {
  readonly stored: boolean;
  readonly unknown: string[];
  /** As in `unknown field "spec.foo"`. */
  readonly path: string;
  /** As in `Go struct field ConfigMap.data`: the innermost struct's type and the JSON path from the root. */
  readonly goPath: string;
}

function decodeValue(shape: Shape, input: Json, place: Place): Json | undefined {
  if (input === null) return undefined;
  switch (shape.type) {
    case 'struct':
      return decodeStruct(shape, input, place);
    case 'any':
      return input;
    case 'map': {
      if (!isObject(input)) throw mismatch(input, `map[string]${goType(shape.values)}`, place);
      const out: JsonObject = {};
      for (const key of Object.keys(input).sort()) {
        out[key] =
          decodeValue(shape.values, input[key] ?? null, { ...place, path: `${place.path}.${key}` }) ??
          zero(shape.values);
      }
      return out;
    }
    case 'list': {
      if (!Array.isArray(input)) throw mismatch(input, `[]${goType(shape.items)}`, place);
      return input.map(
        (item, index) =>
          decodeValue(shape.items, item, { ...place, path: `${place.path}[${index}]` }) ?? zero(shape.items),
      );
    }
    default:
      return decodeScalar(shape.type, input, place);
  }
}

function decodeStruct(shape: StructShape, input: Json, place: Place): JsonObject | undefined {
  if (input === null) return undefined;
  if (!isObject(input)) throw mismatch(input, `v1.${shape.name}`, place);
  // In the order of the document, because that is the order in which unknown fields are reported.
  const decoded: JsonObject = {};
  for (const [key, given] of Object.entries(input)) {
    const field = shape.fields[key];
    const path = join(place.path, key);
    if (field)
      decoded[key] =
        given === undefined
          ? undefined
          : decodeValue(field.shape, given, { ...place, path, goPath: `${shape.name}.${withoutIndexes(path)}` });
    else if (!shape.open) place.unknown.push(path);
  }
  const out: JsonObject = {};
  for (const [key, field] of Object.entries(shape.fields)) {
    const written = writtenOut(field, decoded[key], place.stored);
    if (written !== undefined) out[key] = written;
  }
  if (shape.open) {
    for (const [key, value] of Object.entries(input))
      if (shape.fields[key] === undefined && value !== null) out[key] = value;
  }
  return out;
}

/** What Go's encoder would write for a field of this value. */
function writtenOut(field: Field, value: Json | undefined, stored: boolean): Json | undefined {
  if (field.zero === 'keep') return value;
  if (value === undefined || isZero(value))
    return field.zero === 'always' ? zero(field.shape, stored ? undefined : value) : undefined;
  return value;
}

function isZero(value: Json): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (isObject(value)) return Object.keys(value).length === 0;
  return value === '' || value === 0 || value === false;
}

function zero(shape: Shape, given?: Json): Json {
  switch (shape.type) {
    case 'string':
    case 'intOrString':
    case 'quantity':
      return '';
    case 'integer':
      return 0;
    case 'boolean':
      return false;
    case 'struct':
      return decodeStruct(shape, {}, { unknown: [], path: '', goPath: shape.name, stored: false }) ?? {};
    case 'list':
    case 'map':
      return given ?? null;
    default:
      return null;
  }
}

function decodeScalar(type: Scalar, input: Json, place: Place): Json {
  switch (type) {
    case 'string':
      if (typeof input !== 'string') throw mismatch(input, 'string', place);
      return input;
    case 'boolean':
      if (typeof input !== 'boolean') throw mismatch(input, 'bool', place);
      return input;
    case 'integer':
      if (typeof input !== 'number' || !Number.isInteger(input)) throw mismatch(input, 'int32', place);
      return input;
    case 'intOrString':
    case 'quantity':
      if (typeof input !== 'number' && typeof input !== 'string') throw mismatch(input, 'string', place);
      return input;
    case 'bytes':
      if (typeof input !== 'string') throw mismatch(input, '[]uint8', place);
      checkBase64(input);
      return input;
    case 'time':
      return decodeTime(
        input,
        place,
        /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/,
        '2006-01-02T15:04:05Z07:00',
      );
    case 'microTime':
      return decodeTime(
        input,
        place,
        /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)$/,
        '2006-01-02T15:04:05.000000Z07:00',
      );
  }
}

function decodeTime(input: Json, place: Place, pattern: RegExp, layout: string): string {
  if (typeof input !== 'string') throw mismatch(input, 'string', place);
  if (pattern.test(input)) {
    const date = new Date(input);
    if (!Number.isNaN(date.getTime()))
      return layout.includes('.') ? microseconds(input, date) : date.toISOString().replace(/\.\d+Z$/, 'Z');
  }
  if (layout.includes('.') && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-])/.test(input)) {
    const rest = input.slice(19);
    throw new DecodeError(
      `parsing time ${JSON.stringify(input)} as "${layout}": cannot parse ${JSON.stringify(rest)} as ".000000"`,
    );
  }
  throw new DecodeError(
    `parsing time ${JSON.stringify(input)} as "${layout}": cannot parse ${JSON.stringify(input)} as "2006"`,
  );
}

function microseconds(input: string, date: Date): string {
  const fraction = /\.(\d{6})/.exec(input)?.[1] ?? '000000';
  return date.toISOString().replace(/\.\d+Z$/, `.${fraction}Z`);
}

function checkBase64(input: string): void {
  const text = input.replace(/[\r\n]/g, '');
  const bad = /[^A-Za-z0-9+/]/.exec(text.replace(/={1,2}$/, ''));
  if (bad) throw new DecodeError(`illegal base64 data at input byte ${bad.index}`);
  if (text.length % 4 !== 0)
    throw new DecodeError(`illegal base64 data at input byte ${text.length - (text.length % 4)}`);
}

function mismatch(input: Json, expected: string, place: Place): DecodeError {
  const found = Array.isArray(input)
    ? 'array'
    : isObject(input)
      ? 'object'
      : typeof input === 'boolean'
        ? 'bool'
        : typeof input;
  const converted = typeof input === 'number' ? (Number.isInteger(input) ? 'int64' : 'float64') : found;
  return new DecodeError(
    `json: cannot unmarshal ${found} into Go struct field ${place.goPath} of type ${expected}`,
    `cannot convert ${converted} to ${expected}`,
  );
}

function goType(shape: Shape): string {
  switch (shape.type) {
    case 'struct':
      return `v1.${shape.name}`;
    case 'map':
      return `map[string]${goType(shape.values)}`;
    case 'list':
      return `[]${goType(shape.items)}`;
    case 'bytes':
      return '[]uint8';
    case 'boolean':
      return 'bool';
    case 'integer':
      return 'int32';
    case 'time':
    case 'microTime':
      return 'v1.Time';
    case 'any':
      return 'interface {}';
    default:
      return 'string';
  }
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

function withoutIndexes(path: string): string {
  return path.replace(/\[\d+\]/g, '');
}

const empties = new WeakMap<StructShape, JsonObject>();

/** An object of this shape with no field set: ownership of fields is computed relative to it. */
export function emptyObject(shape: StructShape, kind: Json | undefined, apiVersion: Json | undefined): JsonObject {
  let empty = empties.get(shape);
  if (!empty) empties.set(shape, (empty = decode(shape, {}).value));
  return { ...empty, kind, apiVersion };
}
