/** Names of registries: the kubelet's normal form of a registry key, and the many names of Docker Hub. */
import { type ByteString, toByteString, toText } from './byte-string.ts';
import { printable } from '../text.ts';
import { parseUrl } from './go-url.ts';

/** Pullpass's canonical name of Docker Hub. */
export const DOCKER_HUB = 'docker.io';
/** Its key in pull Secrets; `docker login` writes the same. */
export const DOCKER_HUB_KEY = 'https://index.docker.io/v1/';
/** The host of its registry API: the upstream host in Distribution, Nexus, Artifactory and zot. */
export const DOCKER_HUB_ENDPOINT = 'registry-1.docker.io';

// In the order in which a kubelet uses them for an image on Docker Hub; it never uses the last one.
const DOCKER_HUB_HOSTS = [DOCKER_HUB, 'index.docker.io', DOCKER_HUB_ENDPOINT];

/**
 * The kubelet's normal form: no scheme, no query, no user, no leading `/v1` or `/v2` in front of another "/".
 * Undefined: not a URL, so the kubelet ignores such an entry.
 */
export function normaliseKey(key: string): ByteString | undefined {
  const bytes = toByteString(key);
  const url = parseUrl(/^https?:\/\//.test(bytes) ? bytes : `https://${bytes}`);
  if (url === undefined) return undefined;
  const path = /^\/v[12]\//.test(url.path) ? url.path.slice(3) : url.path;
  return path === '/' ? url.host : url.host + path;
}

/** Whether `name` means all of Docker Hub: any of its hosts, with or without scheme, `/v1`, `/v2` and port 443. */
export function isDockerHub(name: string): boolean {
  return dockerHubRank(name) >= 0;
}

/** `docker.io` for every name of Docker Hub, else host with port and path. Undefined: not a registry name. */
export function canonicalRegistry(name: string): string | undefined {
  if (isDockerHub(name)) return DOCKER_HUB;
  const key = normaliseKey(name);
  return key === undefined || key === '' || key.startsWith('/') ? undefined : toText(key);
}

/** The host at which the login of a key is tried: with port; Docker Hub is `docker.io`. A scheme in the key is ignored. */
export function registryHost(key: string): string {
  return (canonicalRegistry(key.replace(/^http:\/\//, 'https://')) ?? key).split('/')[0] ?? key;
}

/**
 * The entry for `name`: with exactly this key, else with the same normal form, else, if both are names of
 * Docker Hub, the one that a kubelet would try first.
 */
export function findEntry<T extends { key: string }>(entries: readonly T[], name: string): T | undefined {
  const exact = entries.find((entry) => entry.key === name);
  if (exact !== undefined) return exact;
  const normal = normaliseKey(name);
  const same = normal === undefined ? undefined : entries.find((entry) => normaliseKey(entry.key) === normal);
  if (same !== undefined || !isDockerHub(name)) return same;
  return entries
    .filter((entry) => isDockerHub(entry.key))
    .sort((a, b) => dockerHubRank(a.key) - dockerHubRank(b.key))[0];
}

function dockerHubRank(name: string): number {
  const key = normaliseKey(name)
    ?.replace(/\/v[12]$/, '')
    .replace(/:443$/, '');
  return DOCKER_HUB_HOSTS.findIndex((host) => host === key);
}

/** A name that people take for Docker Hub's. */
export interface Misnamed {
  /** The key that kubelets use: `https://index.docker.io/v1/`, or `docker.io/corp` for a key with a path. */
  readonly right: string;
  /** No registry has this name, or no image can match the key. Otherwise it is used for images that name this very host. */
  readonly dead: boolean;
}

/** More names of no registry; with a port, each could be a host of one's own. */
const NO_REGISTRY = /^(?:docker|docker-?hub|docker\.hub|(?:www\.|hub\.)?docker-?hub\.(?:com|io))$/;
/** Docker Hub answers under these names too; images that name them are looked up under them. */
const HUB_ANSWERS = [DOCKER_HUB_ENDPOINT, 'registry.hub.docker.com'];

/**
 * Whether a registry key, or the host of an image, is meant for Docker Hub and not used for it by kubelets (seen in the kubelet's
 * own code: docker.io and index.docker.io without a port, docker.io with a path, and globs that match docker.io).
 */
export function misnamedDockerHub(key: string): Misnamed | undefined {
  const normal = normaliseKey(key);
  if (normal === undefined) return undefined;
  const slash = normal.indexOf('/');
  const [host, path] = slash < 0 ? [normal, ''] : [normal.slice(0, slash), normal.slice(slash)];
  const name = host.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '');
  const isHub = name === DOCKER_HUB || name === 'index.docker.io';
  if (!isHub && !/(?:^|\.)docker\.(?:com|io)$/.test(name) && !NO_REGISTRY.test(host.toLowerCase())) return undefined;
  const isWhole = /^\/*(?:v[12]\/*)?$/.test(path);
  // Kubelets compare with docker.io, as it is written; index.docker.io is an exception that takes no path.
  if (host === DOCKER_HUB && (!isWhole || path === '')) return undefined;
  if (normal === 'index.docker.io') return undefined;
  return {
    right: isWhole ? DOCKER_HUB_KEY : rightPath(path),
    dead: !HUB_ANSWERS.includes(name) && !name.includes('*'),
  };
}

/** `/r/corp/app` is a page of the web site hub.docker.com. */
function rightPath(path: ByteString): string {
  const [, repository = ''] = /^\/+(?:v[12]\/)?(?:[ru]\/)?([a-z0-9][a-z0-9._/-]{0,254}?)\/*$/.exec(path) ?? [];
  return repository === '' ? DOCKER_HUB_KEY : `${DOCKER_HUB}/${repository}`;
}

/** Continues the text `registry "x": `. Undefined: the key is not misnamed. */
export function whyMisnamed(key: string): string | undefined {
  const misnamed = misnamedDockerHub(key);
  if (misnamed === undefined) return undefined;
  return misnamed.dead
    ? `kubelets never use this key for Docker Hub; write ${misnamed.right}`
    : `kubelets use this key only for images that name its host, not for others on Docker Hub; for these write ${misnamed.right}`;
}

/** Whether a product's upstream URL is at `registry`: a login must not be sent to another host to which an object was changed. */
export function leadsTo(url: string, registry: string): boolean {
  const target = URL.parse(url);
  if (target === null) return false;
  // hub.docker.com: the URL of Harbor's own Docker Hub adapter.
  if (registry === DOCKER_HUB) return isDockerHub(target.host) || target.host === 'hub.docker.com';
  return URL.parse(`${target.protocol}//${registry}`)?.host === target.host;
}

/** The key without its secret parts: a login in front of the host, a query, a fragment. */
export function redactKey(key: string): string {
  const [, scheme = '', rest = ''] = /^([a-zA-Z]*:\/\/)?([^]*)$/.exec(key) ?? [];
  return scheme + rest.replace(/^[^]*@/, '***@').replace(/[?#][^]*$/, '');
}

/** The key for a message: redacted, in quotes, one line, of bounded length. */
export function quoteKey(key: string): string {
  const text = printable(redactKey(key));
  return `"${text.length > 200 ? `${text.slice(0, 200)}…` : text}"`;
}
