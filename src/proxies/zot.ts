/** zot: `extensions.sync.credentialsFile`, read once when it starts. A host that is not in it is pulled from anonymously. */
import type { ConfigOf } from '../config/cache-proxies.ts';
import type { CacheProxy } from './adapter.ts';
import { render } from './render.ts';
import { upstreamHost } from '../credentials/upstream.ts';

/** zot looks its login up by `host[:port]` of the sync URL exactly as that is written, so Docker Hub is not one fixed name. */
export const zot = (config: ConfigOf<'zot'>): CacheProxy =>
  render(config, {
    [config.key]: ({ registry, username, password }) =>
      JSON.stringify(
        Object.fromEntries(
          (config.hosts?.map(hostOf) ?? [upstreamHost(registry)]).map((host) => [host, { username, password }]),
        ),
      ),
  });

/** People paste the sync URL itself; under such a key zot would find nothing and say nothing. */
function hostOf(hostOrUrl: string): string {
  return hostOrUrl.replace(/^https?:\/\//, '').replace(/\/.*$/s, '');
}
