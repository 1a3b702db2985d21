/** `paused: true` in the configuration: writes stop within seconds, and everything that only reads goes on. */
import type { Log } from '../log.ts';
import type { Applier } from '../reconcile/apply.ts';
import type { Metrics } from '../server/metrics.ts';
import type { WorkQueue } from './work-queue.ts';
import { SupersededError } from '../kube/races.ts';

export interface Pause {
  /** Takes `paused` from a new configuration. A pause begins at once, and ends with {@link end}. */
  set(paused: boolean): void;
  /** Call when all of the configuration is in force: ends the pause if the configuration is not paused. */
  end(): Promise<void>;
  readonly on: boolean;
  /** Resolves when there is no pause. */
  over(): Promise<void>;
  /** Wraps an applier: in a pause it begins no further write, so a namespace in flight does not finish its plan. */
  pausable(applier: Applier): Applier;
}

interface PauseOptions {
  queue: Pick<WorkQueue<string>, 'pause' | 'resume'>;
  /** Does what the pause left out, before any other write. */
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
      // Another reload may have paused again.
      if (wanted) return;
      on = false;
      metrics.paused.set(0);
      log.info('the pause is over: everything is looked at again');
      queue.resume();
      finish();
    },
    pausable: (applier) => ({
      whoUndid: (action, signal) => (on ? Promise.resolve(undefined) : applier.whoUndid(action, signal)),
      async apply(action, signal) {
        // The rest of a namespace's plan is planned again when the pause is over.
        if (on) throw new SupersededError('paused by the configuration');
        await applier.apply(action, signal);
      },
    }),
  };
}
