/** What products that pull from `host[:port]` call a registry. */
import { DOCKER_HUB, DOCKER_HUB_ENDPOINT } from '../credentials/registry-name.ts';

/** `registry`: canonical, as in UpstreamLogin. Docker Hub's API is not at the name that images carry. */
export function upstreamHost(registry: string): string {
  const host = registry.replace(/\/.*$/s, '');
  return host === DOCKER_HUB ? DOCKER_HUB_ENDPOINT : host;
}
