/**
 * What the leader remembers of the owners whose pods it looked at: when it may go on with each, and which pods it had before the
 * first eviction. A pod that the owner made after that and that lacks the reference, too, is not evicted. Bounded.
 */

/** One owner (or one pod without an owner) and one copy. Times are of a monotonic clock, in milliseconds. */
export interface Row {
  /** Not looked at before. */
  nextAt: number;
  /** Failures in a row. */
  failures: number;
  /** What was told last. */
  told?: string;
  /** UIDs of the pods that the owner had at the first eviction, and when the last one was. Absent: none was evicted. */
  round?: { readonly pods: ReadonlySet<string>; at: number };
}

export interface HealingMemory {
  /** A row that is not there is made. */
  of(id: string): Row;
  clear(): void;
}

/** Those used last stay. The times of the API server still tell whether a pod was made too early. */
const MOST = 4096;
/** After an opt-out and a new opt-in, pods of the same owner may be too early again. */
const ROUND_MS = 3_600_000;

export function createHealingMemory(now: () => number): HealingMemory {
  const rows = new Map<string, Row>();
  return {
    of(id) {
      const row = rows.get(id) ?? { nextAt: 0, failures: 0 };
      if (row.round !== undefined && now() - row.round.at >= ROUND_MS) delete row.round;
      rows.delete(id);
      rows.set(id, row);
      for (const oldest of rows.keys()) {
        if (rows.size <= MOST) break;
        rows.delete(oldest);
      }
      return row;
    },
    clear: () => rows.clear(),
  };
}
