/** How a ServiceAccount must change to reference exactly the copies it should, without losing pull secrets of others. */
import { ANNOTATION_ADDED, DEFAULT_NAMESPACE } from '../names.ts';
import { isListable, MAX_ANNOTATION } from './bounds.ts';
import type { ObservedServiceAccount } from './observed.ts';
import { splitList } from './selection.ts';

/** What one ServiceAccount is to reference. */
export interface WantedReferences extends Whose {
  /** Copies to reference. */
  readonly wanted: ReadonlySet<string>;
  /** Copies whose references stay as they are: neither added nor removed (a retained opt-out, a copy not written yet). */
  readonly kept: ReadonlySet<string>;
  /** The brake holds removals: all that Pullpass added before stays, whether it is named here or not. */
  readonly keepRest?: boolean;
}

/** Whose entries of the record change: those of all other installations stay as they are. */
export interface Whose {
  /** The installation, by the namespace of its Lease. */
  readonly instance: string;
  /** Copies that are surely its own: so are their entries that name no installation. The versions before wrote such entries everywhere. */
  readonly own: ReadonlySet<string>;
}

export interface ReferenceEdit {
  readonly add: readonly string[];
  /** Names to remove, all added by Pullpass: of each name the first in the list, for Pullpass added at most one. */
  readonly remove: readonly string[];
  /** The new parts of {@link ANNOTATION_ADDED}, with those of other installations; empty: the annotation is removed. */
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
  { wanted, kept, keepRest = false, ...whose }: WantedReferences,
): ReferenceEdit | undefined {
  // The usual case: the account has nothing of Pullpass and needs nothing. Lists that are too long are never changed.
  if (account.oversized || (account.added === undefined && wanted.size === 0)) return undefined;
  const present = new Set(account.pullSecrets ?? []);
  const { own: recorded, others, parts } = recordOf(account, whose);

  const add = hasRoom(account, { wanted, ...whose }) ? [...wanted].filter((name) => !present.has(name)).sort() : [];
  const gone = new Set(keepRest ? [] : [...recorded].filter((name) => !wanted.has(name) && !kept.has(name)));
  const record = recordWith([...[...recorded].filter((name) => !gone.has(name)), ...add], others, whose);
  const remove = [...gone].filter((name) => present.has(name)).sort();

  const unchanged = add.length === 0 && remove.length === 0 && record.join() === [...new Set(parts)].sort().join();
  return unchanged ? undefined : { add, remove, record };
}

/** The usual case, told without work: it has what it is to have, nothing else of Pullpass, and nothing of other installations. */
export function isSettled(
  { pullSecrets, added, oversized }: ObservedServiceAccount,
  { wanted }: WantedReferences,
  settledRecord: string,
): boolean {
  if (oversized === true || (added ?? '') !== settledRecord || !isRecord(settledRecord)) return false;
  for (const name of wanted) if (pullSecrets?.includes(name) !== true) return false;
  return true;
}

/** The annotation of an account that is settled. */
export const settledRecordOf = (wish: WantedReferences): string =>
  wish.wanted.size === 0 ? '' : recordWith([...wish.wanted], [], wish).join(',');

/** Whether its list is short enough to be managed, also after adding what it lacks, and so is the record. */
export function hasRoom(
  account: ObservedServiceAccount,
  { wanted, ...whose }: Whose & { readonly wanted: ReadonlySet<string> },
): boolean {
  const { pullSecrets = [], oversized } = account;
  if (oversized) return false;
  const lacking = [...wanted].filter((name) => !pullSecrets.includes(name));
  if (lacking.length === 0) return true;
  const { own, others } = recordOf(account, whose);
  return isListable([...pullSecrets, ...lacking]) && isRecord(recordWith([...own, ...lacking], others, whose).join());
}

interface AddedReferences {
  /** Names that this installation added. */
  readonly own: ReadonlySet<string>;
  /** Parts of other installations, as they are written. */
  readonly others: readonly string[];
  /** All parts, as they are written. */
  readonly parts: readonly string[];
}

/** What Pullpass added. Pullpass never writes a record longer than the limit: a longer one is ignored. */
function recordOf({ added = '' }: ObservedServiceAccount, whose: Whose): AddedReferences {
  const parts = isRecord(added) ? splitList(added) : [];
  const taken = sorted(parts, whose);
  // A name gets longer with its installation: an entry that would not fit stays as it is, and nobody's.
  return whose.instance === DEFAULT_NAMESPACE || isRecord(recordWith([...taken.own], taken.others, whose).join())
    ? taken
    : sorted(parts, { ...whose, own: new Set() });
}

function sorted(parts: readonly string[], { instance, own: surely }: Whose): AddedReferences {
  const own = new Set<string>();
  const others: string[] = [];
  for (const part of parts) {
    const { name, of } = entryOf(part);
    if ((of ?? DEFAULT_NAMESPACE) === instance || (of === undefined && surely.has(name))) own.add(name);
    else others.push(part);
  }
  return { own, others, parts };
}

/** `of`: the installation that it names. */
function entryOf(part: string): { readonly name: string; readonly of: string | undefined } {
  const at = part.indexOf('@');
  return at < 0 ? { name: part, of: undefined } : { name: part.slice(0, at), of: part.slice(at + 1) };
}

/** Names that any installation added. */
export function addedTo({ added = '' }: Pick<ObservedServiceAccount, 'added'>): ReadonlySet<string> {
  return new Set(isRecord(added) ? splitList(added).map((part) => entryOf(part).name) : []);
}

/** The parts of the annotation, sorted. */
function recordWith(own: readonly string[], others: readonly string[], { instance }: Whose): string[] {
  const mine = instance === DEFAULT_NAMESPACE ? own : own.map((name) => `${name}@${instance}`);
  return [...new Set([...mine, ...others])].sort();
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
