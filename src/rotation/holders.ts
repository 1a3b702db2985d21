/**
 * What else holds the login of a cache proxy: counts what the product itself made of it, with the rights of whoever asks. The
 * controller has no such right, so a command of a person asks.
 */
import type { Configuration } from '../config/schema.ts';
import type { Mac } from '../credentials/digest.ts';
import type { UpstreamLogin } from '../credentials/upstream.ts';
import { isForbidden, isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { type ApiObject, listPages } from '../kube/list.ts';
import { paths } from '../kube/paths.ts';
import { createProxies } from '../proxies/kinds.ts';
import type { ConfiguredProxy } from '../proxies/kinds.ts';
import { agree, some } from '../text.ts';

/** Secrets that a product made of a login. */
export interface DerivedCount {
  /** Plural, for people. */
  readonly what: string;
  /** How many hold a login for the registry. */
  readonly total: number;
  /** How many of them hold another login than the source has now. */
  readonly stale: number;
  /** Namespaces of the stale ones: the first ones, sorted. */
  readonly namespaces: readonly string[];
  /** How many namespaces have stale ones. */
  readonly inNamespaces: number;
  /** The label selector that lists them; absent: it is not known. */
  readonly selector?: string;
  /** Why not all of them were counted, in one line: then the counts prove nothing. */
  readonly unseen?: string | undefined;
}

export interface HoldersSeen {
  /** What nobody can count; completes "Also held by ...". */
  readonly unseen: string;
  /** Absent: the product makes no Secrets of the login. */
  readonly derived?: DerivedCount;
}

interface HoldersOptions {
  /** With the rights of whoever asks. */
  readonly client: KubeClient;
  /** The login that the cache proxy is to have. */
  readonly login: Pick<UpstreamLogin, 'username' | 'password'>;
  readonly mac: Mac;
  /** Only these namespaces; absent: all. */
  readonly only?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

const MOST_SECRETS = 10_000;
const MOST_NAMESPACES = 50;

/** The cache proxies whose product makes Secrets of its login; `what` they are. */
export function loginHolders(configuration: Configuration): (ConfiguredProxy & { readonly what: string })[] {
  return createProxies(configuration).flatMap((proxy) => {
    const { derived } = proxy.adapter.holders;
    return derived === undefined ? [] : [{ ...proxy, what: derived.what }];
  });
}

/** Writes nothing. What may not be read is said in `unseen`. Throws ApiError for any error but 403 and 404, and UnreachableError. */
export async function observeHolders(
  { adapter: { holders } }: Pick<ConfiguredProxy, 'adapter'>,
  { client, login, mac, only, signal }: HoldersOptions,
): Promise<HoldersSeen> {
  const { unseen, derived } = holders;
  if (derived === undefined) return { unseen };
  const { what } = derived;
  const none = { what, total: 0, stale: 0, namespaces: [], inNamespaces: 0 };
  const blind = (why: string): HoldersSeen => ({ unseen, derived: { ...none, unseen: why } });

  const origin = await readOrigin(client, derived.origin, signal);
  if (typeof origin === 'string') return blind(origin);
  const selector = derived.selector(origin);
  if (selector === undefined) return blind(`${derived.origin} has no UID, by which they are found`);

  const idOf = ({ username, password }: HoldersOptions['login']): string => mac(JSON.stringify([username, password]));
  const current = idOf(login);
  let seen = 0;
  let total = 0;
  let stale = new Map<string, number>();
  const look = async (namespace: string | undefined): Promise<void> => {
    const before = { seen, total, stale: new Map(stale) };
    await listPages(
      client,
      { path: paths.secrets(namespace), labelSelector: selector },
      {
        ...(signal && { signal }),
        each(secret) {
          if (++seen > MOST_SECRETS) throw new TooManyError();
          const held = derived.login(origin, secret);
          if (held === undefined) return;
          total++;
          const at = secret.metadata.namespace ?? '';
          if (idOf(held) !== current) stale.set(at, (stale.get(at) ?? 0) + 1);
        },
        restart() {
          ({ seen, total } = before);
          stale = new Map(before.stale);
        },
      },
    );
  };

  let why: string | undefined;
  try {
    for (const namespace of only ?? [undefined]) await look(namespace);
  } catch (error) {
    if (error instanceof TooManyError) why = `there are more than ${MOST_SECRETS} of them`;
    else if (isForbidden(error))
      why = `no right to list Secrets in ${only === undefined ? 'all namespaces' : `namespace ${some(only)}`}`;
    else throw error;
  }
  const namespaces = [...stale.keys()].sort();
  return {
    unseen,
    derived: {
      what,
      total,
      stale: [...stale.values()].reduce((sum, n) => sum + n, 0),
      namespaces: namespaces.slice(0, MOST_NAMESPACES),
      inNamespaces: namespaces.length,
      selector,
      ...(why !== undefined && { unseen: why }),
    },
  };
}

/** One line, without a full stop; undefined: all were counted, and none holds another login. */
export function derivedLine({
  what,
  total,
  stale,
  namespaces,
  inNamespaces,
  unseen,
}: DerivedCount): string | undefined {
  const first = namespaces.slice(0, 5);
  const more = inNamespaces - first.length;
  const where = `${agree(inNamespaces, 'namespace', 'namespaces')} ${first.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  const counted = `${stale} of ${total} ${what} ${agree(stale, 'holds', 'hold')} another login: ${where}`;
  if (unseen === undefined) return stale === 0 ? undefined : counted;
  return stale === 0
    ? `${what} could not be counted: ${unseen}`
    : `at least ${counted}; not all could be counted: ${unseen}`;
}

class TooManyError extends Error {
  override name = 'TooManyError';
}

/** Why it cannot be read, as a text. */
async function readOrigin(
  client: KubeClient,
  path: string,
  signal: AbortSignal | undefined,
): Promise<ApiObject | string> {
  try {
    return await client.get<ApiObject>(path, { signal });
  } catch (error) {
    if (isForbidden(error)) return `no right to read ${path}, by whose UID they are found`;
    if (isNotFound(error)) return `${path}, by whose UID they are found, is not there`;
    throw error;
  }
}
