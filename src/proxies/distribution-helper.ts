/** Distribution (registry:3) with `proxy.exec`: it asks a Docker credential helper, which prints the mounted Secret. No roll. */
import type { ConfigOf } from '../config/cache-proxies.ts';
import type { CacheProxy } from './adapter.ts';
import { render } from './render.ts';
import { upstreamHost } from '../credentials/upstream.ts';

/** One key, which holds the whole answer of the helper's `get`. Distribution reads `Username` and `Secret` of it. */
export const distributionHelper = (config: ConfigOf<'distribution-helper'>): CacheProxy =>
  render(
    { name: config.name, secret: config.secret },
    {
      [config.key]: ({ registry, username, password }) =>
        JSON.stringify({ ServerURL: upstreamHost(registry), Username: username, Secret: password }),
    },
  );
