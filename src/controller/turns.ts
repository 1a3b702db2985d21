/** Turns for computations that run at the same time: a step of one of them, then whatever else waits, probes and leases. */
import { setImmediate } from 'node:timers/promises';

export function createTurns(): () => Promise<void> {
  let last = Promise.resolve();
  return () => (last = last.then(() => setImmediate()));
}
