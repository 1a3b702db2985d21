/**
 * The small part of OpenAPI that clients use: writes accept `fieldValidation` and `dryRun`, so that kubectl leaves
 * validation to the server.
 */
import type { JsonObject } from '../json.ts';
import type { KindTable } from '../kinds/index.ts';
import type { Kind } from '../kinds/kind.ts';

const WRITE_PARAMETERS = ['dryRun', 'fieldManager', 'fieldValidation'].map((name) => ({
  name,
  in: 'query',
  schema: { type: 'string', uniqueItems: true },
}));

/** `/openapi/v3`: where to find the document of each group and version. */
export function openApiIndex(kinds: KindTable): JsonObject {
  const paths = [...kinds.groups()].flatMap(([group, versions]) =>
    versions.map((version) => {
      const name = group === '' ? `api/${version}` : `apis/${group}/${version}`;
      return [name, { serverRelativeURL: `/openapi/v3/${name}?hash=sandbox` }] as const;
    }),
  );
  return { paths: Object.fromEntries(paths) };
}

export function openApiV3(kinds: KindTable, name: string): JsonObject | undefined {
  const [root, first = '', second = ''] = name.split('/');
  const [group, version] = root === 'api' ? ['', first] : [first, second];
  const served = kinds.all.filter((kind) => kind.group === group && kind.version === version);
  if (served.length === 0) return undefined;
  return {
    openapi: '3.0.0',
    info: info(),
    paths: paths(served),
    components: { schemas: Object.fromEntries(served.map((kind) => [schemaName(kind), schema(kind)])) },
  };
}

export function openApiV2(kinds: KindTable): JsonObject {
  return {
    swagger: '2.0',
    info: info(),
    paths: paths(kinds.all),
    definitions: Object.fromEntries(kinds.all.map((kind) => [schemaName(kind), schema(kind)])),
  };
}

function info(): JsonObject {
  return { title: 'Kubernetes', version: 'sandbox' };
}

function paths(kinds: readonly Kind[]): JsonObject {
  return Object.fromEntries(
    kinds
      .filter((kind) => !kind.review)
      .map((kind) => {
        const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
        const operation = (action: string): JsonObject => ({
          'x-kubernetes-action': action,
          'x-kubernetes-group-version-kind': gvk(kind),
          parameters: WRITE_PARAMETERS,
          responses: { 200: { description: 'OK' } },
        });
        return [
          `${root}/${kind.namespaced ? 'namespaces/{namespace}/' : ''}${kind.resource}/{name}`,
          { patch: operation('patch'), put: operation('put') },
        ];
      }),
  );
}

function gvk({ group, version, kind }: Kind): JsonObject {
  return { group, version, kind };
}

function schemaName({ group, version, kind }: Kind): string {
  return `io.k8s.api.${group === '' ? 'core' : group.split('.')[0]}.${version}.${kind}`;
}

function schema(kind: Kind): JsonObject {
  return {
    type: 'object',
    description: `${kind.kind}, as far as the sandbox knows it.`,
    'x-kubernetes-group-version-kind': [gvk(kind)],
    properties: Object.fromEntries(Object.keys(kind.shape.fields).map((field) => [field, { description: '' }])),
    additionalProperties: true,
  };
}
