/** The live objects of one resource, by namespace and name, with keys kept in the order in which lists show them. */
import type { KubeObject } from '../json.ts';

/** `namespace/name`, or `/name` for cluster-scoped objects: the order of etcd keys. */
export function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

export function keyOfObject({ metadata }: KubeObject): string {
  return keyOf(metadata.namespace ?? '', metadata.name);
}

export class Bucket {
  readonly #objects = new Map<string, KubeObject>();
  readonly #namespaces = new Map<string, Set<string>>();
  /** Sorted keys of a namespace (`''`: of everything); dropped when a key comes or goes, made again when asked for. */
  readonly #sorted = new Map<string, readonly string[]>();

  get(key: string): KubeObject | undefined {
    return this.#objects.get(key);
  }

  set(key: string, object: KubeObject): void {
    if (!this.#objects.has(key)) {
      this.#forget(key);
      const namespace = namespaceOf(key);
      const keys = this.#namespaces.get(namespace) ?? new Set();
      this.#namespaces.set(namespace, keys.add(key));
    }
    this.#objects.set(key, object);
  }

  delete(key: string): void {
    if (!this.#objects.delete(key)) return;
    this.#forget(key);
    this.#namespaces.get(namespaceOf(key))?.delete(key);
  }

  /** Keys in list order; `''` means every namespace. */
  keys(namespace: string): readonly string[] {
    const known = this.#sorted.get(namespace);
    if (known) return known;
    const keys = namespace === '' ? [...this.#objects.keys()] : [...(this.#namespaces.get(namespace) ?? [])];
    keys.sort(byteOrder);
    this.#sorted.set(namespace, keys);
    return keys;
  }

  get size(): number {
    return this.#objects.size;
  }

  #forget(key: string): void {
    this.#sorted.delete('');
    this.#sorted.delete(namespaceOf(key));
  }
}

export function byteOrder(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function namespaceOf(key: string): string {
  return key.slice(0, key.indexOf('/'));
}
