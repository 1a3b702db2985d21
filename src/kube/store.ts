/** All objects of one kind: only the fields we need, by namespace and name, with change listeners. */

import { compareVersions, isNewer as isNewerThan } from './version.ts';

/** Every projection keeps these four. `namespace` is '' for cluster-scoped objects. */
export interface Stored {
  readonly namespace?: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

type Listener<T> = (current: T | undefined, previous: T | undefined) => void;
/** Versions of own writes that are remembered: more than a watch is ever behind. */
const MOST_OWN = 4096;

/** A set of versions; `delete` says whether it was in there. */
export type Versions = Pick<Set<string>, 'size' | 'delete'>;

export interface Store<T extends Stored> {
  get(namespace: string, name: string): T | undefined;
  /** All objects of one namespace, in no fixed order. */
  in(namespace: string): Iterable<T>;
  all(): Iterable<T>;
  readonly size: number;
  /**
   * Stores an object unless a newer version of it is known, or it was deleted since. Also for answers to our own
   * writes (`isAnswer`), which can be ahead of the watch or behind it.
   */
  put(object: T, isAnswer?: boolean): void;
  /** Versions that own writes made and that were put: their watch events, which come once, bring no news. */
  readonly own: Versions;
  /** Forgets an object; with `resourceVersion`, only if nothing newer is known. */
  remove(namespace: string, name: string, resourceVersion?: string): void;
  /** Makes the store hold exactly `objects`, as after a list; `resourceVersion`: of that list. */
  replace(objects: Iterable<T>, resourceVersion?: string): void;
  /** What is stored lacks fields that are kept from now on: the next {@link replace} replaces all of it, also what has not changed. */
  renew(): void;
  /** Called after each real change. */
  onChange(listener: Listener<T>): void;
}

export function createStore<T extends Stored>(): Store<T> {
  const byNamespace = new Map<string, Map<string, T>>();
  const listeners: Listener<T>[] = [];
  let size = 0;
  /** Version of the last list or deletion: an object that is not newer and not stored is deleted. */
  let settled = '';
  const own = new Set<string>();
  let isOutdated = false;
  const tell: Listener<T> = (current, previous) => {
    for (const listener of listeners) listener(current, previous);
  };

  function set(object: T, wins: (known: T) => boolean): boolean {
    const namespace = object.namespace ?? '';
    let names = byNamespace.get(namespace);
    if (names === undefined) byNamespace.set(namespace, (names = new Map<string, T>()));
    const previous = names.get(object.name);
    if (previous !== undefined && !wins(previous)) return false;
    names.set(object.name, object);
    if (previous === undefined) size++;
    tell(object, previous);
    return true;
  }

  function unset(namespace: string, name: string): void {
    const names = byNamespace.get(namespace);
    const previous = names?.get(name);
    if (names === undefined || previous === undefined) return;
    names.delete(name);
    size--;
    if (names.size === 0) byNamespace.delete(namespace);
    tell(undefined, previous);
  }

  return {
    get: (namespace, name) => byNamespace.get(namespace)?.get(name),
    in: (namespace) => byNamespace.get(namespace)?.values() ?? [],
    *all() {
      for (const names of byNamespace.values()) yield* names.values();
    },
    get size() {
      return size;
    },
    put(object, isAnswer = false) {
      if (
        settled !== '' &&
        !byNamespace.get(object.namespace ?? '')?.has(object.name) &&
        // Versions that cannot be compared: what the server says last counts.
        (compareVersions(object.resourceVersion, settled) ?? 1) <= 0
      )
        return;
      const isNewer = (old: T): boolean => (compareVersions(object.resourceVersion, old.resourceVersion) ?? 1) > 0;
      if (!set(object, isNewer) || !isAnswer) return;
      own.add(object.resourceVersion);
      if (own.size > MOST_OWN) for (const first of own) return void own.delete(first);
    },
    own,
    remove(namespace, name, resourceVersion) {
      const known = byNamespace.get(namespace)?.get(name);
      if (resourceVersion !== undefined && isNewerThan(resourceVersion, settled)) settled = resourceVersion;
      if (known && resourceVersion !== undefined && isNewerThan(known.resourceVersion, resourceVersion)) return;
      unset(namespace, name);
    },
    replace(objects, resourceVersion = '') {
      settled = resourceVersion;
      own.clear();
      const all = isOutdated;
      isOutdated = false;
      const seen = new Map<string, Set<string>>();
      for (const object of objects) {
        const namespace = object.namespace ?? '';
        let names = seen.get(namespace);
        if (names === undefined) seen.set(namespace, (names = new Set()));
        names.add(object.name);
        // A list wins even with lower versions: an etcd restored from a backup counts from a lower one.
        set(object, (old) => all || old.resourceVersion !== object.resourceVersion || old.uid !== object.uid);
      }
      for (const { namespace = '', name } of [...this.all()])
        if (!seen.get(namespace)?.has(name)) unset(namespace, name);
    },
    renew() {
      isOutdated = true;
    },
    onChange(listener) {
      listeners.push(listener);
    },
  };
}
