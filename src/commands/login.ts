/** `pullpass login`: changes the login of a registry in a source, as `docker login` does in a file. */
import type { Command } from 'commander';
import { Option } from 'commander';
import { UsageError } from '../errors.ts';
import { createReach } from '../proxies/reach.ts';
import { awaitRotation } from './wait.ts';
import { withConfiguration } from './configuration.ts';
import type { Environment } from './environment.ts';
import { askedLogin, fileLogins } from './login-input.ts';
import { namedSource } from './named-source.ts';
import { configuredCommand, options } from './options.ts';
import type { Configured } from './options.ts';
import { readSourceSecret } from './source-secret.ts';
import { storeLogins } from './store-login.ts';

interface Flags extends Configured {
  source?: string;
  username?: string;
  password?: string | true;
  passwordStdin: boolean;
  fromDockerConfig?: string;
  new: boolean;
  requireAccepted: boolean;
  force: boolean;
  wait: boolean;
  timeout: number;
}

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
    .action((registry: string | undefined, flags: Flags) => login(env, registry, flags));
}

async function login(env: Environment, registry: string | undefined, flags: Flags): Promise<void> {
  if (flags.password !== undefined)
    throw new UsageError(
      'login: a password in the arguments is seen by others on this machine and kept by the shell; use --password-stdin',
    );
  if (registry === undefined && flags.fromDockerConfig === undefined)
    throw new UsageError('login: give a registry, or --from-docker-config FILE');
  const reach = createReach({ userAgent: env.userAgent, egress: env.egress });
  try {
    await withConfiguration(env, flags, async (client, configuration) => {
      const source = namedSource(configuration, flags.source, 'login');
      const stop = new AbortController();
      const access = { client, source, command: 'login', force: flags.force, signal: stop.signal };
      const secret = await readSourceSecret(access);
      const warn = (line: string): void => env.writeErr(`warning: ${line}\n`);
      const about = { env, source, entries: secret.credentials, warn };
      const logins =
        flags.fromDockerConfig === undefined
          ? [await askedLogin(registry ?? '', flags, about)]
          : await fileLogins(flags.fromDockerConfig, registry, about);
      // Only now: until here Ctrl-C ends the process.
      const signal = env.untilInterrupted();
      const changed = await storeLogins(secret, logins, {
        ...access,
        signal,
        configuration,
        namespace: flags.controllerNamespace,
        reach,
        requireAccepted: flags.requireAccepted,
        say: (line) => env.writeOut(`${line}\n`),
        warn,
      });
      const rotation = {
        client,
        configuration,
        source: source.name,
        namespace: flags.controllerNamespace,
        listed: flags.namespaces,
      };
      if (flags.wait) env.exitWith(await awaitRotation(env, { ...rotation, timeoutMs: flags.timeout, signal }));
      else if (changed)
        env.writeOut(
          `Keep the old login until \`pullpass wait --source ${source.name}\` says that it can be revoked\n`,
        );
    });
  } finally {
    await reach.close();
  }
}
