/** Text of CEL expressions, the language of admission policies. */
import { UserError } from '../errors.ts';

/** The API server parses no longer expression. */
const MAX_EXPRESSION = 100_000;

/** Fields of an object that change by themselves with each write. */
const BOOKKEEPING = ['managedFields', 'resourceVersion', 'generation'].map((field) => ['metadata', field]);

/** The keys that lead to a field. */
type Field = readonly string[];

export const text = (value: string): string => `'${value.replace(/[\\']/g, '\\$&')}'`;

export const list = (values: readonly string[]): string => `[${values.map(text).join(', ')}]`;

/** The values are expressions. */
export const map = (entries: readonly (readonly [key: string, value: string])[]): string =>
  `{${entries.map(([key, value]) => `${text(key)}: ${value}`).join(', ')}}`;

/** One condition a line. */
export const all = (...conditions: readonly string[]): string => conditions.map(enclosed).join(' &&\n');
export const any = (...conditions: readonly string[]): string => conditions.map(enclosed).join(' ||\n');

const enclosed = (condition: string): string => (/ (&&|\|\||\?)\s/.test(condition) ? `(${condition})` : condition);

/** Whether two objects of the API differ in nothing but these fields. */
export const sameObject = (after: string, before: string, fields: readonly Field[]): string =>
  sameBut(after, before, [...fields, ...BOOKKEEPING]);

/** The same for any two maps. It goes through all keys that there are, so a field that a later Kubernetes adds is held, too. */
export function sameBut(after: string, before: string, fields: readonly Field[]): string {
  const within = new Map<string, Field[]>();
  for (const [key = '', ...rest] of fields) within.set(key, [...(within.get(key) ?? []), rest]);
  const free = list([...within.keys()]);
  const [now, then] = [whole(after), whole(before)];
  return [
    `${now}.all(key, key in ${free} || (key in ${then} && ${now}[key] == ${then}[key]))`,
    `${then}.all(key, key in ${free} || key in ${now})`,
    ...[...within]
      .filter(([, deeper]) => deeper.every((rest) => rest.length > 0))
      .map(([key, deeper]) => sameBut(at(after, key), at(before, key), deeper)),
  ].join(' &&\n');
}

/** A field that may be absent, as long as `whole` ends the chain. */
const at = (object: string, key: string): string =>
  /^[a-zA-Z]\w*$/.test(key) ? `${object}.?${key}` : `${object}[?${text(key)}]`;

const whole = (object: string): string => (object.includes('?') ? `${object}.orValue({})` : object);

/** @throws UserError if the API server would refuse it for its length */
export function expression(cel: string): string {
  if (cel.length <= MAX_EXPRESSION) return cel;
  throw new UserError(
    `the configuration has too many names for an admission policy: an expression of ${cel.length} characters, ` +
      `and the API server reads at most ${MAX_EXPRESSION}; use globs, or go without policies`,
  );
}
