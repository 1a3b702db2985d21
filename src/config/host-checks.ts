/** Whether a product will find the login under the host that it asks. */
import { lookup, makeKeyring } from '../credentials/keyring.ts';
import { canonicalRegistry, DOCKER_HUB_ENDPOINT, isDockerHub, registryHost } from '../credentials/registry-name.ts';
import { field, items, type CrossProblem } from './document.ts';
import { registryHostName } from './registry-names.ts';

/**
 * kube-image-keeper looks a login up by the host of the image: without an entry for it in the copy, it pulls anonymously. Which
 * entries the source has is not known here, so the login must come by an alias.
 */
export function checkHost(proxy: unknown, sources: readonly unknown[]): CrossProblem[] {
  const [host, registry, source] = [field(proxy, 'host'), field(proxy, 'registry'), field(proxy, 'source')];
  if (field(proxy, 'kind') !== 'kube-image-keeper' || typeof host !== 'string' || typeof registry !== 'string')
    return [];
  // What is no host is reported as that.
  if (!registryHostName.safeParse(host).success || isSameHost(host, registry) || covers(registry, host)) return [];
  const named = sources.find((each) => field(each, 'name') === source);
  if (named === undefined) return [];
  const wanted = `{ host: ${JSON.stringify(host)}, from: ${JSON.stringify(registry)} }`;
  const covering = items(field(named, 'aliases')).filter((alias) => {
    const key = field(alias, 'host');
    return typeof key === 'string' && covers(key, host);
  });
  const good = covering.some((alias) => {
    const from = field(alias, 'from');
    return typeof from === 'string' && canonicalRegistry(from) === canonicalRegistry(registry);
  });
  if (good) return [];
  return [
    {
      path: ['host'],
      message:
        covering.length === 0
          ? `is another host than that of "${registry}", and source "${String(source)}" has no alias for it, ` +
            `so kube-image-keeper would pull anonymously: add ${wanted} to its aliases`
          : `has an alias with another login than that of "${registry}": make it ${wanted}, or correct "registry"`,
    },
  ];
}

/** The host of Docker Hub's API is another registry in names of images. */
function isSameHost(host: string, registry: string): boolean {
  const [one, other] = [host, registry].map((name) => registryHost(name));
  return one === other && !(isDockerHub(host) && host.includes(DOCKER_HUB_ENDPOINT));
}

/** Whether an entry with this key is for images of the host, or for some of them. */
function covers(key: string, host: string): boolean {
  const entry = { key, username: '', password: '' };
  const [, path = ''] = /^[^/]*(\/.*)?$/.exec(canonicalRegistry(key) ?? '') ?? [];
  return lookup(makeKeyring([{ credentials: [entry] }]), `${host}${path}/any`).length > 0;
}
