/** Backoff for our own writes of one object: stops an endless fast exchange with another writer that reverts each of them. */
export interface Pace {
  wrote(): void;
  /** How long to wait before the next write, in milliseconds; 0: write now. */
  pauseMs(): number;
}

/** Writes with less time between them count as a row. */
const ROW_MS = 60_000;
const FREE = 3;
const FIRST_MS = 500;
const LONGEST_MS = 10_000;

export function createPace(now: () => number): Pace {
  let times = 0;
  let at = 0;
  return {
    wrote() {
      times = now() - at < ROW_MS ? times + 1 : 1;
      at = now();
    },
    pauseMs: () => (times < FREE ? 0 : Math.max(0, at + Math.min(LONGEST_MS, FIRST_MS * 2 ** (times - FREE)) - now())),
  };
}
