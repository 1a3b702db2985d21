/** How `pullpass wait` polls a cluster: it reads only what a rotation changes, and everything now and then. */
import type { Configuration } from '../config/schema.ts';
import type { KubeClient } from '../kube/client.ts';
import { UserError } from '../errors.ts';
import { otherList } from '../observe/listed.ts';
import { readFeeds } from '../observe/read-feeds.ts';
import { createWorld, feedsOf } from '../observe/world.ts';
import type { World } from '../observe/world.ts';
import { observeElsewhere } from '../rotation/elsewhere.ts';
import type { Elsewhere } from '../rotation/elsewhere.ts';
import { observeRotations } from '../rotation/progress.ts';
import type { RotationProgress } from '../rotation/progress.ts';
import { peekState, planCluster, snapshotOf } from '../sources/snapshot.ts';
import type { Snapshot } from '../sources/snapshot.ts';
import { plural, some } from '../text.ts';

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
      if (last === undefined) return { behind: [], unseen: [], also: [] };
      const found = await observeElsewhere(source, { client, configuration, snapshot: last });
      return { ...found, also: [...ofList(last), ...found.also] };
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
