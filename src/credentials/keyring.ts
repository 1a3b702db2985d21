/** The kubelet's keyring: which credentials it tries for an image, in which order. Semantics of Kubernetes 1.36. */
import { type ByteString, toByteString } from './byte-string.ts';
import type { Credential } from './docker-config.ts';
import { goGlobMatches } from './go-glob.ts';
import { type HostAndPath, parseUrl, splitHostPort } from './go-url.ts';
import { normaliseKey } from './registry-name.ts';

/** The credentials of one pull Secret. */
export interface KeyringSource {
  /** The Secret's name in output. */
  secret?: string;
  credentials: readonly Credential[];
}
export interface KeyringEntry {
  credential: Credential;
  secret?: string;
  /** The kubelet's normal form of the key. Undefined: not a URL, so the kubelet ignores the entry. */
  normal: ByteString | undefined;
  /** The normal form, parsed again: this is what the kubelet compares. */
  url: HostAndPath | undefined;
}
export interface Keyring {
  /** In the order in which the kubelet tries them. */
  entries: readonly KeyringEntry[];
}
export interface Match extends KeyringEntry {
  /** `default-registry`: Docker Hub's own entry, used because nothing else matched. */
  reason: 'host' | 'glob' | 'path' | 'glob-path' | 'default-registry';
}
/** Why a key does not match an image: port, number of host labels, a label, or path. */
type Mismatch = 'port' | 'labels' | 'host' | 'path';

const DEFAULT_REGISTRY = 'index.docker.io';

/** `sources`: in the order of `imagePullSecrets`. */
export function makeKeyring(sources: readonly KeyringSource[]): Keyring {
  const entries = sources.flatMap(({ secret, credentials }) =>
    credentials.map((credential): KeyringEntry => {
      const normal = normaliseKey(credential.key);
      const url = normal === undefined ? undefined : parseUrl(`https://${normal}`);
      return { credential, normal, url, ...(secret === undefined ? {} : { secret }) };
    }),
  );
  // In descending byte order, so that a longer path comes first. The sort is stable: entries with one key keep their order.
  // Within one Secret the kubelet's order is random (a Go map); document order is one of the possible orders.
  return { entries: entries.sort((a, b) => compare(b.normal ?? '', a.normal ?? '')) };
}

/** `name`: registry and repository of the image, without tag and digest (`ImageReference.name`). Empty: an anonymous pull. */
export function lookup(keyring: Keyring, name: string): Match[] {
  const image = parseUrl(`https://${toByteString(name)}`);
  const matches = keyring.entries.flatMap((entry): Match[] =>
    image === undefined || entry.url === undefined || mismatch(entry.url, image) !== undefined
      ? []
      : [{ ...entry, reason: reasonOf(entry.url) }],
  );
  if (matches.length > 0 || !isDefaultRegistry(name)) return matches;
  return keyring.entries
    .filter(({ normal }) => normal === DEFAULT_REGISTRY)
    .map((entry) => ({ ...entry, reason: 'default-registry' }));
}

/** Undefined: the key matches. No globs in port and path; the path is a plain prefix: `/pong` matches `/pongs`. */
export function mismatch(key: HostAndPath, image: HostAndPath): Mismatch | undefined {
  const pattern = splitHostPort(key.host);
  const target = splitHostPort(image.host);
  if (pattern.port !== target.port) return 'port';
  const host = hostMismatch(pattern.host, target.host);
  return host === undefined && !image.path.startsWith(key.path) ? 'path' : host;
}

/** Label by label; hosts without port. */
export function hostMismatch(pattern: ByteString, host: ByteString): 'labels' | 'host' | undefined {
  const patterns = pattern.split('.');
  const labels = host.split('.');
  if (patterns.length !== labels.length) return 'labels';
  return patterns.every((label, i) => goGlobMatches(label, labels[i] ?? '')) ? undefined : 'host';
}

/** Whether the kubelet takes an image of this name for one on Docker Hub. */
export function isDefaultRegistry(name: string): boolean {
  const [first = '', ...rest] = name.split('/');
  if (first === '') return false;
  return rest.length === 0 || first === 'docker.io' || first === DEFAULT_REGISTRY || !/[.:]/.test(first);
}

/** Whether it has a special character of globs. */
export function isGlob(host: ByteString): boolean {
  return /[*?[\\]/.test(host);
}

function reasonOf(key: HostAndPath): Match['reason'] {
  const glob = isGlob(splitHostPort(key.host).host);
  if (key.path === '') return glob ? 'glob' : 'host';
  return glob ? 'glob-path' : 'path';
}

function compare(a: ByteString, b: ByteString): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
