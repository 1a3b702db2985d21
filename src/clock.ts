/**
 * The clocks. The time of day can be set back or forth by an hour or a year while we run, so each use names what it needs:
 *
 * - a duration in this process: `monotonic`
 * - a time that is saved, and that decides later, maybe in another process: `steady`
 * - a time for people, or compared with one that others wrote: `wall`. It decides no wait without a bound.
 *
 * Lint keeps every other file from reading the time of day.
 */

/** Milliseconds since some moment in the past. Never goes back; stands still while the machine sleeps. */
export const monotonic = (): number => performance.now();

/** Milliseconds since 1970, as the clock of the machine has it now. */
export const wall = (): number => Date.now();

/** Milliseconds since 1970 by what the clock said at the start of the process: no change of it since moves this. */
export const steady = (): number => performance.timeOrigin + performance.now();
