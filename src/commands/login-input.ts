/** The logins that `pullpass login` is to store: typed, piped, or out of a file. */
import type { SourceConfig } from '../config/schema.ts';
import { toByteString } from '../credentials/byte-string.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { chooseEntry, correctedHubKey } from '../credentials/entry-choice.ts';
import { normaliseKey, quoteKey } from '../credentials/registry-name.ts';
import { unusable, WHY_UNUSABLE } from '../credentials/usable-login.ts';
import { UserError } from '../errors.ts';
import { quote, some } from '../text.ts';
import type { Environment } from './environment.ts';
import { loginsOf } from './file-logins.ts';
import { readInputFile } from './input-file.ts';

interface LoginFlags {
  readonly username?: string;
  readonly passwordStdin: boolean;
  /** Whether a name without a path is an entry of its own. */
  readonly new: boolean;
}

/** What the login is for. `entries`: what the source holds now. */
export interface About {
  readonly env: Pick<Environment, 'ask' | 'askSecret' | 'readInput'>;
  readonly source: SourceConfig;
  readonly entries: readonly Credential[];
  readonly warn: (line: string) => void;
}

/** Asks for what the flags do not say. Throws UserError. */
export async function askedLogin(registry: string, flags: LoginFlags, about: About): Promise<Credential> {
  const { env, entries } = about;
  const key = entryKey(registry, { exactly: flags.new }, about);
  const known = entries.find((entry) => entry.key === key)?.username ?? '';
  const shown = known === '' ? '' : ` (${quote(known)})`;
  const asks = flags.username === undefined && !flags.passwordStdin;
  const username = flags.username ?? ((asks && (await env.ask(`Username${shown}: `))) || known);
  const password = flags.passwordStdin ? withoutLineBreak(await env.readInput()) : await env.askSecret('Password: ');
  if (password === undefined)
    throw new UserError(
      'login: standard input is not a terminal, so that nobody can be asked for the password; use --password-stdin',
    );
  const bytes = { key, username: toByteString(username), password: toByteString(password) };
  const why = unusable(bytes, false) ?? (password.includes('\u{fffd}') ? 'not UTF-8' : undefined);
  if (why === 'no username')
    throw new UserError(`login: registry ${quoteKey(key)} has no entry with a user name yet; give one with --username`);
  if (why !== undefined) throw new UserError(`login: the login ${WHY_UNUSABLE[why]}`);
  return { key, username, password };
}

/** The usable logins of a Docker config, under the keys of the source. Throws UserError. */
export async function fileLogins(file: string, registry: string | undefined, about: About): Promise<Credential[]> {
  const text = file === '-' ? await about.env.readInput() : readInputFile(file);
  const { logins, leftOut } = loginsOf(text, file === '-' ? 'standard input' : file, registry);
  for (const line of leftOut) about.warn(`${line}; left out`);
  const taken = new Map<string, Credential>();
  for (const { key: name, username, password } of logins) {
    const key = entryKey(name, { exactly: true }, about);
    const other = taken.get(key);
    if (other !== undefined && (other.username !== username || other.password !== password))
      throw new UserError(
        `login: ${file}: has several logins for registry ${quoteKey(key)} of the source; name the one to take`,
      );
    taken.set(key, { key, username, password });
  }
  return [...taken.values()];
}

/** The key that the login goes under. */
function entryKey(name: string, { exactly }: { exactly: boolean }, { source, entries, warn }: About): string {
  const corrected = correctedHubKey(name);
  if (corrected !== undefined)
    warn(`no kubelet uses ${quoteKey(name)} for images on Docker Hub: its login goes under ${quoteKey(corrected)}`);
  const choice = chooseEntry(
    entries.map((entry) => entry.key),
    corrected ?? name,
    { exactly, orElse: ', or --new for one for the whole host' },
  );
  if (choice.found === 'no answer') throw new UserError(`login: ${choice.problem}`);
  const { key, others } = choice;
  if (source.aliases.some(({ host }) => host === key || normaliseKey(host) === normaliseKey(key)))
    throw new UserError(
      `login: ${quoteKey(key)} is an alias of source ${source.name}, and its login comes from where sources[].aliases says; change it there`,
    );
  if (others.length > 0) warn(`${some(others.map(quoteKey), 10)} of the same registry: not changed`);
  return key;
}

/** One line break at the end is not a part of the password: echo adds one. */
const withoutLineBreak = (text: string): string => text.replace(/\r?\n$/, '');
