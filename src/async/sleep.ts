/** Waits that leave no timer or listener behind. */
import { setImmediate } from 'node:timers/promises';
import type { Timers } from './timers.ts';

/** Lets the event loop do once what waits for it, such as sending a request. */
export const oneTurn = (): Promise<void> => setImmediate();

/** Resolves after `ms`, or at once when `signal` aborts. Unless other timers are given, it keeps the process alive. */
export function sleep(
  ms: number,
  signal: AbortSignal,
  timers: Timers = { set: setTimeout, clear: clearTimeout },
): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      timers.clear(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = timers.set(done, ms);
    signal.addEventListener('abort', done);
  });
}

/** Waits for `work`, but not longer than `ms`, and leaves no timer behind that would keep the process alive. */
export async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const done = new AbortController();
  await Promise.race([work.finally(() => done.abort()).catch(() => undefined), sleep(ms, done.signal)]);
}

export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
