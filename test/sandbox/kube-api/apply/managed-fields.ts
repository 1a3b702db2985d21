/** `metadata.managedFields`: which manager owns which fields; every write updates it. */
import { equal, type JsonObject, type KubeObject, type ManagedFieldsEntry } from '../json.ts';
import { emptyObject } from '../schema/decode.ts';
import type { StructShape } from '../schema/shape.ts';
import { FieldSet } from './field-set.ts';
import { compare } from './typed.ts';

export interface Owner {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
  readonly time: string | undefined;
  readonly fields: FieldSet;
}

export type Owners = Map<string, Owner>;

/** Fields that belong to the server and are never owned. */
const UNOWNED = new FieldSet();
for (const field of ['apiVersion', 'kind', 'metadata']) UNOWNED.add([`f:${field}`]);
for (const field of [
  'name',
  'namespace',
  'creationTimestamp',
  'selfLink',
  'uid',
  'clusterName',
  'generation',
  'managedFields',
  'resourceVersion',
]) {
  UNOWNED.add(['f:metadata', `f:${field}`]);
}

const UPDATE_MANAGERS_LIMIT = 10;

/** One manager has one entry per operation and subresource; for updates also per API version. */
export function ownerId(owner: Pick<Owner, 'manager' | 'operation' | 'apiVersion' | 'subresource'>): string {
  return JSON.stringify([
    owner.manager,
    owner.operation,
    owner.operation === 'Update' ? owner.apiVersion : '',
    owner.subresource,
  ]);
}

export function decodeOwners(entries: readonly ManagedFieldsEntry[] | undefined): Owners {
  const owners: Owners = new Map();
  for (const entry of entries ?? []) {
    if (entry.operation !== 'Apply' && entry.operation !== 'Update') return new Map();
    const owner: Owner = {
      manager: entry.manager ?? '',
      operation: entry.operation,
      apiVersion: entry.apiVersion ?? '',
      subresource: entry.subresource ?? '',
      time: entry.time,
      fields: FieldSet.fromJson(entry.fieldsV1 ?? {}),
    };
    owners.set(ownerId(owner), owner);
  }
  return owners;
}

export function encodeOwners(owners: Owners): ManagedFieldsEntry[] | undefined {
  if (owners.size === 0) return undefined;
  const sorted = [...owners.values()].sort(
    (a, b) =>
      compareText(a.operation, b.operation) ||
      compareText(a.time ?? '', b.time ?? '') ||
      compareText(a.manager, b.manager) ||
      compareText(a.apiVersion, b.apiVersion) ||
      compareText(a.subresource, b.subresource),
  );
  return sorted.map(({ manager, operation, apiVersion, subresource, time, fields }) => ({
    manager,
    operation,
    apiVersion,
    ...(time === undefined ? {} : { time }),
    fieldsType: 'FieldsV1',
    fieldsV1: fields.toJson(),
    ...(subresource === '' ? {} : { subresource }),
  }));
}

/** Without the fields that no manager can own. */
export function stripped(fields: FieldSet): FieldSet {
  return fields.difference(UNOWNED);
}

export function withoutManagedFields(object: KubeObject): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}

export interface Writer {
  readonly manager: string;
  readonly apiVersion: string;
  readonly subresource: string;
  readonly time: string;
}

/**
 * managedFields after a create, update or patch. A manager that changes a field takes it from all others; a removed field has
 * no owner.
 */
export function trackUpdate(
  live: KubeObject | undefined,
  fresh: KubeObject,
  shape: StructShape,
  writer: Writer,
): ManagedFieldsEntry[] | undefined {
  const owners = startingPoint(live, fresh);
  // An object that nobody has tracked so far stays untracked.
  if (live && owners.size === 0) return undefined;
  return encodeOwners(recordUpdate(owners, live, fresh, shape, writer));
}

export function recordUpdate(
  owners: Owners,
  live: KubeObject | undefined,
  fresh: KubeObject,
  shape: StructShape,
  writer: Writer,
): Owners {
  const before: JsonObject = live ? withoutManagedFields(live) : emptyObject(shape, fresh.kind, fresh.apiVersion);
  const { added, modified, removed } = compare(before, withoutManagedFields(fresh), shape);
  const taken = added.union(modified);
  const result: Owners = new Map();
  for (const [id, owner] of owners) {
    const fields = owner.fields.difference(taken).difference(removed);
    if (!fields.empty) result.set(id, { ...owner, fields });
  }
  const mine = stripped(taken);
  if (!mine.empty) {
    const me = { ...writer, operation: 'Update' as const };
    const mineBefore = result.get(ownerId(me));
    result.set(ownerId(me), { ...me, fields: mineBefore ? mineBefore.fields.union(mine) : mine });
  }
  return capped(result);
}

/** A request may rewrite managedFields itself; leaving it empty means "as it was"; one empty entry means "forget". */
function startingPoint(live: KubeObject | undefined, fresh: KubeObject): Owners {
  const given = fresh.metadata.managedFields;
  if (given?.length === 1 && given[0] && Object.keys(given[0]).length === 0) return new Map();
  const owners = decodeOwners(given);
  return owners.size > 0 ? owners : decodeOwners(live?.metadata.managedFields);
}

/** At most ten updaters are told apart; the oldest ones become one. */
function capped(owners: Owners): Owners {
  const updaters = [...owners.entries()]
    .filter(([, owner]) => owner.operation === 'Update')
    .sort(([, a], [, b]) => compareText(a.time ?? '', b.time ?? ''));
  if (updaters.length <= UPDATE_MANAGERS_LIMIT) return owners;
  const result = new Map(owners);
  for (const [id, owner] of updaters.slice(0, updaters.length - UPDATE_MANAGERS_LIMIT + 1)) {
    result.delete(id);
    const ancient = { ...owner, manager: 'ancient-changes' };
    const before = result.get(ownerId(ancient));
    result.set(ownerId(ancient), { ...ancient, fields: before ? before.fields.union(owner.fields) : owner.fields });
  }
  return result;
}

/** Whether they are equal except for the times in managedFields: such a write changes nothing. */
export function sameButTimes(a: KubeObject, b: KubeObject): boolean {
  const timeless = (object: KubeObject): KubeObject => ({
    ...object,
    metadata: {
      ...object.metadata,
      resourceVersion: '',
      managedFields: object.metadata.managedFields?.map(({ time: _, ...entry }) => entry) ?? [],
    },
  });
  return equal(timeless(a), timeless(b));
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
