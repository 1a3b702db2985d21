/** Every watch and what it enqueues. A key is only a name: what happened is found out by looking, not from the event. */
import type { Feed, World } from '../observe/world.ts';

/** A unit of work: one namespace with all that Pullpass keeps in it, or one cache proxy. */
export type Key = `namespace/${string}` | `proxy/${string}`;

export const namespaceKey = (name: string): Key => `namespace/${name}`;
const proxyKey = (name: string): Key => `proxy/${name}`;
/** What a key names: `['namespace', 'team-a']`. */
export function parseKey(key: Key): ['namespace' | 'proxy', string] {
  const slash = key.indexOf('/');
  return [key.slice(0, slash) as 'namespace' | 'proxy', key.slice(slash + 1)];
}

interface Triggers {
  /** The object changed, came up or went away. Our own writes come back here too, and plan to nothing. */
  watch(feed: Feed, wake: Wake): void;
  /** The resync schedule, a new configuration, a new leader, a source that changed. */
  everything(): void;
}

export interface Wake {
  /** Cache proxies whose custom object names a copy in this namespace. */
  naming(namespace: string): Iterable<string>;
  /** Where the copy is that the custom object of a cache proxy names. */
  namespaceOf(proxy: string): string | undefined;
  sourceChanged(): void;
}

/** `proxies`: names of those of the configuration in force, and of those that it just dropped. */
export function createTriggers(world: World, enqueue: (key: Key) => void, proxies: () => Iterable<string>): Triggers {
  return {
    watch(feed, { naming, namespaceOf, sourceChanged }) {
      feed.store.onChange((current, previous) => {
        const object = current ?? previous;
        if (object === undefined) return;
        switch (feed.resource) {
          case 'namespaces':
            // Opted out, or about to be deleted: what names its copies is to know.
            for (const name of naming(object.name)) enqueue(proxyKey(name));
            return enqueue(namespaceKey(object.name));
          case 'serviceaccounts':
          case 'copies':
            return enqueue(namespaceKey(object.namespace ?? ''));
          case 'sources':
            return sourceChanged();
          case 'proxies': {
            // A copy may be waiting for the object to name it no longer.
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
