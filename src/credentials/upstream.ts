/** A login as it is forwarded to cache proxies, and the name of its registry there. */
import { DOCKER_HUB, DOCKER_HUB_ENDPOINT } from './registry-name.ts';

/** The upstream login to forward. */
export interface UpstreamLogin {
  /** Canonical registry, `host[:port]`; Docker Hub is `docker.io`. The adapter translates it if the product needs another name. */
  readonly registry: string;
  readonly username: string;
  readonly password: string;
}

/** `registry`: canonical, as in UpstreamLogin. Docker Hub's API has another host than the one in image names. */
export function upstreamHost(registry: string): string {
  const host = registry.replace(/\/.*$/s, '');
  return host === DOCKER_HUB ? DOCKER_HUB_ENDPOINT : host;
}
