/** The protobuf wire format: numbered fields of four types, and messages described by a table. */
import type { Json, JsonObject } from '../json.ts';

/** `ignored`: its content does not matter, such as a status in a request. */
export type ValueType =
  'ignored' | 'string' | 'bytes' | 'int' | 'bool' | 'time' | 'microTime' | 'quantity' | 'rawJson' | Message;

export interface WireField {
  readonly name: string;
  readonly type: ValueType;
  readonly repeated?: boolean;
  /** Keys are strings; the type is that of the values. */
  readonly map?: boolean;
}

export type Message = () => { readonly [number: number]: WireField };

type RawField = readonly [number: number, value: bigint | Buffer];

/** The fields of a message in the order of the bytes. */
export function* rawFields(buffer: Buffer): Generator<RawField, void> {
  let position = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = buffer[position++];
      if (byte === undefined) throw new Error('unexpected EOF');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const slice = (length: number): Buffer => {
    if (position + length > buffer.length) throw new Error('unexpected EOF');
    position += length;
    return buffer.subarray(position - length, position);
  };
  while (position < buffer.length) {
    const tag = Number(varint());
    const number = tag >>> 3;
    switch (tag & 7) {
      case 0:
        yield [number, varint()];
        break;
      case 1:
        yield [number, slice(8)];
        break;
      case 2:
        yield [number, slice(Number(varint()))];
        break;
      case 5:
        yield [number, slice(4)];
        break;
      default:
        throw new Error(`wire type ${tag & 7} is not supported`);
    }
  }
}

/** A message as the equivalent JSON. */
export function decodeMessage(buffer: Buffer, message: Message): JsonObject {
  const fields = message();
  const out: JsonObject = {};
  for (const [number, raw] of rawFields(buffer)) {
    const field = fields[number];
    // A field that the table leaves out is one that no test needs; dropping it silently would be a lie.
    if (!field) throw new Error(`protobuf field ${number} is not known to the sandbox: send JSON`);
    const { name, type, repeated, map } = field;
    if (type === 'ignored') continue;
    if (map) out[name] = { ...(out[name] as JsonObject | undefined), ...mapEntry(raw as Buffer, type) };
    else if (repeated) out[name] = [...((out[name] as Json[] | undefined) ?? []), decodeValue(raw, type)];
    else out[name] = decodeValue(raw, type);
  }
  return out;
}

function mapEntry(buffer: Buffer, type: ValueType): JsonObject {
  const entry = new Map(rawFields(buffer));
  const value = entry.get(2);
  return {
    [(entry.get(1) as Buffer | undefined)?.toString('utf8') ?? '']: value === undefined ? '' : decodeValue(value, type),
  };
}

function decodeValue(raw: bigint | Buffer, type: ValueType): Json {
  if (typeof raw === 'bigint') return type === 'bool' ? raw !== 0n : Number(BigInt.asIntN(64, raw));
  switch (type) {
    case 'string':
      return raw.toString('utf8');
    case 'bytes':
      return raw.toString('base64');
    case 'time':
    case 'microTime':
      return decodeTime(raw, type);
    case 'quantity':
      return (new Map(rawFields(raw)).get(1) as Buffer | undefined)?.toString('utf8') ?? '0';
    case 'rawJson':
      return JSON.parse((new Map(rawFields(raw)).get(1) as Buffer | undefined)?.toString('utf8') ?? 'null') as Json;
    case 'int':
    case 'bool':
    case 'ignored':
      throw new Error('a number was expected');
    default:
      return decodeMessage(raw, type);
  }
}

function decodeTime(raw: Buffer, type: 'time' | 'microTime'): Json {
  const fields = new Map(rawFields(raw));
  const seconds = fields.get(1);
  // No seconds at all is Go's zero time, which JSON writes as null.
  if (typeof seconds !== 'bigint') return null;
  const nanos = Number((fields.get(2) as bigint | undefined) ?? 0n);
  const whole = new Date(Number(BigInt.asIntN(64, seconds)) * 1000).toISOString().slice(0, 19);
  return type === 'time' ? `${whole}Z` : `${whole}.${String(Math.floor(nanos / 1000)).padStart(6, '0')}Z`;
}
