/** What the leader remembers, for a term, of the owners whose pods it looked at. Bounded: those used last stay. */

/** One owner (or one pod without an owner) and one copy. */
export interface Row {
  /** Not looked at before, on a monotonic clock, in milliseconds. */
  nextAt: number;
  /** Failures in a row. */
  failures: number;
  /** What was told last. */
  told?: string;
}

export interface HealingMemory {
  /** A row that is not there is made. */
  of(id: string): Row;
  clear(): void;
}

const MOST = 4096;

export function createHealingMemory(): HealingMemory {
  const rows = new Map<string, Row>();
  return {
    of(id) {
      const row = rows.get(id) ?? { nextAt: 0, failures: 0 };
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
