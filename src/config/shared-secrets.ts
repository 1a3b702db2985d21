/**
 * Cache proxies that name one Secret: one zot reads one file with the logins of all its upstreams, and helpers of Distribution may
 * find theirs side by side. Each keeps its part, so no part may be of two.
 */
import { canonicalRegistry, quoteKey } from '../credentials/registry-name.ts';
import { upstreamHost } from '../credentials/upstream.ts';
import { fit, quote } from '../text.ts';
import { field, items, type CrossProblem } from './document.ts';

type Placed = { readonly secret?: { readonly namespace: string; readonly name: string } };

/** Those that are written into the Secret of `proxy`, in the order of the configuration: it carries the name of the first. */
export function sharersOf<P extends object>(proxies: readonly P[], proxy: P & Placed): (P & Placed)[] {
  const { secret } = proxy;
  return proxies.filter((other: P & Placed) => secret !== undefined && isSame(other.secret, secret));
}

const isSame = (a: Placed['secret'], b: Placed['secret']): boolean =>
  a?.namespace === b?.namespace && a?.name === b?.name;

/** zot looks a login up by `host[:port]`, exactly as it is written in the sync URL; Docker Hub has no fixed name there. */
export function syncHosts({
  registry,
  hosts,
}: {
  readonly registry: string;
  readonly hosts?: readonly string[] | undefined;
}) {
  return hosts?.map(hostOf) ?? [upstreamHost(canonicalRegistry(registry) ?? registry)];
}

/** Users may paste the sync URL itself; under such a key zot would silently find no login. */
function hostOf(hostOrUrl: string): string {
  return hostOrUrl.replace(/^https?:\/\//, '').replace(/\/.*$/s, '');
}

/** Works on documents with other errors too, like `cross-checks.ts`. */
export function sharedSecrets(proxies: readonly unknown[]): CrossProblem[] {
  const first = new Map<string, unknown>();
  /** A part of a Secret, and whose it is. */
  const parts = new Map<string, unknown>();
  return proxies.flatMap((proxy, i): CrossProblem[] => {
    const secret = secretOf(proxy);
    if (secret === undefined) return [];
    const at = (key: string, message: string): CrossProblem => ({ path: ['cacheProxies', i, key], message });
    const leader = first.get(secret);
    if (leader === undefined) first.set(secret, proxy);
    const kind = field(proxy, 'kind');
    if (leader !== undefined && (kind !== field(leader, 'kind') || (kind !== 'zot' && kind !== 'distribution-helper')))
      return [at('secret', `is used twice: ${quote(secret)}; two cache proxies cannot share one Secret`)];
    const taken = partsOf(proxy).flatMap(({ part, key }) => {
      const id = `${secret} ${part}`;
      const owner = parts.get(id);
      if (owner === undefined) parts.set(id, proxy);
      return owner === undefined
        ? []
        : [
            at(
              key,
              `is used twice: ${quoteKey(part)}, here and by cache proxy ${called(owner)} in the same Secret; ${ADVICE[key]}`,
            ),
          ];
    });
    if (leader === undefined || kind !== 'zot') return taken;
    const differs = (['key', 'workload'] as const).filter((each) => valueOf(proxy, each) !== valueOf(leader, each));
    return [
      ...taken,
      ...differs.map((each) =>
        at(each, `must be that of cache proxy ${called(leader)}, for one zot reads this Secret`),
      ),
    ];
  });
}

const ADVICE = {
  key: 'give each its own key',
  hosts: 'one file has one login for a host',
  registry: 'one file has one login for a host',
};

/** The parts of its Secret that are its own, and where it names them. */
function partsOf(proxy: unknown): { readonly part: string; readonly key: keyof typeof ADVICE }[] {
  const kind = field(proxy, 'kind');
  if (kind === 'distribution-helper') return [{ part: valueOf(proxy, 'key') ?? '', key: 'key' }];
  const registry = textIn(proxy, 'registry');
  if (kind !== 'zot' || registry === undefined) return [];
  const hosts = field(proxy, 'hosts');
  const listed = hosts === undefined ? undefined : items(hosts).filter((host) => typeof host === 'string');
  const key = listed === undefined ? 'registry' : 'hosts';
  // Where one entry lists a host twice, it is the same login.
  return [...new Set(syncHosts({ registry, hosts: listed }))].map((part) => ({ part, key }));
}

/** As text, with the defaults of the schema. */
function valueOf(proxy: unknown, key: 'key' | 'workload'): string | undefined {
  if (key === 'key') return textIn(proxy, 'key') ?? 'credentials.json';
  const workload = field(proxy, 'workload');
  return workload === undefined
    ? undefined
    : [textIn(workload, 'kind') ?? 'Deployment', textIn(workload, 'namespace'), textIn(workload, 'name')].join('/');
}

function textIn(parent: unknown, key: string): string | undefined {
  const value = field(parent, key);
  return typeof value === 'string' ? value : undefined;
}

function secretOf(proxy: unknown): string | undefined {
  const secret = field(proxy, 'secret');
  const [namespace, name] = [textIn(secret, 'namespace'), textIn(secret, 'name')];
  return namespace === undefined || name === undefined ? undefined : `${namespace}/${name}`;
}

const called = (proxy: unknown): string => quote(fit(textIn(proxy, 'name') ?? '?', 63));
