/** `pullpass logout`: its arguments and options. */
import { Option } from 'commander';
import type { Command } from 'commander';
import type { Environment } from '../commands/environment.ts';
import type { Flags } from '../commands/logout.ts';
import { configuredCommand } from './options.ts';

export function logoutCommand(env: Environment): Command {
  return configuredCommand('logout')
    .summary('remove the login of a registry from a source, and nothing else of it')
    .description(
      'Removes the entry of a registry from the source Secret, only if nobody else changes it meanwhile. The controller keeps the ' +
        'login in force until the removal is confirmed.\nExit status: 0 removed.',
    )
    .argument('<registry>', 'key of the entry; any name of Docker Hub is its entry')
    .addOption(new Option('--source <name>', 'name of the source; needed if the configuration has several'))
    .addOption(new Option('--force', 'also if another tool writes the Secret, and may undo the change').default(false))
    .action(async (registry: string, flags: Flags) =>
      (await import('../commands/logout.ts')).run(env, registry, flags),
    );
}
