/** zot: `extensions.sync.credentialsFile`, read once when it starts. From a host that is not in it, zot pulls anonymously. */
import type { ConfigOf } from '../config/cache-proxies.ts';
import type { CacheProxy } from './adapter.ts';
import { render } from './render.ts';
import { upstreamHost } from '../credentials/upstream.ts';

/** zot looks up the login by `host[:port]` exactly as written in the sync URL, so Docker Hub has no fixed name here. */
export const zot = (config: ConfigOf<'zot'>): CacheProxy =>
  render(
    config,
    {
      [config.key]: ({ registry, username, password }) =>
        JSON.stringify(
          Object.fromEntries(
            (config.hosts?.map(hostOf) ?? [upstreamHost(registry)]).map((host) => [host, { username, password }]),
          ),
        ),
    },
    { when: 'at start', unseen: 'every process that started before, until it ends' },
  );

/** Users may paste the sync URL itself; under such a key zot would silently find no login. */
function hostOf(hostOrUrl: string): string {
  return hostOrUrl.replace(/^https?:\/\//, '').replace(/\/.*$/s, '');
}
