/** `pullpass migrate`: its arguments and options. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { MIGRATE_OUTPUTS } from '../commands/choices.ts';
import type { Environment } from '../commands/environment.ts';
import type { Flags } from '../commands/migrate.ts';
import { TOOLS } from '../migrate/model.ts';
import type { Tool } from '../migrate/model.ts';
import { quote } from '../text.ts';
import { options } from './options.ts';

export function migrateCommand(env: Environment): Command {
  return new Command('migrate')
    .summary('print the way from another tool to Pullpass')
    .description(
      'Reads how pull Secrets are spread today, and prints a configuration and an ordered plan in which no pull fails on the way. ' +
        'Changes nothing, and prints no credential.\n' +
        'Exit status: 0, 3 when something could not be read or needs a decision first, 4 when nothing to migrate was found.',
    )
    .addOption(
      new Option('--from <tools>', `only these, separated by commas: ${TOOLS.join(', ')}`)
        .argParser(tools)
        .default(TOOLS, 'all'),
    )
    .addOption(options.kubeconfig())
    .addOption(options.context())
    .addOption(options.controllerNamespace())
    .addOption(
      new Option('-o, --output <format>', 'how to print; configuration: only that, as a file for --config')
        .choices(MIGRATE_OUTPUTS)
        .default('table'),
    )
    .action(async (flags: Flags) => (await import('../commands/migrate.ts')).run(env, flags));
}

function tools(list: string): readonly Tool[] {
  const names = list.split(',').map((name) => name.trim());
  const known = TOOLS.filter((tool) => names.includes(tool));
  const stranger = names.find((name) => !known.some((tool) => tool === name));
  if (stranger !== undefined) throw new InvalidArgumentError(`${quote(stranger)} is none of ${TOOLS.join(', ')}.`);
  return known;
}
