/** The record, on a custom object, of the references to copies that Pullpass wrote: only these are ever taken back. */
import { z } from 'zod';
import type { ApiObject } from '../kube/list.ts';
import { ANNOTATION_COPIES, MANAGER } from '../names.ts';

/** Annotations to write; null: remove it. */
export type Notes = Readonly<Record<string, string | null>>;

/** Place -> names of copies. */
type Written = Readonly<Record<string, readonly string[]>>;

const shape = z.record(z.string(), z.array(z.string()));

export function isRecorded(object: ApiObject, place: string, copyName: string): boolean {
  return namesAt(read(object), place).includes(copyName);
}

/** `alone`: the place holds one name, so this one replaces the others. */
export function recorded(object: ApiObject, place: string, copyName: string, alone: boolean): Notes {
  const written = read(object);
  const before = namesAt(written, place);
  return write(object, { ...written, [place]: alone ? [copyName] : [...new Set([...before, copyName])].sort() });
}

export function forgotten(object: ApiObject, places: (place: string) => boolean, copyName: string): Notes {
  const kept = Object.entries(read(object)).map(
    ([place, names]) => [place, places(place) ? names.filter((name) => name !== copyName) : names] as const,
  );
  return write(object, Object.fromEntries(kept.filter(([, names]) => names.length > 0)));
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
