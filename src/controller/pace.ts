/** Keeps two writers of one object from answering each other as fast as they can: after a few writes in a row the next one waits. */
export interface Pace {
  wrote(): void;
  /** How long not to write, in milliseconds; 0: go on. */
  pauseMs(): number;
}

/** Writes that follow each other by less count as in a row. */
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
