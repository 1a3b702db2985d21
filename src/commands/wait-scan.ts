/** `pullpass wait --scan`: where else in the cluster a login of the source's users is. Reads pull Secrets, and writes nothing. */
import type { Configuration, SourceConfig } from '../config/schema.ts';
import { resolveAlias } from '../credentials/alias.ts';
import { parseSecret } from '../credentials/docker-config.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { hostMismatch, isGlob } from '../credentials/keyring.ts';
import { quoteKey, registryHost } from '../credentials/registry-name.ts';
import { messageOf } from '../errors.ts';
import { ApiError, isForbidden, isNotFound, UnreachableError } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { paths } from '../kube/paths.ts';
import { projectSource } from '../observe/projections.ts';
import type { SourceSecret } from '../observe/projections.ts';
import { ownerOf } from '../owner.ts';
import { kuikOwnerOf, listPullSecrets, makerOf } from '../observe/pull-secrets.ts';
import type { RawPullSecret } from '../observe/pull-secrets.ts';
import { keyOf, secretsOf } from '../observe/feed-ids.ts';
import { agree, fit, plural, quote } from '../text.ts';

/** Lines that are printed. Tenants can make any number of Secrets: no more than {@link KEPT} are kept, and the rest is counted. */
const SHOWN = 100;
const KEPT = 10_000;

interface Found {
  /** `namespace/name`. */
  readonly at: string;
  readonly key: string;
  readonly user: string;
  /** Whether it is the login that the source has now. */
  readonly current: boolean;
  /** Whose the Secret is, as far as it shows: ends the line. */
  readonly whose: string;
}

interface ScanOptions {
  readonly client: KubeClient;
  readonly configuration: Configuration;
  /** Its name in the configuration. */
  readonly source: string;
  /** The installation that waits, by the namespace of its controller. */
  readonly instance: string;
  /** Where it looks; undefined: in the whole cluster. */
  readonly listed?: readonly string[] | undefined;
  readonly signal?: AbortSignal;
}

/** A list for people, or one line: why nothing was scanned, or that nothing was found. It ends with a line break. */
export async function scanElsewhere(options: ScanOptions): Promise<string> {
  const { client, configuration, source, listed, signal } = options;
  const config = configuration.sources.find(({ name }) => name === source);
  if (config === undefined) return '';
  try {
    const own = await readLogins(client, config, signal);
    if (typeof own === 'string') return `scan: not scanned for other Secrets with this login: ${own}\n`;
    return report(source, listed, await find(options, config, own));
  } catch (error) {
    if (!(error instanceof ApiError) && !(error instanceof UnreachableError)) throw error;
    const why = isForbidden(error) ? 'the right to list Secrets is missing: ' : '';
    return `scan: not scanned for other Secrets with this login: ${why}${fit(messageOf(error), 500)}\n`;
  }
}

