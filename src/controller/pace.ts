/** Keeps two writers of one object from answering each other as fast as they can: after a few writes in a row the next one waits. */
export interface Pace {
  wrote(name: string): void;
  /** How long not to write, in milliseconds; 0: go on. */
  pauseMs(name: string): number;
  forget(name: string): void;
}

/** Writes that follow each other by less count as in a row. */
const ROW_MS = 60_000;
const FREE = 3;
const FIRST_MS = 500;
const LONGEST_MS = 10_000;

export function createPace(now: () => number): Pace {
  const writes = new Map<string, { times: number; at: number }>();
  return {
    wrote(name) {
      const before = writes.get(name);
      writes.set(name, { times: before !== undefined && now() - before.at < ROW_MS ? before.times + 1 : 1, at: now() });
    },
    pauseMs(name) {
      const { times, at } = writes.get(name) ?? { times: 0, at: 0 };
      return times < FREE ? 0 : Math.max(0, at + Math.min(LONGEST_MS, FIRST_MS * 2 ** (times - FREE)) - now());
    },
    forget: (name) => void writes.delete(name),
  };
}
