/**
 * A store that is filled namespace by namespace, each by a list and watch of its own. Each part knows by itself what is deleted:
 * between two watches versions say nothing, for the one may be behind the other.
 */
import { createStore } from './store.ts';
import type { Store, Stored } from './store.ts';

export interface PartedStore<T extends Stored> extends Store<T> {
  /** What is in this namespace, which must be one of those that the store was created with. */
  part(namespace: string): Store<T>;
}

/** An object of any other namespace is not kept. */
export function createPartedStore<T extends Stored>(namespaces: Iterable<string>): PartedStore<T> {
  const parts = new Map([...namespaces].map((name) => [name, createStore<T>()]));
  return {
    part(namespace) {
      const part = parts.get(namespace);
      if (part === undefined) throw new Error(`no part for namespace ${namespace}`);
      return part;
    },
    get: (namespace, name) => parts.get(namespace)?.get(namespace, name),
    in: (namespace) => parts.get(namespace)?.in(namespace) ?? [],
    *all() {
      for (const part of parts.values()) yield* part.all();
    },
    get size() {
      return [...parts.values()].reduce((sum, { size }) => sum + size, 0);
    },
    put: (object, isAnswer) => parts.get(object.namespace ?? '')?.put(object, isAnswer),
    own: {
      get size() {
        return [...parts.values()].reduce((sum, { own }) => sum + own.size, 0);
      },
      delete: (version) => [...parts.values()].some(({ own }) => own.delete(version)),
    },
    remove: (namespace, name, resourceVersion) => parts.get(namespace)?.remove(namespace, name, resourceVersion),
    replace(objects, resourceVersion) {
      const by = Map.groupBy(objects, ({ namespace = '' }) => namespace);
      for (const [name, part] of parts) part.replace(by.get(name) ?? [], resourceVersion);
    },
    renew: () => parts.forEach((part) => part.renew()),
    onChange: (listener) => parts.forEach((part) => part.onChange(listener)),
  };
}
