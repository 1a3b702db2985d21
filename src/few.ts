/**
 * A map of a few entries that come and go all the time, such as what is under way. A JavaScript Map would hold on to garbage: each time
 * its table is made anew, the old one keeps its entries, and points to the new one. Once one of them is old, all that follow stay in
 * memory with it until a full collection, and that was most of what a rotation left behind.
 */
export class Few<K, V> {
  readonly #keys: K[] = [];
  readonly #values: V[] = [];

  get size(): number {
    return this.#keys.length;
  }

  get(key: K): V | undefined {
    const at = this.#keys.indexOf(key);
    return at < 0 ? undefined : this.#values[at];
  }

  set(key: K, value: V): void {
    const at = this.#keys.indexOf(key);
    if (at >= 0) {
      this.#values[at] = value;
      return;
    }
    this.#keys.push(key);
    this.#values.push(value);
  }

  delete(key: K): boolean {
    const at = this.#keys.indexOf(key);
    if (at < 0) return false;
    const [lastKey, lastValue] = [this.#keys.pop() as K, this.#values.pop() as V];
    if (at < this.#keys.length) [this.#keys[at], this.#values[at]] = [lastKey, lastValue];
    return true;
  }

  /** In no fixed order, as they are now. */
  entries(): [K, V][] {
    return this.#keys.map((key, i) => [key, this.#values[i] as V]);
  }

  /** In no fixed order, as they are now. */
  values(): V[] {
    return [...this.#values];
  }
}
