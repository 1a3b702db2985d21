/** What is known about the cluster, and the part of it that the plan of one namespace needs. */
import { Few } from '../few.ts';
import type { Configuration } from '../config/schema.ts';
import type { ApiObject, Selector } from '../kube/list.ts';
import { paths } from '../kube/paths.ts';
import { accountFeed, copyFeed, keyOf, secretsOf, sourceFeed } from './feed-ids.ts';
import type { FeedStates } from './feed-ids.ts';
import { keepLabels, noLabels } from './kept-labels.ts';
import type { KeptLabels } from './kept-labels.ts';
import { projectCopy, projectNamespace, projectServiceAccount, projectSource } from './projections.ts';
import type { SourceSecret } from './projections.ts';
import { createPartedStore } from '../kube/parted-store.ts';
import type { PartedStore } from '../kube/parted-store.ts';
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
  /** The only namespaces that are looked at (`--namespaces`), without reading the Namespaces themselves; undefined: all. */
  readonly listed: readonly string[] | undefined;
  readonly labels: KeptLabels;
  /** With {@link listed}: one for each of these, whether it exists or not. */
  readonly namespaces: Store<ObservedNamespace>;
  readonly serviceAccounts: Store<ObservedServiceAccount>;
  /** By copy name: the Secrets with that name in all namespaces. */
  readonly copies: Map<string, Store<ObservedCopy>>;
  /** Secrets of sources and of alias logins, by `namespace/name`: at most one object per store. */
  readonly secrets: Map<string, Store<SourceSecret>>;
  readonly digest: Digest;
  /** Who looks, by the namespace of the Lease and the state: see `ownerOf`. */
  readonly instance: string;
  /** What is being written now, by {@link writingKey}: whether it is as it is to be. The watch may bring it before the answer. */
  readonly writing: Few<string, (now: ObservedCopy | ObservedServiceAccount) => boolean>;
}

export const writingKey = (
  resource: 'copies' | 'serviceaccounts',
  { namespace, name }: Pick<Stored, 'namespace' | 'name'>,
): string => `${resource} ${namespace ?? ''}/${name}`;

/** One resource to list and watch, and the store that it fills. */
export interface Feed<T extends Stored = Stored> {
  /** Unique among the feeds of a configuration. */
  readonly id: string;
  /** Bounded name for logs and metrics. */
  readonly resource: 'namespaces' | 'serviceaccounts' | 'copies' | 'sources' | 'proxies' | 'pods';
  /** The listed namespace that it is limited to; absent: it needs no list. */
  readonly listed?: string;
  /** The one Secret that it reads; without a namespace: the copies with that name in all namespaces. */
  readonly secret?: { readonly namespace?: string; readonly name: string };
  /** Name of the cache proxy that a target belongs to. */
  readonly owner?: string;
  readonly selector: Selector;
  readonly project: (object: never) => T;
  readonly store: Store<T>;
}

export function createWorld(digest: Digest, instance: string, listed?: readonly string[]): World {
  const namespaces = createStore<ObservedNamespace>();
  for (const name of listed ?? []) namespaces.put(optedIn(name));
  return {
    listed,
    labels: noLabels(),
    namespaces,
    serviceAccounts: storeFor(listed),
    copies: new Map(),
    secrets: new Map(),
    digest,
    instance,
    writing: new Few(),
  };
}

/** A listed namespace, of which nothing is read: that it is listed says the same as its annotation `sync: enabled`. */
const optedIn = (name: string): ObservedNamespace => ({
  ...{ name, uid: '', resourceVersion: '', terminating: false, sync: 'enabled' },
  ...{ sources: undefined, serviceAccounts: undefined },
});

