/** PATCH in its four formats. */
import { parse as parseYaml } from 'yaml';
import { serverSideApply } from '../apply/server-side-apply.ts';
import { isObject, textAt, type Json, type JsonObject, type KubeObject } from '../json.ts';
import { apiVersionOf } from '../kinds/kind.ts';
import { applyJsonPatch } from '../patch/json-patch.ts';
import { applyMergePatch } from '../patch/merge-patch.ts';
import { applyStrategicMerge, goMap } from '../patch/strategic-merge.ts';
import { checkApplied } from '../apply/check-applied.ts';
import { ApiError, badRequest, conflict, notFound } from '../status.ts';
import type { Context, Result } from '../serve/context.ts';
import { invalidObject } from '../validation/field-error.ts';
import { jsonProblem } from '../kinds/secret-rules.ts';
import type { DecodeError } from '../schema/decode.ts';
import { decodeOr, mediaType, reportUnknown, typed } from './body.ts';
import { checkNamespace, createObject } from './create.ts';
import { writeOptions, type WriteOptions } from './options.ts';
import { checkName, currentObject, requireCreate, storeUpdate, writer } from './update.ts';

const JSON_PATCH = 'application/json-patch+json';
const MERGE_PATCH = 'application/merge-patch+json';
const STRATEGIC = 'application/strategic-merge-patch+json';
const APPLY = 'application/apply-patch+yaml';

export function patch(context: Context): Result {
  const type = mediaType(context.contentType);
  if (![JSON_PATCH, MERGE_PATCH, STRATEGIC, APPLY].includes(type))
    throw new ApiError(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {});
  const options = writeOptions(context.query, 'PatchOptions', type === APPLY);
  const current = currentObject(context);
  if (type === APPLY) return apply(context, current, options);
  if (!current) throw notFound(context.kind, context.resource.name);
  const fresh = patched(context, type, current, options);
  checkNamespace(context, fresh);
  checkName(context, fresh);
  return { type: 'object', code: 200, object: storeUpdate(context, current, fresh, options) };
}

function patched(context: Context, type: string, current: KubeObject, options: WriteOptions): KubeObject {
  const { kind } = context;
  const body = parseBody(context.body.toString('utf8'), type);
  let result: Json;
  let shown: string | undefined;
  if (type === JSON_PATCH) result = applyJsonPatch(current, body);
  else if (type === MERGE_PATCH) result = applyMergePatch(current, body);
  else {
    result = applyStrategicMerge(current, body as JsonObject, kind.shape);
    shown = goMap(body);
  }
  const cannot = (message: string, error?: DecodeError): never => {
    const why = type === STRATEGIC ? (error?.conversion ?? message) : message;
    throw invalidObject({ group: '', kind: '' }, '', [
      {
        field: 'patch',
        reason: 'FieldValueInvalid',
        message: `Invalid value: ${JSON.stringify(shown ?? JSON.stringify(sorted(result)))}: ${why}`,
      },
    ]);
  };
  if (textAt(result, 'kind') !== kind.kind || textAt(result, 'apiVersion') !== apiVersionOf(kind))
    cannot(`${textAt(result, 'kind')} cannot be handled as a ${kind.kind}`);
  const { value, unknown } = decodeOr(kind.shape, result, cannot);
  reportUnknown(unknown, options.fieldValidation, context.warnings, cannot);
  return typed(kind, value);
}

function parseBody(body: string, type: string): Json {
  const prefix = type === STRATEGIC ? '' : 'error decoding patch: ';
  let value: Json;
  try {
    value = JSON.parse(body) as Json;
  } catch {
    throw badRequest(`${prefix}${jsonProblem(body) ?? 'unexpected end of JSON input'}`);
  }
  if (type !== JSON_PATCH && !isObject(value)) {
    const found = Array.isArray(value) ? 'array' : typeof value;
    throw badRequest(`${prefix}json: cannot unmarshal ${found} into Go value of type map[string]interface {}`);
  }
  return value;
}

function apply(context: Context, current: KubeObject | undefined, options: WriteOptions): Result {
  const { kind, resource } = context;
  const config = parseConfig(context);
  checkApplied(config, kind);
  if (resource.subresource !== '' && !current) throw notFound(kind, resource.name);

  const { object, managedFields } = serverSideApply(
    current,
    config,
    kind.shape,
    writer(context, options),
    options.force,
  );
  const fail = (why: string): never => {
    throw new ApiError(500, undefined, why);
  };
  const fresh = typed(kind, decodeOr(kind.shape, object, fail).value);
  if (!current && fresh.metadata.uid) {
    throw conflict(
      kind,
      resource.name,
      `uid mismatch: the provided object specified uid ${fresh.metadata.uid}, and no existing object was found`,
    );
  }
  checkNamespace(context, fresh);
  checkName(context, fresh);
  if (current)
    return { type: 'object', code: 200, object: storeUpdate(context, current, fresh, options, { managedFields }) };
  requireCreate(context);
  fresh.metadata.name = resource.name;
  return { type: 'object', code: 201, object: createObject(context, fresh, managedFields, options) };
}

function parseConfig({ body, kind }: Context): JsonObject {
  let config: unknown;
  try {
    config = parseYaml(body.toString('utf8'));
  } catch (error) {
    throw badRequest(
      `error decoding YAML: error converting YAML to JSON: yaml: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (!isObject(config))
    throw badRequest(
      'error decoding YAML: json: cannot unmarshal string into Go value of type map[string]interface {}',
    );
  const [apiVersion, name] = [textAt(config, 'apiVersion'), textAt(config, 'kind')];
  if (apiVersion !== apiVersionOf(kind) || name !== kind.kind) {
    const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
    throw badRequest(`invalid object type: ${group}/${version}, Kind=${name}`);
  }
  if (
    isObject(config['metadata']) &&
    config['metadata']['managedFields'] !== undefined &&
    config['metadata']['managedFields'] !== null
  ) {
    throw badRequest('metadata.managedFields must be nil');
  }
  return config;
}

/** Go writes the keys of a map in order; what the patch did not touch stays as it was. */
function sorted(value: Json): Json {
  return isObject(value)
    ? Object.fromEntries<Json | undefined>(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;
}
