/** Timers as a parameter, so that a test need not wait for them. */

export interface Timers {
  /** Calls `run` once, `ms` milliseconds from now. */
  set(run: () => void, ms: number): unknown;
  clear(timer: unknown): void;
}

/** They do not keep the process alive. */
export const systemTimers: Timers = {
  set: (run, ms) => setTimeout(run, ms).unref(),
  clear: (timer) => clearTimeout(timer as NodeJS.Timeout),
};
