/** What is remembered across restarts, or what to do without. */
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { STATE_NAME } from '../names.ts';
import type { State } from '../observe/state.ts';

interface Memory {
  /** Takes what is remembered. Makes the Secret where there is none, but in a pause: then it is only looked at. */
  load(paused: boolean, signal: AbortSignal): Promise<void>;
  /** After a pause: what was only looked at is made up for. */
  resume(signal: AbortSignal): Promise<void>;
}

/** Without the Secret the controller still works; it then forgets at a restart what it gave to whom. */
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
    // The pause lasts until this is done.
    async resume(signal) {
      if (onlyLooked) await take(true, signal);
    },
  };
}
