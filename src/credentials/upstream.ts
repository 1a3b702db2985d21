/** A login as it is forwarded to cache proxies, and what they call its registry. */
import { DOCKER_HUB, DOCKER_HUB_ENDPOINT } from './registry-name.ts';

/** The upstream login to forward. */
export interface UpstreamLogin {
  /** Canonical registry, `host[:port]`; Docker Hub is `docker.io`. A product that wants another name for it writes that. */
  readonly registry: string;
  readonly username: string;
  readonly password: string;
}

/** `registry`: canonical, as in UpstreamLogin. Docker Hub's API is not at the name that images carry. */
export function upstreamHost(registry: string): string {
  const host = registry.replace(/\/.*$/s, '');
  return host === DOCKER_HUB ? DOCKER_HUB_ENDPOINT : host;
}
