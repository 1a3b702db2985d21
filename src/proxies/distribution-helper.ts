/** Distribution (registry:3) with `proxy.exec`: it asks a Docker credential helper, which prints the mounted Secret. No restart. */
import type { ConfigOf } from '../config/cache-proxies.ts';
import type { CacheProxy } from './adapter.ts';
import { render } from './render.ts';
import { upstreamHost } from '../credentials/upstream.ts';

/** One key with the whole answer of the helper's `get`. Distribution reads its `Username` and `Secret`. */
export const distributionHelper = (config: ConfigOf<'distribution-helper'>): CacheProxy => ({
  ...render(
    { name: config.name, secret: config.secret },
    {
      [config.key]: ({ registry, username, password }) =>
        JSON.stringify({ ServerURL: upstreamHost(registry), Username: username, Secret: password }),
    },
    {
      when: 'again',
      // `proxy.exec.lifetime` as the page of this kind has it.
      lifetime: 60,
      unseen:
        "the mounted file, until the kubelet's next sync; the running process, for proxy.exec.lifetime; its upstream tokens, until they expire",
    },
  ),
  tellsAbsence: true,
});
