/** `pullpass validate`: its arguments and options. */
import { Command } from 'commander';
import type { Environment } from '../commands/environment.ts';

export function validateCommand(env: Environment): Command {
  return new Command('validate')
    .summary('check a configuration, or logins, offline')
    .description(
      'Checks a configuration offline and prints every error with its line; or the logins of a Docker config or a Secret, ' +
        'before they become a source. Exit status: 0 valid, 1 errors.',
    )
    .argument(
      '<file>',
      'configuration file, document of a provider, Docker config or manifest of a Secret, or - for standard input',
    )
    .action(async (file: string) => (await import('../commands/validate.ts')).run(env, file));
}
