/** Starts `bare.ts` as a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Done, Job, Write } from './bare.ts';

export interface Loop {
  do(job: Job): Promise<Done>;
  /** One write each 20 ms, as long as the work takes. */
  during(work: () => Promise<unknown>): Promise<Done>;
  end(): void;
}

export function startBare(kubeconfig: string): Loop {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'bare.ts'), kubeconfig], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('the loop ended')));
  ended.catch(() => undefined);
  const tell = (text: string): void => void child.stdin.write(`${text}\n`);
  const answer = async (): Promise<Done> => {
    const [line] = (await Promise.race([once(lines, 'line'), ended])) as [string];
    return JSON.parse(line) as Done;
  };
  return {
    do(job) {
      tell(JSON.stringify(job));
      return answer();
    },
    async during(work) {
      const write: Write = {
        method: 'PATCH',
        path: '/api/v1/namespaces/default/configmaps/neighbour',
        type: 'application/merge-patch+json',
        body: { metadata: { annotations: { now: 'now' } } },
      };
      tell(JSON.stringify({ write, everyMs: 20 } satisfies Job));
      await work();
      tell('');
      return answer();
    },
    end: () => child.stdin.end(),
  };
}
