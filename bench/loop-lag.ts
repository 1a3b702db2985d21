/** Loaded into the controller: from one SIGUSR2 to the next it measures the event loop's delay, each millisecond, and says the percentile. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

let delay: ReturnType<typeof monitorEventLoopDelay> | undefined;
process.on('SIGUSR2', () => {
  if (delay === undefined) {
    delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    return;
  }
  delay.disable();
  process.stdout.write(`${JSON.stringify({ level: 'info', msg: 'event loop', p99: delay.percentile(99) / 1e6 })}\n`);
  delay = undefined;
});
