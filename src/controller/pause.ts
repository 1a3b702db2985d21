/** `paused: true` in the configuration: writes end within seconds, everything that only looks goes on. */
import type { Log } from '../log.ts';
import type { Applier } from '../reconcile/apply.ts';
import type { Metrics } from '../server/metrics.ts';
import type { WorkQueue } from './work-queue.ts';
import { SupersededError } from '../kube/races.ts';

/** The rest of a namespace's plan: it is planned again when the pause is over. */
export class PausedError extends SupersededError {
  override name = 'PausedError';
}

interface Pause {
  /** Takes the word of a configuration. A pause begins at once, and ends with {@link end}. */
  set(paused: boolean): void;
  /** All that came with the configuration is in force: ends the pause, if that is its word. */
  end(): Promise<void>;
  readonly on: boolean;
  /** Resolves when there is none. */
  over(): Promise<void>;
  /** The same applier, which begins no further write in a pause: a namespace in flight does not go through with its plan. */
  guard(applier: Applier): Applier;
}

interface PauseOptions {
  queue: Pick<WorkQueue<string>, 'pause' | 'resume'>;
  /** Makes up for what was left out in a pause, before anything is written again. */
  beforeWrites: () => Promise<void>;
  log: Log;
  metrics: Pick<Metrics, 'paused'>;
}

export function createPause({ queue, beforeWrites, log, metrics }: PauseOptions): Pause {
  let on = false;
  let wanted = false;
  let over = Promise.resolve();
  let finish: () => void = () => undefined;
  return {
    get on() {
      return on;
    },
    over: () => over,
    set(paused) {
      wanted = paused;
      if (!paused || on) return;
      on = true;
      ({ promise: over, resolve: finish } = Promise.withResolvers<void>());
      queue.pause();
      metrics.paused.set(1);
      log.warn('paused by the configuration: nothing is written, and no login is tried, until it says paused: false');
    },
    async end() {
      if (wanted || !on) return;
      await beforeWrites();
      // Another configuration may have come meanwhile.
      if (wanted) return;
      on = false;
      metrics.paused.set(0);
      log.info('the pause is over: everything is looked at again');
      queue.resume();
      finish();
    },
    guard: (applier) => ({
      async apply(action, signal) {
        if (on) throw new PausedError('paused by the configuration');
        await applier.apply(action, signal);
      },
    }),
  };
}
