/** Writes results in the format that the client asked for. */
import type { ServerResponse } from 'node:http';
import { stringify as toYaml } from 'yaml';
import type { JsonObject } from '../json.ts';
import { apiVersionOf, type Kind } from '../kinds/kind.ts';
import type { ApiError } from '../status.ts';
import { badRequest } from '../status.ts';
import type { Context, Result } from './context.ts';
import { notAcceptable, type Representation } from './negotiation.ts';
import { jsonOf } from './serialize.ts';
import { partialMetadata, table, type IncludeObject } from './table.ts';

export function respond(
  response: ServerResponse,
  context: Context,
  result: Result,
  representation: Representation,
): void {
  for (const warning of context.warnings) response.appendHeader('warning', `299 - ${JSON.stringify(warning)}`);
  const code = result.type === 'list' ? 200 : result.code;
  send(response, code, body(context, result, representation), representation);
}

export function respondError(response: ServerResponse, error: ApiError, representation?: Representation): void {
  if (error.details?.retryAfterSeconds !== undefined)
    response.setHeader('retry-after', String(error.details.retryAfterSeconds));
  send(
    response,
    error.code,
    JSON.stringify(error.status()),
    representation ?? { format: 'json', as: 'Object', pretty: false },
  );
}

function send(response: ServerResponse, code: number, json: string, { format, pretty }: Representation): void {
  const text =
    format === 'yaml'
      ? toYaml(JSON.parse(json), { sortMapEntries: true })
      : pretty
        ? JSON.stringify(JSON.parse(json), undefined, 2)
        : `${json}\n`;
  response.writeHead(code, {
    'content-type': format === 'yaml' ? 'application/yaml' : 'application/json',
    'cache-control': 'no-cache, private',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

function body({ kind, query }: Context, result: Result, { as }: Representation): string {
  if (result.type === 'raw') return JSON.stringify(result.object);
  if (as === 'Table') {
    const include = includeObject(query);
    const [objects, metadata] =
      result.type === 'list'
        ? [result.objects, result.metadata]
        : [[result.object], { resourceVersion: result.object.metadata.resourceVersion }];
    return JSON.stringify(table(kind, objects, metadata, include));
  }
  if (result.type === 'object') {
    if (as === 'PartialObjectMetadataList')
      throw notAcceptable(
        `you requested PartialObjectMetadataList, but the requested object is not a list (*${internalName(kind)})`,
      );
    return as === 'PartialObjectMetadata'
      ? JSON.stringify(partialMetadata(result.object))
      : jsonOf(result.object, 'full');
  }
  if (as === 'PartialObjectMetadata')
    throw notAcceptable(
      `you requested PartialObjectMetadata, but the requested object is a list (*${internalName(kind)}List)`,
    );
  const partial = as === 'PartialObjectMetadataList';
  const head: JsonObject = partial
    ? { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata: result.metadata }
    : { kind: `${kind.kind}List`, apiVersion: apiVersionOf(kind), metadata: result.metadata };
  // Items are written one by one: each has its JSON ready.
  return `${JSON.stringify(head).slice(0, -1)},"items":[${result.objects.map((object) => jsonOf(object, partial ? 'partial' : 'item')).join(',')}]}`;
}

export function includeObject(query: URLSearchParams): IncludeObject {
  const value = query.get('includeObject') ?? '';
  if (value === '') return 'Metadata';
  if (value === 'None' || value === 'Metadata' || value === 'Object') return value;
  throw badRequest(`unrecognized includeObject value: ${JSON.stringify(value)}`);
}

/** The Go type behind a kind: `core.ConfigMap`, `coordination.Lease`. */
function internalName(kind: Kind): string {
  return `${kind.group === '' ? 'core' : kind.group.split('.')[0]}.${kind.kind}`;
}
