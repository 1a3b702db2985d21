/**
 * Slows down writes that are undone: another writer may revert each write of an object at once, and without a pause both would
 * write as fast as the API server allows, for ever. Only a write that repeats the one before counts: the same `intent` for the
 * same object. One that follows from news, such as a rotation, has another intent and never waits.
 */
export interface Pace {
  /** Milliseconds until the object may be written with this intent; 0: now. */
  pauseMs(object: string, intent: string): number;
  /** The write succeeded. Returns whether writes of the object are undone again and again. */
  wrote(object: string, intent: string): boolean;
  /** Whether its writes are undone again and again. */
  isContested(object: string): boolean;
  /** Milliseconds until it no longer counts as contested, if nobody undoes the last write; 0: it does not. */
  quietInMs(object: string): number;
  forget(object: string): void;
}

/** A write that nobody undid for so long has settled it. Longer than {@link LONGEST_MS}: a held write must not look settled. */
const QUIET_MS = 10 * 60_000;
/** So many repeats wait for nothing: people and deployments may undo a write now and then. */
const FREE = 3;
const FIRST_MS = 1_000;
const LONGEST_MS = 5 * 60_000;
/**
 * Each time so long that a write stood takes one step of the delay back: an object that is undone once in a few minutes is
 * mended at once each time, which costs the API server nothing.
 */
const STEP_BACK_MS = 60_000;
/** The step of the longest delay: a long contest takes no longer to forget. */
const LAST_STEP = FREE + Math.ceil(Math.log2(LONGEST_MS / FIRST_MS));
/** Least recently written objects are forgotten: their writes start without a delay again. */
const MAX_OBJECTS = 50_000;

interface Row {
  readonly intent: string;
  /** When the last write was done, in milliseconds. */
  readonly at: number;
  /** How many writes in a row repeated the one before. */
  readonly repeats: number;
  /** The delay: {@link FREE} steps are none, each further one doubles it. */
  readonly step: number;
  /** When it was seen that the last write was undone. */
  undoneAt?: number;
}

/** `now`: a monotonic clock, in milliseconds. */
export function createPace(now: () => number): Pace {
  /** Least recently written first. */
  const rows = new Map<string, Row>();

  function rowOf(object: string): Row | undefined {
    const row = rows.get(object);
    if (row === undefined || now() - row.at < QUIET_MS) return row;
    rows.delete(object);
    return undefined;
  }

  function forgetOldest(): void {
    for (const [object, { at }] of rows) {
      if (rows.size <= MAX_OBJECTS && now() - at < QUIET_MS) return;
      rows.delete(object);
    }
  }

  return {
    pauseMs(object, intent) {
      const row = rowOf(object);
      if (row?.intent !== intent) return 0;
      row.undoneAt ??= now();
      return Math.max(0, row.at + delayOf(stepOf(row)) - now());
    },
    wrote(object, intent) {
      const row = rowOf(object);
      const repeated = row?.intent === intent;
      // News in the middle of a contest: it stays one.
      const repeats = (row?.repeats ?? 0) + (repeated ? 1 : 0);
      rows.delete(object);
      rows.set(object, {
        intent,
        at: now(),
        repeats,
        step: row === undefined ? 0 : repeated ? Math.min(LAST_STEP, stepOf(row) + 1) : row.step,
      });
      forgetOldest();
      return repeats >= FREE;
    },
    isContested: (object) => (rowOf(object)?.repeats ?? 0) >= FREE,
    quietInMs(object) {
      const row = rowOf(object);
      return row === undefined || row.repeats < FREE ? 0 : row.at + QUIET_MS - now();
    },
    forget: (object) => void rows.delete(object),
  };
}

function stepOf({ step, at, undoneAt = at }: Row): number {
  return Math.max(0, step - (undoneAt - at) / STEP_BACK_MS);
}

function delayOf(step: number): number {
  // Rounded: a write that stood for a moment does not make the next one free.
  const steps = Math.round(step) - FREE;
  return steps < 0 ? 0 : Math.min(LONGEST_MS, FIRST_MS * 2 ** steps);
}
