/** `pullpass login`: its arguments and options. */
import { Option } from 'commander';
import type { Command } from 'commander';
import type { Environment } from '../commands/environment.ts';
import type { Flags } from '../commands/login.ts';
import { configuredCommand, options } from './options.ts';

export function loginCommand(env: Environment): Command {
  return configuredCommand('login')
    .summary('change the login of a registry in a source, and nothing else of it')
    .description(
      'Tries a login at its registry, and writes it into the source Secret: into that one entry, and only if nobody else changes ' +
        'it meanwhile. Asks for what is not given, and never shows a password.\n' +
        'Exit status: 0 stored, or nothing to change; 3 the registry refuses the login, and nothing was changed; with --wait as `pullpass wait`.',
    )
    .argument('[registry]', 'host, host:port or host/path; any name of Docker Hub is its entry')
    .addOption(new Option('--source <name>', 'name of the source; needed if the configuration has several'))
    .addOption(new Option('-u, --username <name>', 'user name; otherwise the one that the entry has'))
    .addOption(new Option('--password-stdin', 'read the password from standard input').default(false))
    .addOption(new Option('-p, --password [password]').hideHelp())
    .addOption(
      new Option(
        '--from-docker-config <file>',
        'take the login of the registry, or all usable logins, out of a file',
      ).conflicts(['username', 'passwordStdin']),
    )
    .addOption(new Option('--new', 'add an entry for the whole host next to entries for parts of it').default(false))
    .addOption(new Option('--require-accepted', 'change nothing unless the registry accepts the login').default(false))
    .addOption(new Option('--force', 'also if another tool writes the Secret, and may undo the change').default(false))
    .addOption(new Option('--wait', 'then wait until the old login can be revoked').default(false))
    .addOption(options.timeout(10 * 60_000))
    .action(async (registry: string | undefined, flags: Flags) =>
      (await import('../commands/login.ts')).run(env, registry, flags),
    );
}
