/** Tables: what `kubectl get` prints. */
import { isObject, type Json, type JsonObject, type KubeObject } from '../json.ts';
import { age } from '../kinds/columns.ts';
import type { Column, Kind } from '../kinds/kind.ts';

export type IncludeObject = 'None' | 'Metadata' | 'Object';

function columnsOf(kind: Kind): readonly Column[] {
  if (kind.onlyColumns) return kind.columns;
  const name: Column = { name: 'Name', type: 'string', format: 'name', cell: (object) => object.metadata.name };
  const created: Column = {
    name: 'Age',
    type: 'string',
    cell: (object) => age(object.metadata.creationTimestamp ?? ''),
  };
  return [name, ...kind.columns, created, ...kind.wideColumns];
}

export function table(
  kind: Kind,
  objects: readonly KubeObject[],
  metadata: JsonObject,
  include: IncludeObject,
  withColumns = true,
): JsonObject {
  const columns = columnsOf(kind);
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: withColumns
      ? columns.map(({ name, type, format, priority }) => ({
          name,
          type,
          format: format ?? '',
          description: '',
          priority: priority ?? 0,
        }))
      : null,
    rows: objects.map((object) => ({
      cells: columns.map((column) => column.cell(object)),
      ...included(object, include),
    })),
  };
}

function included(object: KubeObject, include: IncludeObject): { object?: Json } {
  if (include === 'None') return {};
  return { object: include === 'Object' ? object : partialMetadata(object) };
}

export function partialMetadata(object: KubeObject): JsonObject {
  return {
    kind: 'PartialObjectMetadata',
    apiVersion: 'meta.k8s.io/v1',
    metadata: isObject(object.metadata) ? object.metadata : {},
  };
}
