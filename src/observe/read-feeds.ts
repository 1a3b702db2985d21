/** Reads feeds once, without watching: for commands that read once and end. */
import type { KubeClient } from '../kube/client.ts';
import { listPages } from '../kube/list.ts';
import type { Stored } from '../kube/store.ts';
import type { Feed } from './world.ts';

export async function listOnce(
  client: KubeClient,
  { selector, project }: Pick<Feed, 'selector' | 'project'>,
  signal?: AbortSignal,
): Promise<Stored[]> {
  let items: Stored[] = [];
  await listPages(client, selector, {
    ...(signal && { signal }),
    each: (object) => items.push(project(object as never)),
    restart: () => {
      items = [];
    },
  });
  return items;
}

/** Fills the stores. */
export async function readFeeds(feeds: readonly Feed[], client: KubeClient): Promise<void> {
  await Promise.all(feeds.map(async (feed) => feed.store.replace(await listOnce(client, feed))));
}
