/** Turns for computations that run at the same time: a step of one of them, then whatever else waits, probes and leases. */
import { setImmediate, setTimeout } from 'node:timers/promises';

/**
 * Half of the time is left to others. Once around the loop is not enough: it takes in one new connection each time, and
 * hundreds may stand before the kubelet's.
 */
export function createTurns(): () => Promise<void> {
  let last = Promise.resolve();
  let tookMs = 0;
  async function next(): Promise<void> {
    await setTimeout(Math.max(1, tookMs));
    const from = performance.now();
    // Not before the step that now begins has ended.
    void setImmediate().then(() => {
      tookMs = performance.now() - from;
    });
  }
  return () => (last = last.then(next));
}
