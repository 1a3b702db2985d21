/** zot: `extensions.sync.credentialsFile`, read once when it starts. From a host that is not in it, zot pulls anonymously. */
import type { ConfigOf } from '../config/cache-proxies.ts';
import { syncHosts } from '../config/shared-secrets.ts';
import type { CacheProxy } from './adapter.ts';
import { isRecord } from './object-edit.ts';
import { render } from './render.ts';
import type { Sharing } from './render.ts';

type ZotConfig = ConfigOf<'zot'>;

/** `sharers`: all with the same Secret, itself among them: the upstreams of one zot. */
export const zot = (config: ZotConfig, sharers: readonly ZotConfig[] = [config]): CacheProxy => ({
  ...render(
    config,
    {
      [config.key]: ({ registry, username, password }) =>
        fileOf(syncHosts({ registry, hosts: config.hosts }).map((host) => [host, { username, password }])),
    },
    { when: 'at start', unseen: 'every process that started before, until it ends' },
    sharers.length > 1 ? sharing(config, sharers) : undefined,
  ),
  listsHeld: true,
});

/** Each has the hosts of its own in the one file. */
function sharing(config: ZotConfig, sharers: readonly ZotConfig[]): Sharing {
  const { key } = config;
  const own = new Set(syncHosts(config));
  const all = new Set(sharers.flatMap(syncHosts));
  const entries = ({ [key]: file = '' }: Readonly<Record<string, string>>, hosts: ReadonlySet<string>) =>
    entriesOf(file).filter(([host]) => hosts.has(host));
  return {
    owner: sharers[0]?.name ?? config.name,
    part(held) {
      const found = entries(held, own);
      return found.length === 0 ? {} : { [key]: fileOf(found) };
    },
    merge: (held, mine) => ({ [key]: fileOf(new Map([...entries(held, all), ...entries(mine, own)])) }),
  };
}

const fileOf = (entries: Iterable<readonly [host: string, login: unknown]>): string =>
  JSON.stringify(Object.fromEntries(entries));

/** A file that somebody damaged has none: each cache proxy then writes its own part anew. */
function entriesOf(file: string): [host: string, login: unknown][] {
  try {
    const value: unknown = JSON.parse(file);
    return isRecord(value) ? Object.entries(value) : [];
  } catch {
    return [];
  }
}
