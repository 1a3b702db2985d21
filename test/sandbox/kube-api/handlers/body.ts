/** Reads request bodies into objects of the kind that the URL names. */
import { parse as parseYaml } from 'yaml';
import { isObject, textAt, type Json, type JsonObject, type KubeObject } from '../json.ts';
import { apiVersionOf, type Kind } from '../kinds/kind.ts';
import type { KindTable } from '../kinds/index.ts';
import { decodeProtobuf, PROTOBUF } from '../protobuf/decode.ts';
import { decode, DecodeError } from '../schema/decode.ts';
import type { StructShape } from '../schema/shape.ts';
import { ApiError, badRequest } from '../status.ts';
import type { Context } from '../serve/context.ts';
import type { FieldValidation } from './options.ts';

const READABLE = ['application/json', 'application/yaml'];

export function mediaType(contentType: string): string {
  return contentType.split(';')[0]?.trim().toLowerCase() ?? '';
}

/** The body as JSON. A body without a content type counts as JSON. */
export function readBody(context: Pick<Context, 'body' | 'contentType'>, kind: string): Json {
  const type = mediaType(context.contentType);
  if (type === PROTOBUF) return decodeProtobuf(context.body);
  if (type !== '' && !READABLE.includes(type)) {
    throw new ApiError(
      415,
      'UnsupportedMediaType',
      `the body of the request was in an unknown format - accepted media types include: ${[...READABLE, PROTOBUF].join(', ')}`,
    );
  }
  const text = context.body.toString('utf8');
  if (type === 'application/yaml') return parseYaml(text) as Json;
  const problem = (why: string, shown: string): ApiError =>
    badRequest(
      `the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; json parse error: ${why} (${shown})`,
    );
  if (text === '') throw problem('unexpected end of JSON input', '<empty>');
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    throw problem(
      'unexpected end of JSON input',
      text.startsWith('{') ? text.slice(0, 100) : context.body.toString('hex').slice(0, 100),
    );
  }
  if (!isObject(value)) {
    throw problem(
      'json: cannot unmarshal array into Go value of type struct { APIVersion string ' +
        '"json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }',
      context.body.toString('hex').slice(0, 100),
    );
  }
  return value;
}

/** The object in a POST or PUT. */
export function readObject(context: Context, kind: Kind, validation: FieldValidation): KubeObject {
  const given = readBody(context, kind.kind) as JsonObject;
  checkType(context.cluster.kinds, kind, given);
  const cannot = (why: string): ApiError =>
    badRequest(`${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}: ${why}`);
  const { value, unknown } = decodeOr(kind.shape, given, (why) => {
    throw cannot(why);
  });
  reportUnknown(unknown, validation, context.warnings, (why) => {
    throw cannot(why);
  });
  return typed(kind, value);
}

export function decodeOr(
  shape: StructShape,
  given: Json,
  fail: (why: string, error: DecodeError) => never,
): ReturnType<typeof decode> {
  try {
    return decode(shape, given);
  } catch (error) {
    if (error instanceof DecodeError) return fail(error.message, error);
    throw error;
  }
}

export function reportUnknown(
  unknown: readonly string[],
  validation: FieldValidation,
  warnings: string[],
  fail: (why: string) => never,
): void {
  if (unknown.length === 0 || validation === 'Ignore') return;
  const errors = unknown.map((path) => `unknown field "${path}"`);
  if (validation === 'Strict') fail(`strict decoding error: ${errors.join(', ')}`);
  warnings.push(...errors);
}

/** An object with apiVersion and kind, and with the fields that the server sets. */
export function typed(kind: Kind, value: JsonObject): KubeObject {
  const { kind: _kind, apiVersion: _apiVersion, ...rest } = value;
  const object = { kind: kind.kind, apiVersion: apiVersionOf(kind), ...rest } as KubeObject;
  object.metadata = { ...object.metadata };
  kind.defaults?.(object);
  return object;
}

function checkType(kinds: KindTable, kind: Kind, given: JsonObject): void {
  const [name, apiVersion] = [textAt(given, 'kind') || kind.kind, textAt(given, 'apiVersion') || apiVersionOf(kind)];
  if (name === kind.kind && apiVersion === apiVersionOf(kind)) return;
  const known = kinds.all.find((candidate) => candidate.kind === name && apiVersionOf(candidate) === apiVersion);
  const version = apiVersion.split('/').at(-1) ?? '';
  const why = known
    ? `converting (${version}.${name}) to (core.${kind.kind}): unknown conversion`
    : `no kind "${name}" is registered for version "${apiVersion}" in scheme "pkg/api/legacyscheme/scheme.go:30"`;
  throw badRequest(`${name} in version "${version}" cannot be handled as a ${kind.kind}: ${why}`);
}
