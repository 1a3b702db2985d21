/** Turns for computations that run at the same time: after a step of one, all else that waits runs, such as probes and leases. */
import { setImmediate, setTimeout } from 'node:timers/promises';

/**
 * Leaves half of the time to other work. One turn of the event loop is not enough: it accepts one new connection, and hundreds
 * may wait before the kubelet's.
 */
export function createTurns(): () => Promise<void> {
  let last = Promise.resolve();
  let tookMs = 0;
  async function next(): Promise<void> {
    await setTimeout(Math.max(1, tookMs));
    const from = performance.now();
    // Runs only after the step that now begins has ended.
    void setImmediate().then(() => {
      tookMs = performance.now() - from;
    });
  }
  return () => (last = last.then(next));
}