/** The feeds that a configuration needs. Existing stores are reused; those no longer named are dropped. */
export function feedsOf(world: World, configuration: Configuration): Feed[] {
  const { listed } = world;
  const copyNames = [...configuration.sources.map((s) => s.copyName), ...configuration.retiredCopyNames];
  const secrets = configuration.sources.flatMap(secretsOf);
  prune(world.copies, new Set(copyNames));
  prune(world.secrets, new Set(secrets.map(keyOf)));
  keepLabels(world, configuration);
  const places = listed ?? [undefined];
  const { keys } = world.labels;
  return [
    ...(listed === undefined
      ? [
          feed({
            id: world.labels.feed,
            resource: 'namespaces',
            selector: { path: paths.namespaces(), metadataOnly: true },
            project: (object: ApiObject) => projectNamespace(object, keys),
            store: world.namespaces,
          }),
        ]
      : []),
    ...places.map((place) =>
      feed({
        id: accountFeed(place),
        resource: 'serviceaccounts',
        ...(place !== undefined && { listed: place }),
        selector: { path: paths.serviceAccounts(place) },
        project: projectServiceAccount,
        store: partOf(world.serviceAccounts, place),
      }),
    ),
    ...copyNames.flatMap((name) =>
      places.map((place) =>
        feed({
          id: copyFeed(name, place),
          resource: 'copies',
          ...(place !== undefined && { listed: place }),
          secret: { ...(place !== undefined && { namespace: place }), name },
          // The right to list is limited to this name, and the server checks it against this selector.
          selector: { path: paths.secrets(place), fieldSelector: `metadata.name=${name}` },
          project: (object: ApiObject) => projectCopy(object, world),
          store: partOf(storeAt(world.copies, name, listed), place),
        }),
      ),
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

/**
 * All that the plan of one namespace depends on; undefined: there is no such namespace, or it is listed and was not read.
 * `isSynced`: absent, all feeds were read.
 */
export function observeNamespace(
  world: World,
  name: string,
  sources: readonly ObservedSource[],
  retiredCopyNames: readonly string[],
  isSynced: FeedStates['isSynced'] = () => true,
): ObservedScope | undefined {
  const namespace = world.namespaces.get('', name);
  if (namespace === undefined) return undefined;
  const isListed = world.listed !== undefined;
  if (isListed && !isSynced(accountFeed(name))) return undefined;
  const copies = new Map<string, ObservedCopy>();
  for (const [copyName, store] of world.copies) {
    const copy = store.get(name, copyName);
    if (copy !== undefined) copies.set(copyName, copy);
  }
  const serviceAccounts = [...world.serviceAccounts.in(name)];
  // Kubernetes puts a ServiceAccount into each namespace, and without one no pod is admitted.
  if (isListed && serviceAccounts.length === 0 && copies.size === 0) return undefined;
  return {
    instance: world.instance,
    namespace,
    serviceAccounts,
    copies,
    sources: isListed
      ? sources.map((source) => ({
          ...source,
          read: source.read && isSynced(copyFeed(source.config.copyName, name)),
        }))
      : sources,
    retiredCopyNames,
  };
}

/** Whether a listed namespace was not read yet, or may not be read: nothing is known of it. */
export const isUnread = (
  { listed }: Pick<World, 'listed'>,
  name: string,
  { isSynced }: Pick<FeedStates, 'isSynced'>,
): boolean => listed?.includes(name) === true && !isSynced(accountFeed(name));

function feed<T extends Stored>(definition: Feed<T>): Feed {
  return definition;
}

function storeFor<T extends Stored>(listed: readonly string[] | undefined): Store<T> {
  return listed === undefined ? createStore() : createPartedStore(listed);
}

const partOf = <T extends Stored>(store: Store<T> | PartedStore<T>, place: string | undefined): Store<T> =>
  place !== undefined && 'part' in store ? store.part(place) : store;

function storeAt<T extends Stored>(stores: Map<string, Store<T>>, key: string, listed?: readonly string[]): Store<T> {
  let store = stores.get(key);
  if (store === undefined) stores.set(key, (store = storeFor<T>(listed)));
  return store;
}

function prune<T>(map: Map<string, T>, keep: ReadonlySet<string>): void {
  for (const key of map.keys()) if (!keep.has(key)) map.delete(key);
}
