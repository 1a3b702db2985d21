/** `-o table`: a summary for people, then registries, then the findings, each with what to do. */
import { createColors } from 'picocolors';
import type { Colors } from 'picocolors/types.js';
import { inFrontOf } from '../facts/coverage.ts';
import type { RegistryCoverage } from '../facts/coverage.ts';
import type { Severity } from '../rules/rule.ts';
import type { Report } from '../report/report.ts';
import { grouped, HEADINGS } from '../report/groups.ts';
import type { RuleGroup } from '../report/groups.ts';
import { columns, wrap } from './layout.ts';
import { resultOf } from '../report/result.ts';
import { plural } from '../../text.ts';

interface TableOptions {
  readonly color: boolean;
  /** Columns of the terminal; undefined: do not break lines. */
  readonly width?: number | undefined;
}

/** More findings of one rule do not help a reader. */
const MAX_FINDINGS_OF_A_RULE = 10;
const MAX_REGISTRIES = 15;
const NARROWEST = 40;

/** Ends with a line break. */
export function renderTable(report: Report, { color, width = Infinity }: TableOptions): string {
  const c = createColors(color);
  const room = Math.max(width, NARROWEST);
  const { level, headline, facts } = resultOf(report);
  const mark = { ok: c.green('✓'), warning: c.yellow('!'), error: c.red('✗') }[level];
  const lines = [
    ...wrap(`Audit of ${report.cluster.server} at ${report.generatedAt}${ofWhat(report)}`, room).map((line) =>
      c.dim(line),
    ),
    '',
    ...wrap(headline, room - 2).map((line, i) => (i === 0 ? `${mark} ${c.bold(line)}` : `  ${c.bold(line)}`)),
    ...facts.flatMap((fact) => wrap(fact, room, '  ')),
  ];
  if (report.registries.length > 0) lines.push('', ...registryTable(report, room, c));
  for (const { severity, count, groups } of grouped(report)) {
    lines.push('', `${paint(c, severity)(HEADINGS[severity].toUpperCase())} ${c.dim(`(${count})`)}`);
    for (const group of groups) lines.push('', ...section(group, room, c));
  }
  if (report.couldNotSee.length > 0)
    lines.push('', c.bold('NOT SEEN'), ...report.couldNotSee.flatMap((line) => wrap(line, room, '  ', '    ')));
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

function ofWhat({ only, listed }: Report): string {
  if (only !== undefined) return `, namespace ${only.join(', ')}`;
  return listed === undefined ? '' : `, of the ${plural(listed.length, 'namespace')} listed`;
}

function section({ rule, findings, remedy: common }: RuleGroup, room: number, c: Colors): string[] {
  const shown = findings.slice(0, MAX_FINDINGS_OF_A_RULE);
  const remedy = (text: string): string[] => wrap(text, room, '    → ', '      ').map((line) => c.cyan(line));
  return [
    ...wrap(`${rule.id} ${rule.title}`, room, '  ', '        ').map((line) =>
      line.replace(rule.id, paint(c, rule.severity)),
    ),
    ...shown.flatMap((finding) => [
      ...wrap(finding.message, room, '    '),
      ...(common === undefined ? remedy(finding.remedy) : []),
    ]),
    ...(findings.length > shown.length
      ? [c.dim(`    and ${findings.length - shown.length} more: -o json lists them all`)]
      : []),
    ...(common === undefined ? [] : remedy(common)),
  ];
}

function registryTable({ registries }: Report, room: number, c: Colors): string[] {
  const shown = registries.slice(0, MAX_REGISTRIES);
  const cells: [title: string, narrowest: number, cell: (row: RegistryCoverage) => string][] = [
    ['REGISTRY', 0, ({ registry }) => registry],
    ['PODS', 0, ({ pods }) => String(pods)],
    ['IMAGES', 80, ({ images }) => String(images)],
    [
      'WITH CREDENTIAL',
      60,
      ({ covered, pods, unknown }) => `${covered}/${pods}${unknown > 0 ? ` (${unknown} unknown)` : ''}`,
    ],
    [
      'CREDENTIAL',
      80,
      ({ credentials: [first, ...more] }) =>
        first === undefined ? '' : `${first.key} (${first.secret})${more.length > 0 ? ` +${more.length}` : ''}`,
    ],
    ['CACHE PROXY', 100, (row) => inFrontOf(row).join(', ')],
    ['FAILING', 0, ({ failing }) => (failing === 0 ? '' : String(failing))],
  ];
  const fitting = cells.filter(([, narrowest]) => room >= narrowest);
  const lines = columns(
    [fitting.map(([title]) => title), ...shown.map((row) => fitting.map(([, , cell]) => cell(row)))],
    room,
    (cell, y, x) => (y === 0 ? c.dim(cell) : x === fitting.length - 1 ? c.red(cell) : cell),
  );
  const more = registries.length - shown.length;
  return more === 0 ? lines : [...lines, c.dim(`and ${more} more`)];
}

function paint(c: Colors, severity: Severity): (text: string) => string {
  const color = { error: c.red, warning: c.yellow, info: c.blue }[severity];
  return (text) => c.bold(color(text));
}
