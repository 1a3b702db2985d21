/** Loads the state Secret, which survives restarts; without it the controller goes on and remembers less. */
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { STATE_NAME } from '../names.ts';
import type { State } from '../observe/state.ts';

interface Memory {
  /** Loads the state. Creates the Secret if there is none; in a pause it only reads. */
  load(paused: boolean, signal: AbortSignal): Promise<void>;
  /** At the end of a pause: does the write that `load` left out. */
  resume(signal: AbortSignal): Promise<void>;
}

/** Without the Secret the controller still works, but after a restart it does not know which login it gave to a cache proxy. */
export function createMemory(state: State, { namespace, log }: { namespace: string; log: Log }): Memory {
  let onlyLooked = false;

  async function take(mayWrite: boolean, signal: AbortSignal): Promise<void> {
    onlyLooked = !mayWrite;
    try {
      if (mayWrite) return await state.load(signal);
      if (!(await state.peek(signal)).remembered) state.forget();
    } catch (error) {
      if (signal.aborted) return;
      state.forget();
      log.warn(
        `cannot keep state in Secret ${namespace}/${STATE_NAME}: ${messageOf(error)}. Cache proxies are given their login again at each restart.`,
      );
    }
  }

  return {
    load: (paused, signal) => take(!paused, signal),
    // The pause ends only after this.
    async resume(signal) {
      if (onlyLooked) await take(true, signal);
    },
  };
}
