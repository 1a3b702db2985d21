/** Turns zod's issues into messages for users who do not know zod. */
import type * as z from 'zod';
import { toDotPath } from 'zod/v4/core';
import { knownKeys, nearest } from './known-keys.ts';

/** Messages for issues that have none in the schema; pass it as `error` to `safeParse`, with `reportInput: true`. */
export const wording: z.core.$ZodErrorMap = (issue) => {
  const missing = issue.input === undefined;
  switch (issue.code) {
    case 'invalid_type':
      if (missing) return 'is missing: add it';
      return `${actual(issue.input)}, must be ${EXPECTED[issue.expected] ?? issue.expected}${remedy(issue.expected, issue.input)}`;
    case 'invalid_value': {
      const allowed = issue.values.map((value) => JSON.stringify(value)).join(' or ');
      return missing ? `is missing: add it, with the value ${allowed}` : `must be ${allowed}`;
    }
    default:
      return undefined;
  }
};

/** A complaint that is not worded yet: of many, only those that are shown are. */
export interface Draft {
  readonly path: PropertyKey[];
  /** An unknown key is reported at the key, everything else at the value. */
  readonly at: 'key' | 'value';
  /** `means`: the path that was meant. */
  readonly explain: () => { message: string; means?: PropertyKey[] | undefined };
  readonly isMissing?: boolean;
}

/** One draft per mistake, however many issues zod made of it. */
export function drafts(schema: z.ZodType, issues: readonly z.core.$ZodIssue[]): Draft[] {
  return issues.flatMap((issue) => expand(schema, issue, []));
}

/** With their messages. `copyname: x` is one mistake: the unknown key stays, and not also that copyName is missing. */
export function complaints<T extends Draft>(all: readonly T[]): (T & { message: string })[] {
  const explained = all.map((draft) => ({ ...draft, ...draft.explain() }));
  const meant = new Set(explained.flatMap(({ means }) => (means === undefined ? [] : [toDotPath(means)])));
  return explained.filter(({ isMissing, path }) => !(isMissing === true && meant.has(toDotPath(path))));
}

function expand(schema: z.ZodType, issue: z.core.$ZodIssue, prefix: PropertyKey[]): Draft[] {
  const path = [...prefix, ...issue.path];
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(schema, path, key));
  if (issue.code === 'invalid_union') return expandUnion(schema, issue, path);
  if (issue.code === 'invalid_key')
    return [{ path, at: 'key', explain: () => ({ message: issue.issues[0]?.message ?? issue.message }) }];
  return [{ path, at: 'value', explain: () => ({ message: issue.message }), isMissing: isMissing(issue) }];
}

/** Of several variants, complains about the one that was probably meant: with the fewest unknown and missing keys. */
function expandUnion(schema: z.ZodType, issue: z.core.$ZodIssueInvalidUnion, path: PropertyKey[]): Draft[] {
  const misfits = issue.errors.map((branch) => branch.reduce((sum, each) => sum + misfit(each), 0));
  const least = Math.min(...misfits);
  const candidates = issue.errors.filter((_, index) => misfits[index] === least);
  const [meant, ...others] = candidates;
  if (meant !== undefined && others.length === 0) return meant.flatMap((each) => expand(schema, each, path));
  const elsewhere = others.map((branch) => new Set(unknownKeys(branch)));
  const unknown = unknownKeys(meant).filter((key) => elsewhere.every((keys) => keys.has(key)));
  return unknown.length > 0
    ? unknown.map((key) => unknownKey(schema, path, key))
    : [{ path, at: 'value', explain: () => ({ message: issue.message }) }];
}

function unknownKeys(branch: z.core.$ZodIssue[] = []): string[] {
  return branch.flatMap((issue) => (issue.code === 'unrecognized_keys' && issue.path.length === 0 ? issue.keys : []));
}

function misfit(issue: z.core.$ZodIssue): number {
  return issue.code === 'unrecognized_keys' ? issue.keys.length : Number(isMissing(issue));
}

function isMissing(issue: z.core.$ZodIssue): boolean {
  return (issue.code === 'invalid_type' || issue.code === 'invalid_value') && issue.input === undefined;
}

function unknownKey(schema: z.ZodType, path: PropertyKey[], key: string): Draft {
  const explain = () => {
    const known = knownKeys(schema, path);
    const meant = nearest(key, known);
    const advice = meant === undefined ? `remove it; known here: ${known.join(', ')}` : `did you mean "${meant}"?`;
    return {
      message: `is not a known key: ${advice}`,
      means: meant === undefined ? undefined : [...path, meant],
    };
  };
  return { path: [...path, key], at: 'key', explain };
}

const EXPECTED: Record<string, string> = {
  string: 'text',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  number: 'a number',
};

/** The type of a value, never the value: it may be a password in the wrong place. */
function actual(input: unknown): string {
  if (input === null) return 'is empty';
  if (Array.isArray(input)) return 'is a list';
  switch (typeof input) {
    case 'object':
      return 'is a mapping';
    case 'string':
      return 'is text';
    case 'boolean':
      return 'is true or false';
    default:
      return 'is a number';
  }
}

function remedy(expected: string, input: unknown): string {
  if (expected === 'string' && (typeof input === 'number' || typeof input === 'boolean')) return ': put it in quotes';
  if (expected === 'array' && typeof input === 'string') return ': put "- " in front of it, or brackets around it';
  return '';
}
