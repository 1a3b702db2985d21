/** `pullpass logout`: removes the entry of a registry from a source, as `docker logout` does from a file. */
import type { Configuration, SourceConfig } from '../config/schema.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { withoutEntry } from '../credentials/edit-docker-config.ts';
import { chooseEntry } from '../credentials/entry-choice.ts';
import { findEntry, quoteKey } from '../credentials/registry-name.ts';
import { UserError } from '../errors.ts';
import { agree, plural, quote, some } from '../text.ts';
import { withConfiguration } from './configuration.ts';
import type { Environment } from './environment.ts';
import { namedSource } from './named-source.ts';
import type { Configured } from './options.ts';
import { readSourceSecret, secretName } from './source-secret.ts';
import { writeSourceSecret } from './write-source.ts';
import type { SecretOptions } from './source-secret.ts';

export interface Flags extends Configured {
  source?: string;
  force: boolean;
}

export async function run(env: Environment, registry: string, flags: Flags): Promise<void> {
  await withConfiguration(env, flags, async (client, configuration) => {
    await runLogout(registry, {
      client,
      configuration,
      source: namedSource(configuration, flags.source, 'logout'),
      command: 'logout',
      force: flags.force,
      signal: env.untilInterrupted(),
      say: (line) => env.writeOut(`${line}\n`),
      warn: (line) => env.writeErr(`warning: ${line}\n`),
    });
  });
}

interface LogoutOptions extends SecretOptions {
  configuration: Configuration;
  say: (line: string) => void;
  warn: (line: string) => void;
}

async function runLogout(registry: string, options: LogoutOptions): Promise<void> {
  const { source, say, warn } = options;
  const what = `Secret ${secretName(source)}`;
  const secret = await readSourceSecret(options);
  if (secret.version === undefined) throw new UserError(`logout: ${what} does not exist`);
  const keys = secret.credentials.map(({ key }) => key);
  const choice = chooseEntry(keys, registry);
  if (choice.found === 'no answer') throw new UserError(`logout: ${choice.problem}`);
  const gone = secret.credentials.find(({ key }) => key === choice.key);
  if (choice.found === 'nothing' || gone === undefined)
    throw new UserError(
      `logout: ${what} has no entry for ${quoteKey(registry)}; it has ${some(keys.map(quoteKey), 10) || 'none'}`,
    );
  const rest = secret.credentials.filter((entry) => entry !== gone);
  if (rest.length === 0) throw new UserError(`logout: ${lastOne(what, gone, source)}`);
  for (const user of usersOf(gone, rest, options)) warn(user);
  if (secret.writer !== undefined) warn(`${what} is written by ${secret.writer}, which may undo this change`);
  say(`registry ${quoteKey(gone.key)}: entry of user name ${quote(gone.username)} is removed`);
  say(
    `${what} (source ${source.name}): ${plural(rest.length, 'other entry stays', 'other entries stay')} as ${agree(rest.length, 'it is', 'they are')}`,
  );
  await writeSourceSecret(secret, {
    ...options,
    keys: [gone.key],
    edit({ content, form, credentials }) {
      // Another writer may have removed the others meanwhile.
      if (credentials.every(({ key }) => key === gone.key))
        throw new UserError(`logout: ${lastOne(what, gone, source)}`);
      return withoutEntry(content, form, gone.key);
    },
  });
  say('Login removed from the source');
  say(
    'Copies and cache proxies keep it until the removal is confirmed, unless another entry covers it: `pullpass plan` says who uses it, and how to confirm',
  );
}

const lastOne = (what: string, { key }: Credential, { name }: SourceConfig): string =>
  `${quoteKey(key)} is the last entry of ${what}: an empty source is held back, and everything stays as it is. ` +
  `To give it up, take source ${name} out of the configuration`;

/** What of the configuration takes its login from the entry, and finds no other one. */
function usersOf(gone: Credential, rest: readonly Credential[], { configuration, source }: LogoutOptions): string[] {
  const all = [gone, ...rest];
  const loses = (name: string): boolean => findEntry(all, name) === gone && findEntry(rest, name) === undefined;
  return [
    ...configuration.cacheProxies
      .filter((proxy) => proxy.source === source.name && loses(proxy.registry))
      .map(({ name }) => `cache proxy ${quote(name)} is configured to use this entry`),
    ...source.aliases.flatMap((alias) =>
      'from' in alias && loses(alias.from) ? [`alias ${quoteKey(alias.host)} is configured to use this entry`] : [],
    ),
  ];
}
