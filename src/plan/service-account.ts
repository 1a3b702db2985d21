/** How a ServiceAccount must change so that it references exactly the copies it should, and nothing of others is lost. */
import { ANNOTATION_ADDED } from '../names.ts';
import { isListable, MAX_ANNOTATION } from './bounds.ts';
import type { ObservedServiceAccount } from './observed.ts';
import { splitList } from './selection.ts';

/** What one ServiceAccount ought to reference. */
export interface WantedReferences {
  /** Copies to reference. */
  readonly wanted: ReadonlySet<string>;
  /** Copies whose references stay as they are: neither added nor removed (a retained opt-out, a copy not written yet). */
  readonly kept: ReadonlySet<string>;
  /** Removals are held: all that Pullpass added before stays, whether it is named here or not. */
  readonly keepRest?: boolean;
}

export interface ReferenceEdit {
  readonly add: readonly string[];
  /** Names that Pullpass added and that are to go: the first entry by each name, for no more than one is ours. */
  readonly remove: readonly string[];
  /** The new value of {@link ANNOTATION_ADDED}; empty when the annotation is to go. */
  readonly record: readonly string[];
}

export interface JsonPatchOperation {
  readonly op: 'test' | 'add' | 'remove' | 'replace';
  readonly path: string;
  readonly value?: unknown;
}

/** The edit that is missing, or undefined when nothing is. An entry that somebody else wrote is never in `remove`. */
export function planReferences(
  account: ObservedServiceAccount,
  { wanted, kept, keepRest = false }: WantedReferences,
): ReferenceEdit | undefined {
  // Most accounts of most clusters: nothing is ours, and nothing is to be.
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

/** Whether its list is short enough to be looked after, and stays so with what it lacks. */
export function hasRoom({ pullSecrets = [], oversized }: ObservedServiceAccount, wanted: ReadonlySet<string>): boolean {
  if (oversized) return false;
  const lacking = [...wanted].filter((name) => !pullSecrets.includes(name));
  return lacking.length === 0 || isListable([...pullSecrets, ...lacking]);
}

/** What Pullpass added. It never wrote a longer record than counts: of such a one nothing can be believed. */
export function recordOf({ added = '' }: ObservedServiceAccount): ReadonlySet<string> {
  return new Set(isRecord(added) ? splitList(added) : []);
}

export const isRecord = (added: string): boolean => added.length <= MAX_ANNOTATION;

/**
 * The edit as a JSON Patch that the server applies only to what it was computed from. The list has no merge key
 * (`listType=atomic`), so every other kind of patch replaces it as a whole and loses what others wrote meanwhile.
 * The record travels in the same patch: a reference of ours is never without it.
 */
export function toJsonPatch(account: ObservedServiceAccount, edit: ReferenceEdit): JsonPatchOperation[] {
  const patch: JsonPatchOperation[] = [{ op: 'test', path: '/metadata/uid', value: account.uid }];
  const list = account.pullSecrets;
  const testable = isRecord(account.added ?? '') && !ESCAPED_BY_GO.test([...(list ?? []), account.added ?? ''].join());
  if (!testable) patch.push({ op: 'test', path: '/metadata/resourceVersion', value: account.resourceVersion });
  return [...patch, ...changes(account, edit).filter(({ op }) => testable || op !== 'test')];
}

/**
 * The API server compares a `test` with JSON in which Go has written these as \u003c and the like: text that holds one
 * never equals itself. Somebody else's entry may; then, and where a record is too long to be known, the version of the
 * whole object is what is tested instead.
 */
const ESCAPED_BY_GO = /[<>&\u2028\u2029]/;

function changes(account: ObservedServiceAccount, edit: ReferenceEdit): JsonPatchOperation[] {
  const patch: JsonPatchOperation[] = [];
  const list = account.pullSecrets;

  if (list === undefined) {
    // `test null` holds for an absent field too: a list that came up meanwhile is not overwritten.
    if (edit.add.length > 0)
      patch.push(
        { op: 'test', path: '/imagePullSecrets', value: null },
        { op: 'add', path: '/imagePullSecrets', value: edit.add.map(entry) },
      );
  } else if (edit.add.length > 0 || edit.remove.length > 0) {
    patch.push({ op: 'test', path: '/imagePullSecrets', value: list.map(entry) });
    // From the end, so that the indexes before stay true. We add a name only where it is absent: another entry by the
    // same name was written by somebody else.
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
