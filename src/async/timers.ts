/** Timers that can be handed in, so that a test need not wait for them. */

export interface Timers {
  /** Calls `run` once, `ms` milliseconds from now. */
  set(run: () => void, ms: number): unknown;
  clear(timer: unknown): void;
}

/** They do not keep the process alive: what waits here is no reason to stay. */
export const systemTimers: Timers = {
  set: (run, ms) => setTimeout(run, ms).unref(),
  clear: (timer) => clearTimeout(timer as NodeJS.Timeout),
};
