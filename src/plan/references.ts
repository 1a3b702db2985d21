/**
 * Fields of a configuration, named by data instead of by code: so one table says to TypeScript, and to a Helm chart that cannot
 * run it, where a name comes from. `charts/pullpass/templates/_table.tpl` looks up in the same way.
 */
import type { Configuration } from '../config/schema.ts';

/** What a table is about: a configuration, and the controller that runs with it. */
export type Subject = Configuration & { controller: { namespace: string; secureReport?: boolean | undefined } };

type PathIn<T> = T extends readonly (infer Item)[]
  ? PathIn<Item>
  : T extends object
    ? { [K in keyof T & string]-?: K | `${K}.${PathIn<NonNullable<T[K]>>}` }[keyof T & string]
    : never;

/** `cacheProxies.secret.name`: that of each cache proxy. */
export type Path = PathIn<Subject>;

/** Those that tables go through, outer ones first. */
const LISTS = [
  'sources',
  'sources.aliases',
  'cacheProxies',
  'registries',
  'retiredCopyNames',
] as const satisfies readonly Path[];

/** A field of the item that is at hand of a list, or of the subject itself if `list` is empty. */
export interface Reference {
  readonly list: string;
  readonly keys: readonly string[];
  /** Of the schema, where what should hold the field is there; for a reader of configurations that have none filled in. */
  readonly default?: unknown;
}

/** A list, by the field that holds it. */
export interface List extends Reference {
  readonly name: string;
}

/** The items that are at hand, by the name of their list. */
export type Row = ReadonlyMap<string, unknown>;

export function field(path: Path): Reference {
  const list = LISTS.findLast((each) => isWithin(path, each)) ?? '';
  return { list, keys: below(path, list) };
}

/** The lists to go through until all of these fields are at hand, outer ones first. Fields of one list are those of one item. */
export function listsOf(references: readonly Reference[]): List[] {
  const names = references.map(({ list }) => list).sort((a, b) => a.length - b.length);
  const innermost = names.at(-1) ?? '';
  const stray = names.find((name) => name !== '' && !isWithin(innermost, name));
  if (stray !== undefined) throw new Error(`no item of ${innermost} is within one of ${stray}`);
  return LISTS.filter((each) => isWithin(innermost, each)).map((name, i, chain) => {
    const outer = chain[i - 1] ?? '';
    return { name, list: outer, keys: below(name, outer) };
  });
}

/** One row for each item of the innermost list. */
export function rowsOf(lists: readonly List[], subject: object): Row[] {
  return lists.reduce<Row[]>(
    (rows, { name, ...list }) =>
      rows.flatMap((row) => {
        const items = valueOf(list, row);
        return Array.isArray(items) ? items.map((item: unknown) => new Map([...row, [name, item]])) : [];
      }),
    [new Map([['', subject]])],
  );
}

/** Undefined: it is not there. */
export function valueOf({ list, keys, default: otherwise }: Reference, row: Row): unknown {
  let holder: unknown;
  let value = row.get(list);
  for (const key of keys) {
    holder = value;
    value = (holder as Record<string, unknown> | null | undefined)?.[key];
  }
  return value ?? (typeof holder === 'object' ? otherwise : undefined);
}

/** Whether it is there, and not `false`. */
export const isSet = (reference: Reference, row: Row): boolean => (valueOf(reference, row) ?? false) !== false;

const isWithin = (path: string, list: string): boolean => path === list || path.startsWith(`${list}.`);
const below = (path: string, list: string): string[] =>
  path
    .slice(list.length)
    .split('.')
    .filter((key) => key !== '');
