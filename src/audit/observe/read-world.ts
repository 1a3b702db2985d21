/** Reads once what plans need, as far as RBAC allows: a refused feed is named as a gap, and leads to no wrong conclusion. */
import { configurationSchema } from '../../config/schema.ts';
import type { Configuration, SourceConfig } from '../../config/schema.ts';
import { UserError } from '../../errors.ts';
import { isForbidden, isNotFound } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { ApiObject, Selector } from '../../kube/list.ts';
import { paths } from '../../kube/paths.ts';
import type { Stored } from '../../kube/store.ts';
import { peekState, snapshotOf } from '../../sources/snapshot.ts';
import type { Snapshot } from '../../sources/snapshot.ts';
import { listOnce } from '../../observe/read-feeds.ts';
import { createWorld, feedsOf } from '../../observe/world.ts';
import { isSourceRead } from '../../observe/feed-ids.ts';
import type { Feed } from '../../observe/world.ts';

export interface ReadWorld extends Snapshot {
  /** Refused feeds, with the server's message. */
  readonly refused: ReadonlyMap<Feed, string>;
}

interface Options {
  readonly client: KubeClient;
  readonly configuration: Configuration | undefined;
  /** Where the controller keeps its state. */
  readonly namespace: string;
  readonly only: readonly string[] | undefined;
  /** The namespaces of `--namespaces`; undefined: the whole cluster. */
  readonly listed?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Throws UserError if a namespace does not exist, and ApiError or UnreachableError for any error but a 403. */
export async function readWorldWhereAllowed({
  client,
  configuration = NO_SOURCES,
  namespace,
  only,
  listed,
  signal,
}: Options): Promise<ReadWorld> {
  const memory = await peekState(client, namespace, signal);
  // Of a list, what is asked for is all there is.
  const world = createWorld(memory.state.mac, namespace, listed && (only ?? listed));
  const feeds = feedsOf(world, configuration);
  const refused = new Map<Feed, string>();
  await Promise.all(
    feeds.map(async (feed) => {
      try {
        feed.store.replace(
          only !== undefined && feed.resource === 'namespaces'
            ? await getAll(client, only, feed, signal)
            : await listAll(client, selectorsOf(feed, listed === undefined ? only : undefined), feed, signal),
        );
      } catch (error) {
        if (!isForbidden(error)) throw error;
        refused.set(feed, (error as Error).message);
      }
    }),
  );

  const blind = new Set([...refused.keys()].map(({ id }) => id));
  const isRefused = (id: string): boolean => blind.has(id);
  const isSynced = (id: string): boolean => !isRefused(id);
  const isRead = (source: SourceConfig): boolean => isSourceRead(world, source, { isSynced, isRefused });
  return { ...(await snapshotOf({ client, world, configuration, ...memory, isRead, isSynced })), refused };
}

/** A configuration with feeds for namespaces and ServiceAccounts only. */
const NO_SOURCES: Configuration = {
  ...configurationSchema.parse({
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Configuration',
    sources: [{ name: 'none', secret: { namespace: 'none', name: 'none' }, copyName: 'none' }],
  }),
  sources: [],
};

function selectorsOf({ resource, selector }: Feed, only: readonly string[] | undefined): Selector[] {
  // A source has its own namespace, whichever namespaces are audited.
  if (only === undefined || resource === 'sources') return [selector];
  const path = resource === 'copies' ? paths.secrets : paths.serviceAccounts;
  return only.map((namespace) => ({ ...selector, path: path(namespace) }));
}

async function listAll(
  client: KubeClient,
  selectors: readonly Selector[],
  { project }: Feed,
  signal: AbortSignal | undefined,
): Promise<Stored[]> {
  const lists = await Promise.all(selectors.map((selector) => listOnce(client, { selector, project }, signal)));
  return lists.flat();
}

async function getAll(
  client: KubeClient,
  names: readonly string[],
  { project }: Feed,
  signal: AbortSignal | undefined,
): Promise<Stored[]> {
  return Promise.all(
    names.map(async (name) => {
      try {
        return project((await client.get<ApiObject>(paths.namespaces(name), { signal })) as never);
      } catch (error) {
        if (isNotFound(error)) throw new UserError(`no namespace "${name}"`, { cause: error });
        throw error;
      }
    }),
  );
}
