/**
 * JSON Schemas, as kubeconform reads them, of Kubernetes' own OpenAPI document and of CRDs. What they do not name is an error, as it is for
 * an API server with strict field validation.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

type Schema = Record<string, unknown>;
interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}
interface Crd {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly { readonly name: string; readonly schema: { readonly openAPIV3Schema: Schema } }[];
  };
}

/** For `-schema-location`, below a directory that {@link writeSchemas} filled. The group of core kinds is their version here. */
export const LOCATION = '{{.Group}}/{{.ResourceAPIVersion}}/{{.ResourceKind}}.json';

const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity';

export function writeSchemas(directory: string, openapi: string, crds: readonly string[]): void {
  const { definitions } = JSON.parse(readFileSync(openapi, 'utf8')) as { definitions: Record<string, Schema> };
  const closed = Object.fromEntries(
    Object.entries(definitions).map(([name, schema]) => [name, strict(schema) as Schema]),
  );
  // 1 is as many cores as "1" is.
  closed[QUANTITY] = { type: ['number', 'string'] };
  for (const [name, schema] of Object.entries(definitions)) {
    for (const kind of (schema['x-kubernetes-group-version-kind'] ?? []) as GroupVersionKind[]) {
      const $ref = `#/definitions/${name}`;
      write(kind, { $ref, definitions: reachable($ref, closed) });
    }
  }
  for (const file of crds) {
    const { spec } = parse(readFileSync(file, 'utf8')) as Crd;
    for (const { name, schema } of spec.versions)
      write({ group: spec.group, version: name, kind: spec.names.kind }, strict(schema.openAPIV3Schema) as Schema);
  }

  function write({ group, version, kind }: GroupVersionKind, schema: Schema): void {
    const file = path.join(directory, group || version, version, `${kind.toLowerCase()}.json`);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(schema));
  }
}

/** Closes objects, and says in JSON Schema what OpenAPI says by a format. */
function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== 'object' || schema === null) return schema;
  const result: Schema = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, strict(value)]));
  if (result['format'] === 'int-or-string') return { type: ['integer', 'string'] };
  const open = 'additionalProperties' in result || result['x-kubernetes-preserve-unknown-fields'] === true;
  if (result['type'] === 'object' && 'properties' in result && !open) result['additionalProperties'] = false;
  return result;
}

function reachable(
  $ref: string,
  definitions: Record<string, Schema>,
  found: Record<string, Schema> = {},
): Record<string, Schema> {
  const name = $ref.replace('#/definitions/', '');
  const schema = definitions[name];
  if (schema === undefined || name in found) return found;
  found[name] = schema;
  for (const [, next = ''] of JSON.stringify(schema).matchAll(/"\$ref":"([^"]+)"/g))
    reachable(next, definitions, found);
  return found;
}
