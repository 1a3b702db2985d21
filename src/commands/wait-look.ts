/** How `pullpass wait` polls a cluster: it reads only what a rotation changes, and everything now and then. */
import type { Configuration } from '../config/schema.ts';
import type { KubeClient } from '../kube/client.ts';
import { createWorld, feedsOf, readFeeds } from '../observe/world.ts';
import type { World } from '../observe/world.ts';
import { observeRotations } from '../rotation/progress.ts';
import type { RotationProgress } from '../rotation/progress.ts';
import { peekState, snapshotOf } from '../sources/snapshot.ts';

/** `namespace`: where the controller keeps its state. The first look always reads everything. */
export function createLook({
  client,
  configuration,
  namespace,
}: {
  client: KubeClient;
  configuration: Configuration;
  namespace: string;
}): (whole: boolean) => Promise<RotationProgress[]> {
  const users = new Map<string, string>();
  let before: Pick<World, 'namespaces' | 'serviceAccounts'> | undefined;
  return async (whole) => {
    const memory = await peekState(client, namespace);
    const world = { ...createWorld(memory.state.mac), ...(!whole && before) };
    const feeds = feedsOf(world, configuration);
    const changing = feeds.filter(({ resource }) => resource === 'copies' || resource === 'sources');
    await readFeeds(whole || before === undefined ? feeds : changing, client);
    before = { namespaces: world.namespaces, serviceAccounts: world.serviceAccounts };
    const snapshot = await snapshotOf({ client, world, configuration, ...memory });
    return observeRotations({ client, configuration, snapshot, users });
  };
}
