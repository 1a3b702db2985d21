/** Which login of a copy a product finds: by the image that it asks for, as a kubelet does, or by the registry's key. Pure. */
import { toByteString } from '../credentials/byte-string.ts';
import { parseSecret } from '../credentials/docker-config.ts';
import type { Credential, SecretContent } from '../credentials/docker-config.ts';
import { lookup, makeKeyring, mismatch } from '../credentials/keyring.ts';
import {
  canonicalRegistry,
  DOCKER_HUB,
  DOCKER_HUB_ENDPOINT,
  findEntry,
  isDockerHub,
  quoteKey,
} from '../credentials/registry-name.ts';

export interface LoginLookup {
  find(credentials: readonly Credential[]): Credential | undefined;
  /** Completes "copy X ..." when a copy has the login of `registry`, but the product finds none, or another one. */
  miss(none: boolean, registry: string, source: string): string;
}

/** The login that the product finds in a pull Secret; undefined: none that can be used. */
export function loginIn(secret: SecretContent, { find }: LoginLookup): Credential | undefined {
  const parsed = parseSecret(secret);
  return parsed.ok ? find(parsed.credentials.filter(({ unusable }) => unusable === undefined)) : undefined;
}

/** For a product of which nobody knows how it looks a login up: as the login of a cache proxy is chosen. */
export function byRegistry(registry: string): LoginLookup {
  const image = `${canonicalRegistry(registry) ?? registry}/any`;
  return {
    find: (credentials) => findEntry(credentials, registry) ?? first(credentials, image),
    miss: (none, name) => `holds ${none ? 'no login' : 'another login'} for ${quoteKey(name)}`,
  };
}

/**
 * For a product that asks as a kubelet does, by the image's name. `host`: of the images, as the product's object writes it; absent:
 * that of the registry. `product`: who asks, for people.
 */
export function byImage({
  registry,
  host,
  product,
}: {
  registry: string;
  host?: string | undefined;
  product: string;
}): LoginLookup {
  const own = canonicalRegistry(registry) ?? registry;
  const asked = host === undefined ? (own.split('/')[0] ?? own) : imageHost(host);
  // The registry's key can have a path. An alias of another host has a path of its own, or none.
  const image = own.startsWith(`${asked}/`) ? `${own}/any` : `${asked}/any`;
  return {
    find: (credentials) => first(credentials, image) ?? below(credentials, asked),
    miss(none, name, source) {
      const alias = `alias { host: ${quoteKey(asked)}, from: ${quoteKey(name)} }`;
      return none
        ? `holds no login that ${product} finds for images of ${asked}: it would pull them anonymously. ` +
            `Add the ${alias} to source "${source}"`
        : `holds another login for ${asked}, for which ${product} asks, than for ${name}: ` +
            `set registry to ${quoteKey(asked)}, or change that entry of source "${source}" to the ${alias}`;
    },
  };
}

/** As it stands in names of images. The host of Docker Hub's API is an ordinary registry there: its images are other ones. */
export const imageHost = (host: string): string =>
  isDockerHub(host) && !host.includes(DOCKER_HUB_ENDPOINT) ? DOCKER_HUB : host;

function first(credentials: readonly Credential[], image: string): Credential | undefined {
  return lookup(makeKeyring([{ credentials }]), image)[0]?.credential;
}

/** The first login for some path of the host. */
function below(credentials: readonly Credential[], host: string): Credential | undefined {
  return makeKeyring([{ credentials }]).entries.find(
    ({ url }) => url !== undefined && mismatch(url, { host: toByteString(host), path: url.path }) === undefined,
  )?.credential;
}
