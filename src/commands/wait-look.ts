/** How `pullpass wait` polls a cluster: it reads only what a rotation changes, and everything now and then. */
import type { Configuration } from '../config/schema.ts';
import type { KubeClient } from '../kube/client.ts';
import { createWorld, feedsOf, readFeeds } from '../observe/world.ts';
import type { World } from '../observe/world.ts';
import { chooseLogin } from '../plan/proxy.ts';
import { createProxies } from '../proxies/kinds.ts';
import { derivedLine, observeHolders } from '../rotation/holders.ts';
import { observeRotations } from '../rotation/progress.ts';
import type { RotationProgress } from '../rotation/progress.ts';
import { peekState, snapshotOf } from '../sources/snapshot.ts';
import type { Snapshot } from '../sources/snapshot.ts';

interface Line {
  /** Name of the cache proxy. */
  readonly proxy: string;
  readonly line: string;
}

/** What products made of their logins. */
export interface Elsewhere {
  /** They still hold another login. */
  readonly behind: readonly Line[];
  /** Whether they do could not be counted. */
  readonly unseen: readonly Line[];
  /** What nobody can count. */
  readonly also: readonly string[];
}

interface Look {
  /** The first look always reads everything. */
  readonly look: (whole: boolean) => Promise<RotationProgress[]>;
  /** After a look. */
  readonly elsewhere: (rotation: Pick<RotationProgress, 'source'>) => Promise<Elsewhere>;
}

/** `namespace`: where the controller keeps its state. */
export function createLook({
  client,
  configuration,
  namespace,
}: {
  client: KubeClient;
  configuration: Configuration;
  namespace: string;
}): Look {
  const users = new Map<string, string>();
  let before: Pick<World, 'namespaces' | 'serviceAccounts'> | undefined;
  let last: Snapshot | undefined;
  return {
    async look(whole) {
      const memory = await peekState(client, namespace);
      const world = { ...createWorld(memory.state.mac, namespace), ...(!whole && before) };
      const feeds = feedsOf(world, configuration);
      const changing = feeds.filter(({ resource }) => resource === 'copies' || resource === 'sources');
      await readFeeds(whole || before === undefined ? feeds : changing, client);
      before = { namespaces: world.namespaces, serviceAccounts: world.serviceAccounts };
      last = await snapshotOf({ client, world, configuration, ...memory });
      return observeRotations({ client, configuration, snapshot: last, users });
    },
    async elsewhere({ source }) {
      const [behind, unseen, also]: [Line[], Line[], string[]] = [[], [], []];
      for (const proxy of createProxies(configuration).filter(({ config }) => config.source === source)) {
        const { name, registry } = proxy.config;
        const choice = chooseLogin(last?.book.credentials(source, name) ?? [], registry);
        if (last === undefined || !choice.ok) continue;
        const seen = await observeHolders(proxy, { client, login: choice.login, mac: last.state.mac });
        also.push(`cache proxy ${name}: also held by ${seen.unseen}`);
        const line = seen.derived && derivedLine(seen.derived);
        if (line === undefined) continue;
        const isStale = seen.derived !== undefined && seen.derived.stale > 0;
        const remedy = isStale
          ? 'recreate the pods there, or see PP064 in `pullpass audit`'
          : `use a kubeconfig that may list Secrets, or --accept-unproven ${name}`;
        (isStale ? behind : unseen).push({ proxy: name, line: `cache proxy ${name}: ${line}: ${remedy}` });
      }
      return { behind, unseen, also };
    },
  };
}
