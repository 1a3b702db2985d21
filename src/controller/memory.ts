/** Loads the state Secret, which survives restarts. Without the right to it the controller goes on and remembers less. */
import { sleep } from '../async/sleep.ts';
import { kindOf, messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { STATE_NAME } from '../names.ts';
import { NewerStateError } from '../observe/records.ts';
import type { State } from '../observe/state.ts';

interface MemoryOptions {
  /** Where the Secret is. */
  namespace: string;
  log: Log;
  /** Ends the process: the state is none for this version. */
  halt: (why: Error) => void;
}

interface Memory {
  /**
   * Resolves when the state is loaded, or the API server refuses it for good. Creates the Secret if there is none; in a pause it
   * only reads. Tries as long as there is no answer: what was not read is not known to be absent.
   */
  load(paused: boolean, signal: AbortSignal): Promise<void>;
  /** At the end of a pause: does the write that `load` left out. */
  resume(signal: AbortSignal): Promise<void>;
  /** Why a load under way takes so long, one line; undefined: none does. */
  trouble(): string | undefined;
}

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 10_000;
/** How many refusals may pass by themselves, such as those of a gateway or a webhook in trouble: eight seconds. */
const PATIENCE = 5;

/** Without the Secret the controller still works, but after a restart it does not know which login it gave to a cache proxy. */
export function createMemory(state: State, { namespace, log, halt }: MemoryOptions): Memory {
  const what = `Secret ${namespace}/${STATE_NAME}`;
  let onlyLooked = false;
  let trouble: string | undefined;

  async function once(mayWrite: boolean, signal: AbortSignal): Promise<void> {
    if (mayWrite) await state.load(signal);
    else if (!(await state.peek(signal)).remembered) state.forget();
  }

  async function take(mayWrite: boolean, signal: AbortSignal): Promise<void> {
    onlyLooked = !mayWrite;
    let refusals = 0;
    for (let delayMs = FIRST_DELAY_MS; !signal.aborted; delayMs = Math.min(LONGEST_DELAY_MS, 2 * delayMs)) {
      try {
        await once(mayWrite, signal);
        break;
      } catch (error) {
        if (signal.aborted) break;
        if (error instanceof NewerStateError) return halt(error);
        if (['refused', 'forbidden'].includes(kindOf(error)) && ++refusals > PATIENCE) {
          state.forget();
          log.warn(
            `cannot keep state in ${what}: ${messageOf(error)}. Cache proxies are given their login again at each restart.`,
          );
          break;
        }
        if (trouble === undefined) log.warn(`cannot read ${what}, and nothing is done before: ${messageOf(error)}`);
        trouble = `${what}: ${messageOf(error)}`;
        await sleep(delayMs, signal);
      }
    }
    trouble = undefined;
  }

  return {
    load: (paused, signal) => take(!paused, signal),
    // The pause ends only after this.
    async resume(signal) {
      if (onlyLooked) await take(true, signal);
    },
    trouble: () => trouble,
  };
}
