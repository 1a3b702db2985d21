/** The record, on a custom object, of the references to copies that Pullpass wrote: only these are ever taken back. */
import * as z from 'zod';
import type { ApiObject } from '../kube/list.ts';
import { ANNOTATION_COPIES, DEFAULT_NAMESPACE, MANAGER } from '../names.ts';

/** Annotations to write; null: remove it. */
export type Notes = Readonly<Record<string, string | null>>;

/** Place -> copies: `name`, or `name@namespace` of an installation outside {@link DEFAULT_NAMESPACE}. */
type Written = Readonly<Record<string, readonly string[]>>;

const shape = z.record(z.string(), z.array(z.string()));

/** A copy, and the installation that it is of, by the namespace of its controller. */
export interface RecordedCopy {
  readonly copyName: string;
  readonly instance: string;
}

const entryOf = ({ copyName, instance }: RecordedCopy): string =>
  instance === DEFAULT_NAMESPACE ? copyName : `${copyName}@${instance}`;

/** Versions before installations were named wrote the bare name, wherever they were installed. */
const isOf = (entry: string, copy: RecordedCopy): boolean => entry === entryOf(copy) || entry === copy.copyName;

export function isRecorded(object: ApiObject, place: string, copy: RecordedCopy): boolean {
  return namesAt(read(object), place).some((entry) => isOf(entry, copy));
}

/** `alone`: the place holds one name, so this one replaces the others. */
export function recorded(object: ApiObject, place: string, copy: RecordedCopy, alone: boolean): Notes {
  const written = read(object);
  const before = alone ? [] : namesAt(written, place).filter((entry) => !isOf(entry, copy));
  return write(object, { ...written, [place]: [...before, entryOf(copy)].sort() });
}

export function forgotten(object: ApiObject, places: (place: string) => boolean, copy: RecordedCopy): Notes {
  const kept = Object.entries(read(object)).map(
    ([place, names]) => [place, places(place) ? names.filter((entry) => !isOf(entry, copy)) : names] as const,
  );
  return write(object, Object.fromEntries(kept.filter(([, names]) => names.length > 0)));
}

/** Copies that other installations wrote at a place. */
export function recordedByOthers(object: ApiObject, place: string, own: readonly RecordedCopy[]): RecordedCopy[] {
  return (read(object)[place] ?? []).flatMap((entry) => {
    const at = entry.indexOf('@');
    const of = at < 0 ? DEFAULT_NAMESPACE : entry.slice(at + 1);
    if (own.some((copy) => isOf(entry, copy) || copy.instance === of)) return [];
    return [{ copyName: at < 0 ? entry : entry.slice(0, at), instance: of }];
  });
}

/**
 * Whether, by managedFields, the first version of Pullpass, which kept no record, was the last to write the field. A list is
 * one field, so this proves less than a record.
 */
export function firstVersionWrote({ metadata: { managedFields = [] } }: ApiObject, pointer: string): boolean {
  return managedFields.some(
    ({ manager, fieldsV1 = {} }) => manager === MANAGER && holds(fieldsV1, pointer.split('/').slice(1)),
  );
}

function holds(fields: unknown, [part, ...rest]: readonly string[]): boolean {
  if (part === undefined) return true;
  if (typeof fields !== 'object' || fields === null) return false;
  const key = `f:${part.replaceAll('~1', '/').replaceAll('~0', '~')}`;
  if (!Object.hasOwn(fields, key)) return false;
  const below = (fields as Record<string, unknown>)[key];
  // Nothing below it: the field is owned as a whole.
  return (typeof below === 'object' && below !== null && Object.keys(below).length === 0) || holds(below, rest);
}

const namesAt = (written: Written, place: string): readonly string[] =>
  Object.hasOwn(written, place) ? (written[place] ?? []) : [];

/** An editor of the object can write anything there: an invalid record counts as empty. */
function read({ metadata: { annotations } }: ApiObject): Written {
  try {
    return shape.parse(JSON.parse(annotations?.[ANNOTATION_COPIES] ?? '{}'));
  } catch {
    return {};
  }
}

function write({ metadata: { annotations } }: ApiObject, written: Written): Notes {
  const before = annotations?.[ANNOTATION_COPIES];
  const places = Object.keys(written).sort();
  const after =
    places.length === 0
      ? undefined
      : JSON.stringify(Object.fromEntries(places.map((place) => [place, written[place]])));
  return before === after ? {} : { [ANNOTATION_COPIES]: after ?? null };
}
