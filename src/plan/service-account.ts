/** How a ServiceAccount must change to reference exactly the copies it should, without losing pull secrets of others. */
import { ANNOTATION_ADDED } from '../names.ts';
import { isListable, MAX_ANNOTATION } from './bounds.ts';
import type { ObservedServiceAccount } from './observed.ts';
import { splitList } from './selection.ts';

/** What one ServiceAccount is to reference. */
export interface WantedReferences {
  /** Copies to reference. */
  readonly wanted: ReadonlySet<string>;
  /** Copies whose references stay as they are: neither added nor removed (a retained opt-out, a copy not written yet). */
  readonly kept: ReadonlySet<string>;
  /** The brake holds removals: all that Pullpass added before stays, whether it is named here or not. */
  readonly keepRest?: boolean;
}

export interface ReferenceEdit {
  readonly add: readonly string[];
  /** Names to remove, all added by Pullpass: of each name the first in the list, for Pullpass added at most one. */
  readonly remove: readonly string[];
  /** The new value of {@link ANNOTATION_ADDED}; empty: the annotation is removed. */
  readonly record: readonly string[];
}

export interface JsonPatchOperation {
  readonly op: 'test' | 'add' | 'remove' | 'replace';
  readonly path: string;
  readonly value?: unknown;
}

/** The edit to make, or undefined if none is needed. A pull secret that another writer added is never in `remove`. */
export function planReferences(
  account: ObservedServiceAccount,
  { wanted, kept, keepRest = false }: WantedReferences,
): ReferenceEdit | undefined {
  // The usual case: the account has nothing of Pullpass and needs nothing. Lists that are too long are never changed.
  if (account.oversized || (account.added === undefined && wanted.size === 0)) return undefined;
  const present = new Set(account.pullSecrets ?? []);
  const recorded = recordOf(account);

  const add = hasRoom(account, wanted) ? [...wanted].filter((name) => !present.has(name)).sort() : [];
  const gone = new Set(keepRest ? [] : [...recorded].filter((name) => !wanted.has(name) && !kept.has(name)));
  const record = [...new Set([...[...recorded].filter((name) => !gone.has(name)), ...add])].sort();
  const remove = [...gone].filter((name) => present.has(name)).sort();

  const unchanged = add.length === 0 && remove.length === 0 && record.length === recorded.size;
  return unchanged ? undefined : { add, remove, record };
}

/** Whether its list is short enough to be managed, also after adding what it lacks. */
export function hasRoom({ pullSecrets = [], oversized }: ObservedServiceAccount, wanted: ReadonlySet<string>): boolean {
  if (oversized) return false;
  const lacking = [...wanted].filter((name) => !pullSecrets.includes(name));
  return lacking.length === 0 || isListable([...pullSecrets, ...lacking]);
}

/** What Pullpass added. Pullpass never writes a record longer than the limit: a longer one is ignored. */
export function recordOf({ added = '' }: Pick<ObservedServiceAccount, 'added'>): ReadonlySet<string> {
  return new Set(isRecord(added) ? splitList(added) : []);
}

export const isRecord = (added: string): boolean => added.length <= MAX_ANNOTATION;

/**
 * The edit as a JSON Patch that the server applies only to the state that it was computed from. The list has no merge key
 * (`listType=atomic`), so every other kind of patch replaces it as a whole and loses what others wrote meanwhile.
 * The record is in the same patch: a reference of ours is never without its record.
 */
export function toJsonPatch(account: ObservedServiceAccount, edit: ReferenceEdit): JsonPatchOperation[] {
  const patch: JsonPatchOperation[] = [{ op: 'test', path: '/metadata/uid', value: account.uid }];
  const list = account.pullSecrets;
  const testable = isRecord(account.added ?? '') && !ESCAPED_BY_GO.test([...(list ?? []), account.added ?? ''].join());
  if (!testable) patch.push({ op: 'test', path: '/metadata/resourceVersion', value: account.resourceVersion });
  return [...patch, ...changes(account, edit).filter(({ op }) => testable || op !== 'test')];
}

/**
 * The API server compares a `test` with JSON in which Go has escaped these as \u003c and so on: text with one of them never
 * equals itself. An entry of another writer may have one; then, and if a record was too long to be kept, the resourceVersion
 * is tested instead.
 */
const ESCAPED_BY_GO = /[<>&\u2028\u2029]/;

function changes(account: ObservedServiceAccount, edit: ReferenceEdit): JsonPatchOperation[] {
  const patch: JsonPatchOperation[] = [];
  const list = account.pullSecrets;

  if (list === undefined) {
    // `test null` also holds for an absent field: so a list that was created meanwhile is not overwritten.
    if (edit.add.length > 0)
      patch.push(
        { op: 'test', path: '/imagePullSecrets', value: null },
        { op: 'add', path: '/imagePullSecrets', value: edit.add.map(entry) },
      );
  } else if (edit.add.length > 0 || edit.remove.length > 0) {
    patch.push({ op: 'test', path: '/imagePullSecrets', value: list.map(entry) });
    // From the end, so that lower indexes stay valid. Pullpass adds a name only if it is absent: a second entry with the
    // same name is of another writer.
    const indexes = edit.remove
      .map((name) => list.indexOf(name))
      .filter((i) => i >= 0)
      .sort((a, b) => b - a);
    for (const i of indexes) patch.push({ op: 'remove', path: `/imagePullSecrets/${i}` });
    for (const name of edit.add) patch.push({ op: 'add', path: '/imagePullSecrets/-', value: entry(name) });
  }
  return [...patch, ...recordPatch(account, edit.record.join(','))];
}

function recordPatch(account: ObservedServiceAccount, record: string): JsonPatchOperation[] {
  const path = `/metadata/annotations/${ANNOTATION_ADDED.replace('/', '~1')}`;
  if (record === (account.added ?? '')) return [];
  if (!account.annotated) {
    return [
      { op: 'test', path: '/metadata/annotations', value: null },
      { op: 'add', path: '/metadata/annotations', value: { [ANNOTATION_ADDED]: record } },
    ];
  }
  const test: JsonPatchOperation = { op: 'test', path, value: account.added ?? null };
  return record === '' ? [test, { op: 'remove', path }] : [test, { op: 'add', path, value: record }];
}

/** An entry without a name is possible (`- {}`) and must be sent back as it was. */
function entry(name: string): { name?: string } {
  return name === '' ? {} : { name };
}
