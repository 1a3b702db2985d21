/** How `pullpass match` shows its result: a table for people; JSON or YAML for programs. Never a password. */
import CliTable from 'cli-table3';
import picocolors from 'picocolors';
import { stringify as toYaml } from 'yaml';
import { describeMatch } from '../credentials/explain.ts';
import { redactKey } from '../credentials/registry-name.ts';
import type { Miss } from '../credentials/explain.ts';
import type { ImageReference } from '../credentials/image-reference.ts';
import type { Match } from '../credentials/keyring.ts';
import { printable } from '../text.ts';

export type MatchOutput = 'table' | 'json' | 'yaml';
type Colors = ReturnType<typeof picocolors.createColors>;

export interface MatchResult {
  /** As given. */
  image: string;
  reference: ImageReference;
  /** In the order in which a kubelet tries them. */
  matches: Match[];
  misses: Miss[];
  /** For stderr, one line each. */
  notes: string[];
}
/** The text ends with a line break. */
export function renderMatch(result: MatchResult, output: MatchOutput, color: boolean): string {
  switch (output) {
    case 'json':
      return `${JSON.stringify(toData(result), undefined, 2)}\n`;
    case 'yaml':
      return toYaml(toData(result));
    case 'table':
      return toTable(result, picocolors.createColors(color));
  }
}

function toData({ image, reference, matches }: MatchResult) {
  return {
    image,
    repository: reference.name,
    matches: matches.map(({ credential }) => ({ key: redactKey(credential.key), username: credential.username })),
  };
}

function toTable({ reference, matches, misses }: MatchResult, colors: Colors): string {
  const near = misses.filter((miss) => miss.near);
  const far = misses.filter((miss) => !miss.near);
  const secret = [...matches, ...misses].some((entry) => entry.secret !== undefined);
  const parts = [
    matches.length === 0
      ? colors.yellow(
          `No usable login matches ${reference.name}: kubelets pull it without a login, unless their node has one of its own.\n`,
        )
      : `For ${colors.bold(reference.name)} kubelets try, in this order:\n\n${table(
          ['', 'KEY', 'USERNAME', ...(secret ? ['SECRET'] : []), 'WHY'],
          matches.map((match, i) => [
            String(i + 1),
            colors.green(show(match.credential.key)),
            match.credential.username === '' ? colors.dim('(none)') : printable(match.credential.username),
            ...(secret ? [match.secret ?? ''] : []),
            describeMatch(match),
          ]),
          colors,
        )}`,
  ];
  if (near.length > 0) {
    const rows = near.map((miss) => [show(miss.credential.key), ...(secret ? [miss.secret ?? ''] : []), miss.why]);
    parts.push(`Not tried:\n\n${table(['KEY', ...(secret ? ['SECRET'] : []), 'WHY NOT'], rows, colors)}`);
  }
  if (far.length > 0)
    parts.push(
      colors.dim(`Of other registries: ${[...new Set(far.map((miss) => show(miss.credential.key)))].join(', ')}\n`),
    );
  return parts.join('\n');
}

function show(key: string): string {
  return printable(redactKey(key));
}

const LINES = [
  'top',
  'top-mid',
  'top-left',
  'top-right',
  'bottom',
  'bottom-mid',
  'bottom-left',
  'bottom-right',
  'left',
  'left-mid',
  'mid',
  'mid-mid',
  'right',
  'right-mid',
] as const;
const NO_LINES: Partial<Record<(typeof LINES)[number], string>> = Object.fromEntries(LINES.map((name) => [name, '']));

function table(head: string[], rows: string[][], colors: Colors): string {
  const grid = new CliTable({
    head: head.map((title) => colors.dim(title)),
    chars: { ...NO_LINES, middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  grid.push(...rows);
  return `${grid.toString().replace(/[ ]+$/gm, '')}\n`;
}
