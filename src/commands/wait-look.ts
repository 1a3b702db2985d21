/** How `pullpass wait` polls a cluster: it reads only what a rotation changes, and everything now and then. */
import type { Configuration } from '../config/schema.ts';
import type { KubeClient } from '../kube/client.ts';
import { createWorld, feedsOf, readFeeds } from '../observe/world.ts';
import type { World } from '../observe/world.ts';
import { observeElsewhere } from '../rotation/elsewhere.ts';
import type { Elsewhere } from '../rotation/elsewhere.ts';
import { observeRotations } from '../rotation/progress.ts';
import type { RotationProgress } from '../rotation/progress.ts';
import { peekState, snapshotOf } from '../sources/snapshot.ts';
import type { Snapshot } from '../sources/snapshot.ts';

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
    elsewhere: ({ source }) =>
      last === undefined
        ? Promise.resolve({ behind: [], unseen: [], also: [] })
        : observeElsewhere(source, { client, configuration, snapshot: last }),
  };
}
