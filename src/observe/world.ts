/** What is known about the cluster, and the part of it that the plan of one namespace needs. */
import type { Configuration, SourceConfig } from '../config/schema.ts';
import type { KubeClient } from '../kube/client.ts';
import type { ApiObject, Selector } from '../kube/list.ts';
import { listPages } from '../kube/list.ts';
import { paths } from '../kube/paths.ts';
import { projectCopy, projectNamespace, projectServiceAccount, projectSource } from './projections.ts';
import type { SourceSecret } from './projections.ts';
import { createStore } from '../kube/store.ts';
import type { Store, Stored } from '../kube/store.ts';
import type {
  ObservedCopy,
  ObservedNamespace,
  ObservedScope,
  ObservedServiceAccount,
  ObservedSource,
} from '../plan/observed.ts';

/** Turns base64 content into the keyed digest that is kept instead. The key is in the state: without it digests tell nothing. */
export type Digest = (base64: string) => string;

export interface World {
  readonly namespaces: Store<ObservedNamespace>;
  readonly serviceAccounts: Store<ObservedServiceAccount>;
  /** By copy name: the Secrets with that name in all namespaces. */
  readonly copies: Map<string, Store<ObservedCopy>>;
  /** Secrets of sources and of alias logins, by `namespace/name`: at most one object per store. */
  readonly secrets: Map<string, Store<SourceSecret>>;
  readonly digest: Digest;
  /** Who looks, by the namespace of the Lease and the state: see `ownerOf`. */
  readonly instance: string;
}

/** One resource to list and watch, and the store that it fills. */
export interface Feed<T extends Stored = Stored> {
  /** Unique among the feeds of a configuration. */
  readonly id: string;
  /** Bounded name for logs and metrics. */
  readonly resource: 'namespaces' | 'serviceaccounts' | 'copies' | 'sources' | 'proxies';
  /** The one Secret that it reads; without a namespace: the copies with that name in all namespaces. */
  readonly secret?: { readonly namespace?: string; readonly name: string };
  /** Name of the cache proxy that a target belongs to. */
  readonly owner?: string;
  readonly selector: Selector;
  readonly project: (object: never) => T;
  readonly store: Store<T>;
}

export function createWorld(digest: Digest, instance: string): World {
  return {
    namespaces: createStore(),
    serviceAccounts: createStore(),
    copies: new Map(),
    secrets: new Map(),
    digest,
    instance,
  };
}

/** The feeds that a configuration needs. Existing stores are reused; those no longer named are dropped. */
export function feedsOf(world: World, configuration: Configuration): Feed[] {
  const copyNames = [...configuration.sources.map((s) => s.copyName), ...configuration.retiredCopyNames];
  const secrets = configuration.sources.flatMap(secretsOf);
  prune(world.copies, new Set(copyNames));
  prune(world.secrets, new Set(secrets.map(keyOf)));
  return [
    feed({
      id: 'namespaces',
      resource: 'namespaces',
      selector: { path: paths.namespaces(), metadataOnly: true },
      project: projectNamespace,
      store: world.namespaces,
    }),
    feed({
      id: 'serviceaccounts',
      resource: 'serviceaccounts',
      selector: { path: paths.serviceAccounts() },
      project: projectServiceAccount,
      store: world.serviceAccounts,
    }),
    ...copyNames.map((name) =>
      feed({
        id: copyFeed(name),
        resource: 'copies',
        secret: { name },
        // The right to list is limited to this name, and the server checks it against this selector.
        selector: { path: paths.secrets(), fieldSelector: `metadata.name=${name}` },
        project: (object: ApiObject) => projectCopy(object, world),
        store: storeAt(world.copies, name),
      }),
    ),
    ...[...new Map(secrets.map((ref) => [keyOf(ref), ref])).values()].map((ref) =>
      feed({
        id: sourceFeed(ref),
        resource: 'sources',
        secret: ref,
        selector: { path: paths.secrets(ref.namespace), fieldSelector: `metadata.name=${ref.name}` },
        project: projectSource,
        store: storeAt(world.secrets, keyOf(ref)),
      }),
    ),
  ];
}

const copyFeed = (copyName: string): string => `copy/${copyName}`;
const sourceFeed = (ref: { namespace: string; name: string }): string => `source/${keyOf(ref)}`;

/** The feeds that must be complete before anything is known about a source: its Secrets and its copies. */
export function feedsOfSource(source: SourceConfig): string[] {
  return [copyFeed(source.copyName), ...secretsOf(source).map(sourceFeed)];
}

/** Lists once, without a watch. */
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

/** Fills the stores once, without watching: for commands that read once and end. */
export async function readFeeds(feeds: readonly Feed[], client: KubeClient): Promise<void> {
  await Promise.all(feeds.map(async (feed) => feed.store.replace(await listOnce(client, feed))));
}

/** All that the plan of one namespace depends on; undefined: there is no such namespace. */
export function observeNamespace(
  world: World,
  name: string,
  sources: readonly ObservedSource[],
  retiredCopyNames: readonly string[],
): ObservedScope | undefined {
  const namespace = world.namespaces.get('', name);
  if (namespace === undefined) return undefined;
  const copies = new Map<string, ObservedCopy>();
  for (const [copyName, store] of world.copies) {
    const copy = store.get(name, copyName);
    if (copy !== undefined) copies.set(copyName, copy);
  }
  return {
    instance: world.instance,
    namespace,
    serviceAccounts: [...world.serviceAccounts.in(name)],
    copies,
    sources,
    retiredCopyNames,
  };
}

/** The source's Secret and those that its aliases log in with, all in the source's namespace. */
export function secretsOf(source: SourceConfig): { namespace: string; name: string }[] {
  const logins = source.aliases.flatMap((alias) =>
    'login' in alias ? [{ namespace: source.secret.namespace, name: alias.login.secret }] : [],
  );
  return [source.secret, ...logins];
}

export const keyOf = ({ namespace, name }: { namespace: string; name: string }): string => `${namespace}/${name}`;

function feed<T extends Stored>(definition: Feed<T>): Feed {
  return definition;
}

function storeAt<T extends Stored>(stores: Map<string, Store<T>>, key: string): Store<T> {
  let store = stores.get(key);
  if (store === undefined) stores.set(key, (store = createStore<T>()));
  return store;
}

function prune<T>(map: Map<string, T>, keep: ReadonlySet<string>): void {
  for (const key of map.keys()) if (!keep.has(key)) map.delete(key);
}
