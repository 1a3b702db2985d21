/** Server-side apply: merges a configuration into the live object, and decides which manager owns which fields. */
import { equal, type JsonObject, type KubeObject, type ManagedFieldsEntry } from '../json.ts';
import { emptyObject } from '../schema/decode.ts';
import type { Shape, StructShape } from '../schema/shape.ts';
import { applyConflict, type StatusCause } from '../status.ts';
import { FieldSet, pathText } from './field-set.ts';
import {
  decodeOwners,
  encodeOwners,
  ownerId,
  recordUpdate,
  stripped,
  withoutManagedFields,
  type Owner,
  type Owners,
  type Writer,
} from './managed-fields.ts';
import { compare, fieldSetOf, merge, remove, withNamedFields } from './typed.ts';

export interface Applied {
  readonly object: JsonObject;
  readonly managedFields: ManagedFieldsEntry[] | undefined;
}

export function serverSideApply(
  live: KubeObject | undefined,
  config: JsonObject,
  shape: StructShape,
  writer: Writer,
  force: boolean,
): Applied {
  let owners = decodeOwners(live?.metadata.managedFields);
  // Somebody made this object when nobody was tracking: all of it is theirs.
  if (live && owners.size === 0)
    owners = recordUpdate(owners, undefined, live, shape, { ...writer, manager: 'before-first-apply' });

  const before: JsonObject = live
    ? withoutManagedFields(live)
    : emptyObject(shape, config['kind'], config['apiVersion']);
  const me = { ...writer, operation: 'Apply' as const };
  const id = ownerId(me);
  const previous = owners.get(id);
  // With the name and the like, which nobody owns in the end: claiming those is what keeps metadata from being pruned.
  owners.set(id, { ...me, time: previous?.time, fields: fieldSetOf(config, shape) });

  const merged = merge(before, config, shape) as JsonObject;
  const object = previous && !previous.fields.empty ? prune(merged, owners, previous.fields, shape) : merged;
  const settled = settle(before, object, shape, owners, id, force);

  const mine = settled.get(id);
  const fields = mine && stripped(mine.fields);
  if (!mine || fields?.empty !== false) settled.delete(id);
  else settled.set(id, { ...mine, fields, ...(equal(before, object) ? {} : { time: writer.time }) });
  return { object, managedFields: encodeOwners(settled) };
}

/** Takes out what this manager applied last time and not this time, unless somebody else owns it too. */
function prune(merged: JsonObject, owners: Owners, last: FieldSet, shape: Shape): JsonObject {
  const named = (set: FieldSet): FieldSet => withNamedFields(set, shape);
  const ofObject = (object: JsonObject): FieldSet => named(fieldSetOf(object, shape));
  const lastNamed = named(last);
  const bare = remove(merged, lastNamed, shape) as JsonObject;
  const owned = [...owners.values()].reduce((all, owner) => all.union(owner.fields), new FieldSet());
  const all = ofObject(merged);
  const withOwned = remove(merged, all.difference(ofObject(bare).union(named(owned))), shape) as JsonObject;
  return remove(merged, all.difference(ofObject(withOwned)).intersection(lastNamed), shape) as JsonObject;
}

function settle(
  before: JsonObject,
  after: JsonObject,
  shape: Shape,
  owners: Owners,
  self: string,
  force: boolean,
): Owners {
  const { added, modified, removed } = compare(before, after, shape);
  const changed = added.union(modified);
  const conflicts = [...owners]
    .filter(([id]) => id !== self)
    .map(([, owner]) => ({ owner, fields: owner.fields.intersection(changed) }))
    .filter(({ fields }) => !fields.empty);
  if (!force && conflicts.length > 0) throw conflictError(conflicts);

  const settled: Owners = new Map();
  for (const [id, owner] of owners) {
    const fields = id === self ? owner.fields : owner.fields.difference(changed).difference(removed);
    if (!fields.empty) settled.set(id, { ...owner, fields });
  }
  return settled;
}

function conflictError(conflicts: readonly { owner: Owner; fields: FieldSet }[]): Error {
  const named = conflicts.map(({ owner, fields }) => ({
    who: describe(owner),
    paths: [...fields.paths()].map(pathText),
  }));
  const causes: StatusCause[] = named.flatMap(({ who, paths }) =>
    paths.map((field) => ({ reason: 'FieldManagerConflict', message: `conflict with ${who}`, field })),
  );
  if (causes.length === 1 && named[0])
    return applyConflict(`Apply failed with 1 conflict: conflict with ${named[0].who}: ${named[0].paths[0]}`, causes);
  const lines = [...named]
    .sort((a, b) => (a.who < b.who ? -1 : 1))
    .flatMap(({ who, paths }) => [`conflicts with ${who}:`, ...paths.map((path) => `- ${path}`)]);
  return applyConflict(`Apply failed with ${causes.length} conflicts: ${lines.join('\n')}`, causes);
}

function describe({ manager, operation, apiVersion, subresource }: Owner): string {
  const name =
    subresource === ''
      ? JSON.stringify(manager)
      : `${JSON.stringify(manager)} with subresource ${JSON.stringify(subresource)}`;
  return operation === 'Update' ? `${name} using ${apiVersion}` : name;
}
