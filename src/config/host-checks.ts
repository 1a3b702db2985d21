/** Whether a product will find the login under the host that it asks. */
import { fit, quote } from '../text.ts';
import { lookup, makeKeyring } from '../credentials/keyring.ts';
import { canonicalRegistry, DOCKER_HUB_ENDPOINT, isDockerHub, registryHost } from '../credentials/registry-name.ts';
import { field, items, type CrossProblem } from './document.ts';
import { MAX_REGISTRY } from './limits.ts';
import { registryHostName } from './registry-names.ts';

/** A key of the source or an alias. */
interface Key {
  /** Whether an entry with this key is for images of the host, or for some of them. */
  readonly covers: (host: string) => boolean;
  /** The alias has the login of this key of the source. */
  readonly from?: unknown;
}

/**
 * kube-image-keeper looks a login up by the host of the image: without an entry for it in the copy, it pulls anonymously. Which
 * entries the source has is not known here, so the login must come by an alias.
 */
export function hostCheck(): (proxy: unknown, source: unknown) => CrossProblem[] {
  const aliases = new Map<unknown, readonly Key[]>();
  return (proxy, source) => {
    const [host, registry] = [field(proxy, 'host'), field(proxy, 'registry')];
    if (field(proxy, 'kind') !== 'kube-image-keeper' || typeof host !== 'string' || typeof registry !== 'string')
      return [];
    // What is no host is reported as that.
    if (!registryHostName.safeParse(host).success || isSameHost(host, registry) || keyOf(registry).covers(host))
      return [];
    if (source === undefined) return [];
    const known = aliases.get(source) ?? aliasesOf(source);
    aliases.set(source, known);
    const covering = known.filter(({ covers }) => covers(host));
    if (
      covering.some(({ from }) => typeof from === 'string' && canonicalRegistry(from) === canonicalRegistry(registry))
    )
      return [];
    const wanted = `{ host: ${JSON.stringify(host)}, from: ${JSON.stringify(fit(registry))} }`;
    return [
      {
        path: ['host'],
        message:
          covering.length === 0
            ? `is another host than that of ${quote(registry)}, and source ${quote(String(field(source, 'name')))} has no alias ` +
              `for it, so kube-image-keeper would pull anonymously: add ${wanted} to its aliases`
            : `has an alias with another login than that of ${quote(registry)}: make it ${wanted}, or correct "registry"`,
      },
    ];
  };
}

/** Each is parsed once, and not again for each cache proxy. */
function aliasesOf(source: unknown): Key[] {
  return items(field(source, 'aliases')).flatMap((alias) => {
    const key = field(alias, 'host');
    return typeof key === 'string' && key.length <= MAX_REGISTRY ? [keyOf(key, field(alias, 'from'))] : [];
  });
}

/** The host of Docker Hub's API is another registry in names of images. */
function isSameHost(host: string, registry: string): boolean {
  const [one, other] = [host, registry].map((name) => registryHost(name));
  return one === other && !(isDockerHub(host) && host.includes(DOCKER_HUB_ENDPOINT));
}

function keyOf(key: string, from?: unknown): Key {
  const keyring = makeKeyring([{ credentials: [{ key, username: '', password: '' }] }]);
  const [, path = ''] = /^[^/]*(\/.*)?$/.exec(canonicalRegistry(key) ?? '') ?? [];
  return { from, covers: (host) => lookup(keyring, `${host}${path}/any`).length > 0 };
}
