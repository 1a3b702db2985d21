/** Distribution (registry:3) with `proxy.exec`: it asks a Docker credential helper, which prints the mounted Secret. No restart. */
import type { ConfigOf } from '../config/cache-proxies.ts';
import type { CacheProxy } from './adapter.ts';
import { render } from './render.ts';
import type { Sharing } from './render.ts';
import { upstreamHost } from '../credentials/upstream.ts';

type HelperConfig = ConfigOf<'distribution-helper'>;

/**
 * One key with the whole answer of the helper's `get`. Distribution reads its `Username` and `Secret`. `sharers`: all with the same
 * Secret, itself among them; each has its own key.
 */
export const distributionHelper = (config: HelperConfig, sharers: readonly HelperConfig[] = [config]): CacheProxy => ({
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
    sharers.length > 1 ? sharing(config, sharers) : undefined,
  ),
  tellsAbsence: true,
});

function sharing({ name, key }: HelperConfig, sharers: readonly HelperConfig[]): Sharing {
  const all = new Set(sharers.map((each) => each.key));
  return {
    owner: sharers[0]?.name ?? name,
    part: ({ [key]: file }) => (file === undefined ? {} : { [key]: file }),
    merge: (held, own) => ({ ...Object.fromEntries(Object.entries(held).filter(([each]) => all.has(each))), ...own }),
  };
}
