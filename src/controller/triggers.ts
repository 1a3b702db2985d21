/** Every watch and what it enqueues. A key is only a name: what happened is found out by looking, not from the event. */
import type { Feed, World } from '../reconcile/world.ts';

/** A unit of work: one namespace with all that Pullpass keeps in it. */
export type Key = `namespace/${string}`;

export const namespaceKey = (name: string): Key => `namespace/${name}`;
export const namespaceOf = (key: Key): string => key.slice('namespace/'.length);

export interface Triggers {
  /** The object changed, came up or went away. Our own writes come back here too, and plan to nothing. */
  watch(feed: Feed): void;
  /** The resync schedule, a new configuration, a new leader, a source that changed. */
  everything(): void;
}

export function createTriggers(world: World, enqueue: (key: Key) => void, sourceChanged: () => void): Triggers {
  return {
    watch(feed) {
      feed.store.onChange((current, previous) => {
        const object = current ?? previous;
        if (object === undefined) return;
        switch (feed.resource) {
          case 'namespaces':
            return enqueue(namespaceKey(object.name));
          case 'serviceaccounts':
          case 'copies':
            return enqueue(namespaceKey(object.namespace ?? ''));
          case 'sources':
            return sourceChanged();
        }
      });
    },
    everything() {
      for (const { name } of world.namespaces.all()) enqueue(namespaceKey(name));
    },
  };
}
