/** Whether one registry key matches every image that another one matches. */
import type { ByteString } from './byte-string.ts';
import { type HostAndPath, parseUrl, splitHostPort } from './go-url.ts';
import { hostMismatch, isGlob } from './keyring.ts';
import { normaliseKey } from './registry-name.ts';

/** The two names under which a kubelet finds a login for any image on Docker Hub. */
const ALL_OF_DOCKER_HUB = ['docker.io', 'index.docker.io'];

/** A key, parsed once for many comparisons. */
interface Reach {
  readonly normal: ByteString;
  readonly url: HostAndPath;
}

/** Undefined: no URL, it reaches nothing. */
export function reachOf(key: string): Reach | undefined {
  const normal = normaliseKey(key);
  const url = normal === undefined ? undefined : parseUrl(`https://${normal}`);
  return normal === undefined || url === undefined ? undefined : { normal, url };
}

/** False if in doubt: a glob is not compared with another glob. */
export function covers(wide: Reach | undefined, narrow: Reach | undefined): boolean {
  if (wide === undefined || narrow === undefined) return false;
  if (wide.normal === narrow.normal || [wide.normal, narrow.normal].every((name) => ALL_OF_DOCKER_HUB.includes(name)))
    return true;
  if (!narrow.url.path.startsWith(wide.url.path)) return false;
  const [pattern, target] = [splitHostPort(wide.url.host), splitHostPort(narrow.url.host)];
  if (pattern.port !== target.port) return false;
  return (
    pattern.host === target.host || (!isGlob(target.host) && hostMismatch(pattern.host, target.host) === undefined)
  );
}
