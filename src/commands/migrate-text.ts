/** A migration as text: what was found, what could not be read, the configuration, and the steps. */
import { stringify } from 'yaml';
import { UserError } from '../errors.ts';
import type { Found } from '../migrate/model.ts';
import type { MigrationPlan } from '../migrate/plan.ts';
import { printable } from '../text.ts';

/** Throws UserError where there is none. */
export function configurationText(configuration: object | undefined): string {
  if (configuration === undefined)
    throw new UserError(
      'migrate: nothing to migrate was found, so there is no configuration; -o table says what was looked for',
    );
  return stringify(configuration, { lineWidth: 0 });
}

export function migrationText(
  found: readonly Found[],
  { configuration, steps, notes, gaps }: MigrationPlan,
  absent: readonly string[],
): string {
  return [
    section(
      'Found',
      found.map(({ tool, seen }) => `${tool}: ${seen.length === 0 ? 'no trace' : seen.join('; ')}`),
    ),
    section('Could not be read, or needs a decision: the plan may lack something', gaps),
    section('Notes', [...notes, ...(absent.length > 0 ? [`the API server has no ${absent.join(', no ')}`] : [])]),
    ...(configuration === undefined
      ? []
      : [
          `Configuration (pullpass migrate -o configuration > config.yaml):\n\n${indent(configurationText(configuration))}\n`,
        ]),
    ...steps.map(({ title, why, commands }, i) =>
      [
        `Step ${i + 1}. ${title}\n`,
        why.map((line) => `  # ${printable(line)}\n`).join(''),
        commands.map((line) => `${indent(line)}\n`).join(''),
      ].join(''),
    ),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

const section = (title: string, lines: readonly string[]): string =>
  lines.length === 0 ? '' : `${title}:\n${lines.map((line) => `  ${printable(line)}\n`).join('')}`;

const indent = (text: string): string =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
