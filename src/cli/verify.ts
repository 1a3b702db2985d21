/** `pullpass verify`: its arguments and options. */
import { Option } from 'commander';
import type { Command } from 'commander';
import type { Environment } from '../commands/environment.ts';
import type { Flags } from '../commands/verify.ts';
import { configuredCommand, options } from './options.ts';

export function verifyCommand(env: Environment): Command {
  return configuredCommand('verify')
    .summary('try credentials at their registries and through the cache proxies')
    .description(
      'Tries every credential at its registry. Asks every cache proxy, and the product itself where it can tell, whether it ' +
        'pulls with its login. One try each.\n' +
        'Exit status: 0; 3 when one is refused or unusable, or a cache proxy does not answer; see --fail-on.',
    )
    .addOption(options.output())
    .addOption(
      new Option('--fail-on <state>', 'refused; unknown: also when there is no verdict on one')
        .choices(['refused', 'unknown'] satisfies Flags['failOn'][])
        .default('refused'),
    )
    .action(async (flags: Flags) => (await import('../commands/verify.ts')).run(env, flags));
}