/** What the source holds now, with its aliases; a text: why it cannot be used. */
async function readLogins(
  client: KubeClient,
  config: SourceConfig,
  signal: AbortSignal | undefined,
): Promise<readonly Credential[] | string> {
  const [own, ...logins] = await Promise.all(
    secretsOf(config).map(async ({ namespace, name }): Promise<SourceSecret | undefined> => {
      try {
        return projectSource(await client.get(paths.secrets(namespace, name), { sensitive: true, signal }));
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    }),
  );
  if (own === undefined) return `Secret ${keyOf(config.secret)} does not exist`;
  const parsed = parseSecret(own);
  if (!parsed.ok) return `Secret ${keyOf(config.secret)}: ${parsed.problems.join('; ')}`;
  const byName = new Map(logins.flatMap((login) => (login ? [[login.name, login] as const] : [])));
  const aliases = config.aliases.map((alias) => resolveAlias(alias, parsed.credentials, byName));
  const all = [...parsed.credentials, ...aliases.flatMap((alias) => (alias.ok ? [alias.credential] : []))];
  return all.filter(({ unusable }) => unusable === undefined);
}

async function find(
  { client, configuration, instance, listed, signal }: ScanOptions,
  config: SourceConfig,
  own: readonly Credential[],
): Promise<{ found: Found[]; left: number }> {
  const lists = new Map<string, { found: Found[]; left: number }>();
  const copyNames = new Set([
    ...configuration.sources.map(({ copyName }) => copyName),
    ...configuration.retiredCopyNames,
  ]);
  const matches = matcher(own);
  await listPullSecrets(client, {
    only: listed,
    signal,
    each(secret, list) {
      const { namespace = '', name } = secret.metadata;
      const owner = ownerOf(secret.metadata, instance);
      // `wait` itself tells of these. A copy whose name is in no configuration is one that nobody updates.
      if (owner === 'login' || (owner === 'copy' && copyNames.has(name))) return;
      if (keyOf({ namespace, name }) === keyOf(config.secret)) return;
      let kept = lists.get(list);
      if (kept === undefined) lists.set(list, (kept = { found: [], left: 0 }));
      for (const { key, username, current } of matches(secret)) {
        if (kept.found.length >= KEPT) kept.left++;
        else
          kept.found.push({
            at: `${namespace}/${name}`,
            key: quoteKey(key),
            user: quote(username),
            current,
            whose: owner === 'instance' ? '; another installation of Pullpass has it' : whoseIs(secret, configuration),
          });
      }
    },
    restart: (list) => lists.delete(list),
  });
  const all = [...lists.values()];
  return { found: all.flatMap(({ found }) => found), left: all.reduce((sum, { left }) => sum + left, 0) };
}

/** Entries with the host and user of an entry of the source. */
function matcher(
  own: readonly Credential[],
): (secret: RawPullSecret) => { key: string; username: string; current: boolean }[] {
  const mine = own.map(({ key, username, password }) => ({ host: registryHost(key), username, password }));
  return (secret) => {
    const parsed = parseSecret({ type: secret.type, data: secret.data });
    if (!parsed.ok) return [];
    return parsed.credentials.flatMap(({ key, username, password, unusable }) => {
      if (unusable !== undefined) return [];
      const same = mine.filter((each) => each.username === username && isSameHost(each.host, registryHost(key)));
      return same.length === 0 ? [] : [{ key, username, current: same.some((each) => each.password === password) }];
    });
  };
}

/** A key of the source can be a pattern: `*.corp`. */
const isSameHost = (mine: string, theirs: string): boolean =>
  mine === theirs || (isGlob(mine) && hostMismatch(mine, theirs) === undefined);

function whoseIs(secret: RawPullSecret, { sources }: Configuration): string {
  const { namespace = '', name } = secret.metadata;
  const source = sources.find((each) => keyOf(each.secret) === keyOf({ namespace, name }));
  if (source !== undefined) return `; it is source "${source.name}"`;
  const maker = makerOf(secret);
  switch (maker) {
    case 'copy':
      return '; it is a copy that a renamed or dropped source left';
    case 'kube-image-keeper':
      return `; kube-image-keeper made it for ${fit(kuikOwnerOf(secret), 120)}, and updates it when a pod is admitted there`;
    case 'Helm':
    case 'OpenShift':
      return `; ${maker} made it`;
    case 'login':
    case 'unknown':
      return '';
  }
}

function report(
  source: string,
  listed: readonly string[] | undefined,
  { found, left }: { found: readonly Found[]; left: number },
): string {
  const where = listed === undefined ? 'the cluster' : `the ${plural(listed.length, 'namespace')} listed`;
  if (found.length === 0) return `scan: no other pull Secret of ${where} has a login of a user of source "${source}"\n`;
  const lines = [...found]
    .sort((a, b) => Number(a.current) - Number(b.current) || compare(a.at, b.at) || compare(a.key, b.key))
    .map(
      ({ at, key, user, current, whose }) =>
        `  ${at}: ${key}, user ${user}: ${current ? 'the login that the source has now' : 'another login, maybe the old one'}${whose}`,
    );
  const shown = [...new Set(lines)].slice(0, SHOWN);
  const rest = new Set(lines).size - shown.length + left;
  const others = found.filter(({ current }) => !current).length;
  return [
    `scan: Pullpass does not manage these Secrets, and no rotation reaches them: ${plural(found.length + left, 'entry', 'entries')} ` +
      `with a user of source "${source}", ${others} of which ${agree(others, 'has', 'have')} another login:`,
    ...shown,
    ...(rest > 0 ? [`  and ${rest} more`] : []),
    '',
  ].join('\n');
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
