/** `pullpass prune`: its arguments and options. */
import { Option } from 'commander';
import type { Command } from 'commander';
import type { Environment } from '../commands/environment.ts';
import type { Flags } from '../commands/prune.ts';
import { configuredCommand } from './options.ts';

export function pruneCommand(env: Environment): Command {
  return configuredCommand('prune')
    .summary('remove everything that Pullpass put into the cluster')
    .description(
      'Removes every copy and every reference that Pullpass put into the cluster; asks first. ' +
        'A running controller would put everything back: stop it before, or with --stop-controller.',
    )
    .addOption(new Option('-y, --yes', 'do not ask'))
    .addOption(
      new Option('--stop-controller', 'scale the Deployment pullpass to 0 first, and wait until it has ended').default(
        false,
      ),
    )
    .action(async (flags: Flags) => (await import('../commands/prune.ts')).run(env, flags));
}
