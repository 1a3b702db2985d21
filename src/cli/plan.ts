/** `pullpass plan`: its arguments and options. */
import type { Command } from 'commander';
import type { Environment } from '../commands/environment.ts';
import type { Flags } from '../commands/plan.ts';
import { configuredCommand, options } from './options.ts';

export function planCommand(env: Environment): Command {
  return configuredCommand('plan')
    .summary('show what the controller would change now')
    .description(
      'Shows what the controller would change now, and changes nothing. ' +
        'Exit status: 0 nothing to change, 2 changes pending or held.',
    )
    .addOption(options.namespaces('only the changes in this namespace, and their exit status'))
    .addOption(options.allNamespaces())
    .addOption(options.output())
    .action(async (flags: Flags) => (await import('../commands/plan.ts')).run(env, flags));
}
