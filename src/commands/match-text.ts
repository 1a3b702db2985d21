/** The output of `pullpass match`: a table for people, JSON or YAML for programs. Never a password. */
import { createColors } from 'picocolors';
import type { Colors } from 'picocolors/types.js';
import { describeMatch } from '../credentials/explain.ts';
import { redactKey } from '../credentials/registry-name.ts';
import { printable } from '../text.ts';
import type { MatchResult } from './match-lookup.ts';
import { render, table } from './output.ts';
import type { Output } from './output.ts';

/** The text ends with a line break. */
export const renderMatch = (result: MatchResult, output: Output, color: boolean): string =>
  render(output, matchData(result), () => matchText(result, createColors(color)));

function matchData({ image, reference, matches, mirror }: MatchResult) {
  return {
    image,
    repository: reference.name,
    ...(mirror !== undefined && { mirror: { location: mirror, runtime: 'containerd' } }),
    matches: matches.map(({ credential }) => ({ key: redactKey(credential.key), username: credential.username })),
  };
}

function matchText({ reference, matches, misses, mirror }: MatchResult, c: Colors): string {
  const near = misses.filter((miss) => miss.near);
  const far = misses.filter((miss) => !miss.near);
  const secret = [...matches, ...misses].some((entry) => entry.secret !== undefined);
  const parts = [
    matches.length === 0
      ? c.yellow(
          `No usable login matches ${reference.name}: kubelets pull it without a login, unless their node has one of its own.\n`,
        )
      : `For ${c.bold(reference.name)} kubelets try, in this order:\n\n${grid(
          ['', 'KEY', 'USERNAME', ...(secret ? ['SECRET'] : []), 'WHY'],
          matches.map((match, i) => [
            String(i + 1),
            c.green(show(match.credential.key)),
            match.credential.username === '' ? c.dim('(none)') : printable(match.credential.username),
            ...(secret ? [match.secret ?? ''] : []),
            describeMatch(match),
          ]),
          c,
        )}`,
  ];
  if (near.length > 0) {
    const rows = near.map((miss) => [show(miss.credential.key), ...(secret ? [miss.secret ?? ''] : []), miss.why]);
    parts.push(`Not tried:\n\n${grid(['KEY', ...(secret ? ['SECRET'] : []), 'WHY NOT'], rows, c)}`);
  }
  if (far.length > 0)
    parts.push(
      c.dim(`Of other registries: ${[...new Set(far.map((miss) => show(miss.credential.key)))].join(', ')}\n`),
    );
  if (mirror !== undefined)
    parts.push(
      matches.length > 0
        ? `containerd sends the same login to ${c.bold(mirror)} where that asks for one; a login under the mirror's own name is of no use to it.\n`
        : `containerd has none for ${c.bold(mirror)} either: a login under the mirror's own name is of no use to it.\n`,
    );
  return parts.join('\n');
}

export function show(key: string): string {
  return printable(redactKey(key));
}

export const grid = (head: string[], rows: string[][], c: Colors): string => `${table(head.map(c.dim), rows)}\n`;
