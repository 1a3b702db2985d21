/** Flags and environment of a tool's container, as Go's `flag` and `pflag` read them. */
import type { SeenContainer } from './observed.ts';

export interface Setting {
  readonly flag?: string;
  readonly env?: string;
  readonly is?: 'text' | 'bool' | 'credential';
}

/** `text`: given. `secret`: kept in a key of a Secret. `given`: a credential, which is not kept. `unread`: it comes from elsewhere. */
export type Value =
  | { readonly text: string }
  | { readonly secret: { readonly name: string; readonly key: string } }
  | { readonly given: true }
  | { readonly unread: string };

export interface Settings<Key extends string> {
  readonly values: Partial<Record<Key, Value>>;
  /** Names of arguments and variables that mean nothing to the reader: never their values. */
  readonly unknown: readonly string[];
}

/**
 * `wins`: where both are given. `prefix`: of variables that a newer version of the tool may know; all others are nobody's business.
 */
export function readSettings<Key extends string>(
  container: SeenContainer,
  table: Readonly<Partial<Record<Key, Setting>>>,
  { wins, prefix }: { readonly wins: 'flag' | 'env'; readonly prefix: RegExp },
): Settings<Key> {
  const rows = Object.entries(table) as [Key, Setting][];
  const flags = readFlags(container.args, rows);
  const unknown = [...flags.unknown];
  const variables: Partial<Record<Key, Value>> = {};
  for (const { name, value, secret } of container.env) {
    const row = rows.find(([, { env }]) => env === name);
    if (row === undefined) {
      if (prefix.test(name)) unknown.push(name);
      continue;
    }
    const [key, { is }] = row;
    if (value === '') continue;
    variables[key] =
      secret !== undefined
        ? { secret }
        : value === undefined || /\$\(\w+\)/.test(value)
          ? { unread: name }
          : is === 'credential'
            ? { given: true }
            : { text: value };
  }
  if (container.envFrom) unknown.push('envFrom');
  return {
    values: wins === 'flag' ? { ...variables, ...flags.values } : { ...flags.values, ...variables },
    unknown: [...new Set(unknown)],
  };
}

function readFlags<Key extends string>(args: readonly string[], rows: readonly [Key, Setting][]): Settings<Key> {
  const values: Partial<Record<Key, Value>> = {};
  const unknown: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const [, name, inline] = /^--?([A-Za-z][\w.-]*)(?:=(.*))?$/s.exec(args[i] ?? '') ?? [];
    if (name === undefined) continue;
    const next = args[i + 1];
    const hasNext = inline === undefined && next !== undefined && !next.startsWith('-');
    const row = rows.find(([, { flag }]) => flag === name);
    if (row === undefined) {
      unknown.push(`--${name}`);
      if (hasNext) i++;
      continue;
    }
    const [key, { is }] = row;
    if (is !== 'bool' && hasNext) i++;
    const text = inline ?? (is === 'bool' ? 'true' : (next ?? ''));
    if (text === '') continue;
    values[key] = /\$\(\w+\)/.test(text) ? { unread: `--${name}` } : is === 'credential' ? { given: true } : { text };
  }
  return { values, unknown };
}

export const textOf = (value: Value | undefined): string | undefined =>
  value !== undefined && 'text' in value ? value.text : undefined;

/** As Go's strconv.ParseBool. */
export const isTrue = (value: Value | undefined): boolean => /^(?:1|t|true)$/i.test(textOf(value) ?? '');

/** Of a comma-separated list. */
export const partsOf = (list: string | undefined): string[] =>
  (list ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
