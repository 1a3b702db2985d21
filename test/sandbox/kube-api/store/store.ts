/**
 * All objects of the cluster, with one revision counter. Objects in here are shared and never changed in place: a reader must
 * not write to them.
 */
import { randomUUID } from 'node:crypto';
import type { KubeObject } from '../json.ts';
import { Bucket, byteOrder, keyOf, keyOfObject } from './bucket.ts';
import { History, type Author, type Change } from './history.ts';

export type Listener = (change: Change) => void;

/** A backup: the objects of each storage, and the revision it was taken at. */
export interface Snapshot {
  readonly revision: number;
  readonly objects: ReadonlyMap<string, readonly KubeObject[]>;
}

export class Store {
  #revision = 1;
  #author: Author | undefined;
  readonly #buckets = new Map<string, Bucket>();
  readonly #history: History;
  /** By storage and namespace (`''`: all namespaces), so that a write costs only those who care. */
  readonly #listeners = new Map<string, Set<Listener>>();

  constructor(historyLimit: number) {
    this.#history = new History(historyLimit);
  }

  /** What `run` changes is by this author. `run` must be synchronous. */
  as<T>(author: Author, run: () => T): T {
    this.#author = author;
    try {
      return run();
    } finally {
      this.#author = undefined;
    }
  }

  snapshot(): Snapshot {
    return {
      revision: this.#revision,
      objects: new Map([...this.#buckets.keys()].map((storage) => [storage, this.list(storage)])),
    };
  }

  /** As etcd after a restore: the old objects, and revisions that count on from the old one. No listener is told. */
  restore({ revision, objects }: Snapshot): void {
    this.#buckets.clear();
    for (const [storage, list] of objects)
      for (const object of list) this.#bucket(storage).set(keyOfObject(object), object);
    this.#revision = revision;
    this.#history.restart(revision);
  }

  get revision(): number {
    return this.#revision;
  }

  get compactedRevision(): number {
    return this.#history.compacted;
  }

  get(storage: string, namespace: string, name: string): KubeObject | undefined {
    return this.#bucket(storage).get(keyOf(namespace, name));
  }

  /** Live objects in list order; `''` means every namespace. */
  list(storage: string, namespace = ''): KubeObject[] {
    const bucket = this.#bucket(storage);
    return bucket
      .keys(namespace)
      .map((key) => bucket.get(key))
      .filter((object) => object !== undefined);
  }

  count(storage: string): number {
    return this.#bucket(storage).size;
  }

  keys(storage: string, namespace: string): readonly string[] {
    return this.#bucket(storage).keys(namespace);
  }

  byKey(storage: string, key: string): KubeObject | undefined {
    return this.#bucket(storage).get(key);
  }

  create(storage: string, object: KubeObject): KubeObject {
    return this.#put(
      storage,
      { ...object, metadata: { ...object.metadata, uid: object.metadata.uid ?? randomUUID() } },
      undefined,
    );
  }

  update(storage: string, object: KubeObject): KubeObject {
    return this.#put(storage, object, this.#bucket(storage).get(keyOfObject(object)));
  }

  delete(storage: string, object: KubeObject): KubeObject {
    const bucket = this.#bucket(storage);
    const key = keyOfObject(object);
    const previous = bucket.get(key);
    const revision = ++this.#revision;
    const last = stamp(object, revision);
    bucket.delete(key);
    this.#announce({ revision, storage, type: 'DELETED', object: last, previous, author: this.#author });
    return last;
  }

  /** State at an earlier revision: the present, with later changes undone. Undefined when history does not reach back. */
  listAt(revision: number, storage: string, namespace: string): KubeObject[] | undefined {
    if (revision < this.#history.compacted) return undefined;
    const later = this.#history.after(revision, storage);
    if (later.length === 0) return this.list(storage, namespace);
    const state = new Map(this.list(storage, namespace).map((object) => [keyOfObject(object), object]));
    for (const change of later.reverse()) {
      if (namespace !== '' && change.object.metadata.namespace !== namespace) continue;
      const key = keyOfObject(change.object);
      if (change.previous === undefined) state.delete(key);
      else state.set(key, change.previous);
    }
    return [...state].sort(([a], [b]) => byteOrder(a, b)).map(([, object]) => object);
  }

  changesAfter(revision: number, storage: string): Change[] | undefined {
    return revision < this.#history.compacted ? undefined : this.#history.after(revision, storage);
  }

  /** Forgets history: older resourceVersions are answered with 410 from here on. */
  compact(revision = this.#revision): void {
    this.#history.compact(revision);
  }

  /** Calls back on each change of a storage, in one namespace or in all (`''`). Returns what ends it. */
  listen(storage: string, namespace: string, listener: Listener): () => void {
    const channel = `${storage} ${namespace}`;
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  #put(storage: string, object: KubeObject, previous: KubeObject | undefined): KubeObject {
    const revision = ++this.#revision;
    const stored = stamp(object, revision);
    this.#bucket(storage).set(keyOfObject(stored), stored);
    const type = previous ? 'MODIFIED' : 'ADDED';
    this.#announce({ revision, storage, type, object: stored, previous, author: this.#author });
    return stored;
  }

  #announce(change: Change): void {
    this.#history.add(change);
    const { namespace = '' } = change.object.metadata;
    for (const listener of this.#listeners.get(`${change.storage} `) ?? []) listener(change);
    if (namespace !== '')
      for (const listener of this.#listeners.get(`${change.storage} ${namespace}`) ?? []) listener(change);
  }

  #bucket(storage: string): Bucket {
    let bucket = this.#buckets.get(storage);
    if (!bucket) this.#buckets.set(storage, (bucket = new Bucket()));
    return bucket;
  }
}

function stamp(object: KubeObject, revision: number): KubeObject {
  // In the order in which Go writes these fields.
  const { name, generateName, namespace, uid, resourceVersion: _, ...rest } = object.metadata;
  return {
    ...object,
    metadata: {
      name,
      ...(generateName === undefined ? {} : { generateName }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      resourceVersion: String(revision),
      ...rest,
    },
  };
}
