/** What a source's Secret and those of its aliases hold now: entries to be judged, or why nothing can be read. */
import type { SourceConfig } from '../config/schema.ts';
import { resolveAlias } from '../credentials/alias.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { parseSecret } from '../credentials/docker-config.ts';
import type { SourceSecret } from '../observe/projections.ts';
import type { World } from '../observe/world.ts';
import { keyOf, secretsOf } from '../observe/feed-ids.ts';
import type { Dated } from './ends.ts';

/** No real source has more. A limit, for each entry is tried at its registry. */
const MAX_REGISTRIES = 500;

export interface Reading {
  /** UIDs and versions of the Secrets that it was made from: no version is read twice. */
  readonly basis: string;
  /** Undefined: nothing can be taken from the Secret; `problems` say why. */
  readonly own: readonly Credential[] | undefined;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  /** The word on the Secret that confirms the removal of entries. */
  readonly confirmed: string | undefined;
  /** The Secret itself; undefined: it does not exist. */
  readonly secret: Dated | undefined;
  /** Entries of the aliases, made with the source's own logins in force. */
  aliases(own: readonly Credential[]): {
    readonly credentials: readonly Credential[];
    readonly problems: readonly string[];
    readonly warnings: readonly string[];
  };
}

/** `known`: the last reading, returned as it is if nothing changed. */
export function readSource(world: World, config: SourceConfig, known: Reading | undefined): Reading {
  const secrets = secretsOf(config).map((ref) => world.secrets.get(keyOf(ref))?.get(ref.namespace, ref.name));
  const basis = JSON.stringify(secrets.map((secret) => secret && [secret.uid, secret.resourceVersion]));
  if (known?.basis === basis) return known;
  const [secret, ...rest] = secrets;
  const logins = new Map(rest.flatMap((login): [string, SourceSecret][] => (login ? [[login.name, login]] : [])));
  return {
    basis,
    ...readOwn(secret),
    confirmed: secret?.confirmed,
    secret,
    aliases: (own) => readAliases(config, own, logins),
  };
}

function readOwn(secret: SourceSecret | undefined): Pick<Reading, 'own' | 'problems' | 'warnings'> {
  const no = (problems: readonly string[]) => ({ own: undefined, problems, warnings: [] });
  if (secret === undefined) return no(['does not exist']);
  const parsed = parseSecret(secret);
  if (!parsed.ok) return no(parsed.problems);
  const { credentials, warnings } = parsed;
  return credentials.length > MAX_REGISTRIES
    ? no([`has ${credentials.length} registries, and a source has at most ${MAX_REGISTRIES}; divide it`])
    : { own: credentials, problems: [], warnings };
}

function readAliases({ aliases }: SourceConfig, own: readonly Credential[], logins: ReadonlyMap<string, SourceSecret>) {
  const resolved = aliases.map((alias) => resolveAlias(alias, own, logins));
  return {
    credentials: resolved.flatMap((alias) => (alias.ok ? [alias.credential] : [])),
    problems: resolved.flatMap((alias) => (alias.ok ? [] : [alias.problem])),
    warnings: resolved.flatMap((alias) => (alias.ok ? alias.warnings : [])),
  };
}
