/** What each watch enqueues. Level-triggered: a key is only a name, and the reconcile reads the state, not the event. */
import { writingKey } from '../observe/world.ts';
import type { Feed, World } from '../observe/world.ts';

/** A unit of work: a namespace with its copies and references, or a cache proxy. */
export type Key = `namespace/${string}` | `proxy/${string}`;

export const namespaceKey = (name: string): Key => `namespace/${name}`;
const proxyKey = (name: string): Key => `proxy/${name}`;
/** What a key names: `['namespace', 'team-a']`. */
export function parseKey(key: Key): ['namespace' | 'proxy', string] {
  const slash = key.indexOf('/');
  return [key.slice(0, slash) as 'namespace' | 'proxy', key.slice(slash + 1)];
}

interface Triggers {
  /** Enqueues keys for each change in the store, but not for what the reconcile of the same key writes. */
  watch(feed: Feed, wake: Wake): void;
  /** Enqueues every key: at a resync, a new configuration, a new leader, or a changed source. */
  everything(): void;
}

export interface Wake {
  /** Cache proxies whose custom object names a copy in this namespace. */
  naming(namespace: string): Iterable<string>;
  /** Namespace of the copy that the custom object of a cache proxy names. */
  namespaceOf(proxy: string): string | undefined;
  sourceChanged(): void;
  /** Pods of the namespace, or what they get from it. */
  podsChanged(namespace: string): void;
}

/** `proxies`: names of the configured cache proxies, and of dropped ones that still have a reference to take back. */
export function createTriggers(world: World, enqueue: (key: Key) => void, proxies: () => Iterable<string>): Triggers {
  /** A store outlives its feed if another one goes on to fill it. */
  const watched = new WeakSet<object>();
  return {
    watch(feed, { naming, namespaceOf, sourceChanged, podsChanged }) {
      if (watched.has(feed.store)) return;
      watched.add(feed.store);
      feed.store.onChange((current, previous) => {
        const object = current ?? previous;
        if (object === undefined) return;
        switch (feed.resource) {
          case 'namespaces':
            // The namespace may have opted out or be terminating: cache proxies whose objects name its copies must react.
            for (const name of naming(object.name)) enqueue(proxyKey(name));
            return enqueue(namespaceKey(object.name));
          case 'serviceaccounts':
          case 'copies':
            // They show whether a listed namespace is there.
            podsChanged(object.namespace ?? '');
            if (world.listed !== undefined) for (const name of naming(object.namespace ?? '')) enqueue(proxyKey(name));
            // As the reconcile that writes it now wants it: nothing is left to do.
            if (current && world.writing.get(writingKey(feed.resource, current))?.(current as never)) return;
            return enqueue(namespaceKey(object.namespace ?? ''));
          case 'pods':
            return podsChanged(object.namespace ?? '');
          case 'sources':
            return sourceChanged();
          case 'proxies': {
            // The removal of a copy may be waiting until this object no longer names it.
            const namespace = namespaceOf(feed.owner ?? '');
            if (namespace !== undefined) enqueue(namespaceKey(namespace));
            return enqueue(proxyKey(feed.owner ?? ''));
          }
        }
      });
    },
    everything() {
      for (const name of proxies()) enqueue(proxyKey(name));
      for (const { name } of world.namespaces.all()) enqueue(namespaceKey(name));
    },
  };
}
