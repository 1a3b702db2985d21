/** A queue in which every share gets its turn: one that adds much delays, and displaces, only itself. */

export interface Shares<T> {
  readonly size: number;
  /** Adds to the end of its share. Returns what has no room: the item, or another of the largest share. */
  add(share: string, item: T): Dropped<T> | undefined;
  /** The first item of the next share that may go now. */
  take(may: (share: string) => boolean): { readonly share: string; readonly item: T } | undefined;
  /** false: it does not wait. */
  remove(share: string, item: T): boolean;
  clear(): void;
}

interface Dropped<T> {
  readonly item: T;
  /** Whether the share had no room, or all of them together. */
  readonly full: 'share' | 'all';
}

export function createShares<T>({ perShare, inAll }: { perShare: number; inAll: number }): Shares<T> {
  /** In the order of their turns; none is empty. */
  const waiting = new Map<string, Set<T>>();
  let size = 0;

  function remove(share: string, item: T): boolean {
    const items = waiting.get(share);
    if (!items?.delete(item)) return false;
    if (items.size === 0) waiting.delete(share);
    size--;
    return true;
  }

  /** The newest of the largest share, if that stays the larger one without it. */
  function displacedBy(mine: number): { share: string; item: T } | undefined {
    const [share, items] = [...waiting].reduce((a, b) => (b[1].size > a[1].size ? b : a));
    const item = [...items].at(-1);
    return item !== undefined && items.size > mine + 1 ? { share, item } : undefined;
  }

  return {
    get size() {
      return size;
    },
    add(share, item) {
      const mine = waiting.get(share)?.size ?? 0;
      if (mine >= perShare) return { item, full: 'share' };
      const displaced = size >= inAll ? displacedBy(mine) : undefined;
      if (size >= inAll && displaced === undefined) return { item, full: 'all' };
      if (displaced !== undefined) remove(displaced.share, displaced.item);
      const items = waiting.get(share) ?? new Set();
      waiting.set(share, items.add(item));
      size++;
      return displaced && { item: displaced.item, full: 'all' };
    },
    take(may) {
      for (const [share, items] of waiting) {
        if (!may(share)) continue;
        for (const item of items) {
          remove(share, item);
          // To the end of the line.
          if (waiting.delete(share)) waiting.set(share, items);
          return { share, item };
        }
      }
      return undefined;
    },
    remove,
    clear() {
      waiting.clear();
      size = 0;
    },
  };
}
