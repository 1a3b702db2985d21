/** `pullpass login`: changes the login of a registry in a source, as `docker login` does in a file. */
import { UsageError } from '../errors.ts';
import { createReach } from '../proxies/reach.ts';
import { awaitRotation } from './wait.ts';
import { withConfiguration } from './configuration.ts';
import type { Environment } from './environment.ts';
import { askedLogin, fileLogins } from './login-input.ts';
import { namedSource } from './named-source.ts';
import type { Configured } from './options.ts';
import { readSourceSecret } from './source-secret.ts';
import { storeLogins } from './store-login.ts';

export interface Flags extends Configured {
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

export async function run(env: Environment, registry: string | undefined, flags: Flags): Promise<void> {
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
