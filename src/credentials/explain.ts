/** Explains in words what `lookup` decides: why a kubelet tries a credential for an image, or does not. */
import { type ByteString, toByteString, toText } from './byte-string.ts';
import { type HostAndPath, parseUrl, splitHostPort } from './go-url.ts';
import {
  type Keyring,
  type KeyringEntry,
  type Match,
  hostMismatch,
  isDefaultRegistry,
  isGlob,
  lookup,
  mismatch,
} from './keyring.ts';
import { DOCKER_HUB, DOCKER_HUB_KEY, misnamedDockerHub } from './registry-name.ts';
import { plural, printable } from '../text.ts';

export interface Miss extends KeyringEntry {
  /** One line for a person. */
  why: string;
  /** true: the key was probably meant for this image. false: it is for another registry. */
  near: boolean;
}

/** One line for a person. */
export function describeMatch(match: Match): string {
  const { host, path } = text(match.url);
  switch (match.reason) {
    case 'host':
      return 'same host';
    case 'glob':
      return `${host} covers the host`;
    case 'path':
      return `same host, and the repository starts with ${path}`;
    case 'glob-path':
      return `${host} covers the host, and the repository starts with ${path}`;
    case 'default-registry':
      return "Docker Hub's own entry: used because no other key matches";
  }
}

/** All entries that the kubelet does not try for the image, in the keyring's order. `name`: as for `lookup`. */
export function explain(keyring: Keyring, name: string): Miss[] {
  const image = parseUrl(`https://${toByteString(name)}`);
  const tried = new Set(lookup(keyring, name).map(({ credential }) => credential));
  return keyring.entries
    .filter(({ credential }) => !tried.has(credential))
    .map((entry) => ({ ...entry, ...reason(entry, name, image) }));
}

function reason(entry: KeyringEntry, name: string, image: HostAndPath | undefined): { why: string; near: boolean } {
  const near = (why: string) => ({ why, near: true });
  const far = (why: string) => ({ why, near: false });
  if (image === undefined) return far("kubelets cannot read the image's host, and match nothing to it");
  const { normal, url: key, credential } = entry;
  if (normal === undefined || key === undefined) return near('not a URL, so that kubelets leave it out');
  if (isDefaultRegistry(name)) {
    if (normal === 'index.docker.io') return near('only used when no other key matches');
    const misnamed = misnamedDockerHub(credential.key);
    if (misnamed !== undefined)
      return near(
        `kubelets do not use this name for images on Docker Hub; write ${misnamed.right}` +
          (misnamed.right === DOCKER_HUB_KEY ? ` or ${DOCKER_HUB}` : ''),
      );
  }
  const [wanted, given] = [text(key), text(image)];
  const [pattern, host] = [splitHostPort(key.host).host, splitHostPort(image.host).host];
  switch (mismatch(key, image)) {
    case 'path':
      return near(`the repository does not start with ${wanted.path}`);
    case 'port':
      if (hostMismatch(pattern, host) === undefined)
        return near(`the port differs: the key has ${port(wanted)}, the image ${port(given)}`);
      break;
    case 'labels':
      if (isRelated(pattern, host))
        return near(
          `${wanted.host} has ${count(pattern)}, the image's host has ${count(host)}${isGlob(pattern) ? '; a * stays within one label' : ''}`,
        );
      break;
    case 'host':
      if (pattern.toLowerCase() === host.toLowerCase()) return near('the host differs in upper and lower case');
      break;
    case undefined: // not reached: a match is no miss
  }
  return far('another registry');
}

/** Whether one is below the other: `*.example.com` and `example.com` or `a.b.example.com`; `example.com` and `a.example.com`. */
function isRelated(pattern: ByteString, host: ByteString): boolean {
  const fixed = pattern
    .split('.')
    .filter((label) => !isGlob(label))
    .join('.');
  return fixed !== '' && (host === fixed || host.endsWith(`.${fixed}`) || fixed.endsWith(`.${host}`));
}

const count = (host: string): string => plural(host.split('.').length, 'label');

function port(url: { port: string }): string {
  return url.port === '' ? 'none' : url.port;
}

function text(url: HostAndPath | undefined): { host: string; port: string; path: string } {
  const { host, port: number } = splitHostPort(url?.host ?? '');
  return { host: printable(toText(host)), port: number, path: printable(toText(url?.path ?? '')) };
}
