/** Runs test files in a copy of the project, in a process that can be ended. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Order } from './worker.ts';

export interface Runner {
  /** Whether the tests pass, in so many milliseconds. `clean`: the file's text without a mistake in it. */
  run(order: Order, clean: string, ms: number): Promise<boolean>;
  stop(): void;
}

const START_MS = 60_000;

export function createRunner(copy: string, stopping: AbortSignal): Runner {
  let child: ChildProcess | undefined;
  /** Undefined: the process ended first. Rejects when it takes too long. */
  const answer = async (from: ChildProcess, ms: number): Promise<unknown> => {
    const done = new AbortController();
    const signal = AbortSignal.any([stopping, done.signal, AbortSignal.timeout(ms)]);
    const first = (event: string): Promise<unknown[]> => once(from, event, { signal });
    try {
      return await Promise.race([first('message').then(([message]) => message), first('exit').then(() => undefined)]);
    } finally {
      done.abort();
    }
  };
  const stop = (): void => {
    try {
      // With all that a test may have started.
      if (child?.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // it has ended by itself
    }
    child = undefined;
  };
  return {
    stop,
    async run(order, clean, ms) {
      if (stopping.aborted) return false;
      try {
        if (child === undefined) {
          child = fork(join(copy, 'test/mutation/worker.ts'), {
            cwd: copy,
            detached: true,
            stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
          });
          await answer(child, START_MS);
          // Not at the mutant's expense: the first run transforms everything.
          child.send({ ...order, text: clean });
          await answer(child, START_MS);
        }
        child.send(order);
        return (await answer(child, ms)) === true;
      } catch {
        stop();
        return false;
      } finally {
        if (child?.exitCode !== null || child.signalCode !== null) child = undefined;
      }
    },
  };
}
