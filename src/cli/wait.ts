/** `pullpass wait`: its arguments and options. */
import type { Command } from 'commander';
import type { Environment } from '../commands/environment.ts';
import type { Flags } from '../commands/wait.ts';
import { configuredCommand, options } from './options.ts';

export function waitCommand(env: Environment): Command {
  return configuredCommand('wait', options.contexts())
    .summary('block until a rotation is complete: the old credential can be revoked')
    .description(
      'Blocks, with progress, until every copy and every cache proxy carries what the source holds now, every cache proxy has ' +
        'settled, and each one with a probe was shown to pull with its login. With several contexts, until that is so in each cluster.\n' +
        'Exit status: 0 "complete: the old credential can be revoked", 1 not in time (what is behind is printed).',
    )
    .requiredOption('--source <name>', 'name of the source in the configuration')
    .addOption(options.timeout(20 * 60_000))
    .option('--require-proof', 'ask for a proof of every cache proxy, also of those without a probe')
    .option('--accept-unproven <name...>', 'cache proxies that need no proof: what has settled is enough')
    .option('--scan', 'then list other pull Secrets of the cluster with a login of the same user')
    .addOption(options.output())
    .action(async (flags: Flags) => (await import('../commands/wait.ts')).run(env, flags));
}
