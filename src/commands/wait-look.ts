/** How `pullpass wait` polls a cluster: it reads only what a rotation changes, and everything now and then. */
import type { Configuration } from '../config/schema.ts';
import type { KubeClient } from '../kube/client.ts';
import { UserError } from '../errors.ts';
import { otherList } from '../observe/listed.ts';
import { readFeeds } from '../observe/read-feeds.ts';
import { createWorld, feedsOf } from '../observe/world.ts';
import type { World } from '../observe/world.ts';
import { chooseLogin } from '../plan/proxy.ts';
import { createProxies } from '../proxies/kinds.ts';
import { derivedLine, observeHolders } from '../rotation/holders.ts';
import { observeRotations } from '../rotation/progress.ts';
import type { RotationProgress } from '../rotation/progress.ts';
import { peekState, planCluster, snapshotOf } from '../sources/snapshot.ts';
import type { Snapshot } from '../sources/snapshot.ts';
import { plural, some } from '../text.ts';

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
  listed,
}: {
  client: KubeClient;
  configuration: Configuration;
  namespace: string;
  /** The namespaces of `--namespaces`; undefined: the whole cluster. */
  listed?: readonly string[] | undefined;
}): Look {
  const users = new Map<string, string>();
  let before: Pick<World, 'namespaces' | 'serviceAccounts'> | undefined;
  let last: Snapshot | undefined;
  return {
    async look(whole) {
      const memory = await peekState(client, namespace);
      // Of other namespaces than the controller's, "complete" would say too much.
      const other = otherList(memory, listed);
      if (other !== undefined) throw new UserError(`wait: ${other}: give both the same --namespaces`);
      const world = { ...createWorld(memory.state.mac, namespace, listed), ...(!whole && before) };
      const feeds = feedsOf(world, configuration);
      const changing = feeds.filter(({ resource }) => resource === 'copies' || resource === 'sources');
      await readFeeds(whole || before === undefined ? feeds : changing, client);
      before = { namespaces: world.namespaces, serviceAccounts: world.serviceAccounts };
      last = await snapshotOf({ client, world, configuration, ...memory });
      return observeRotations({ client, configuration, snapshot: last, users });
    },
    async elsewhere({ source }) {
      const [behind, unseen, also]: [Line[], Line[], string[]] = [[], [], ofList(last)];
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

/** What "everywhere" means with a list of namespaces. */
function ofList(snapshot: Snapshot | undefined): string[] {
  if (snapshot?.world.listed === undefined) return [];
  const { listed = [], absent = [] } = planCluster(snapshot);
  const missing = absent.length === 0 ? '' : `; not there, or without a ServiceAccount: ${some(absent, 5)}`;
  return [`Looked at: the ${plural(listed.length, 'namespace')} listed, and no others${missing}`];
}
