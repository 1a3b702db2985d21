/** What is remembered across restarts, or what to do without. */
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { STATE_NAME } from '../names.ts';
import type { State } from '../reconcile/state.ts';

/** Without the Secret the controller still works; it then forgets at a restart what it gave to whom. */
export async function loadOrForget(state: State, { namespace, log }: { namespace: string; log: Log }, signal: AbortSignal): Promise<void> {
  try {
    await state.load(signal);
  } catch (error) {
    if (signal.aborted) return;
    state.forget();
    log.warn(`cannot keep state in Secret ${namespace}/${STATE_NAME}: ${messageOf(error)}. Cache proxies are given their login again at each restart.`);
  }
}
