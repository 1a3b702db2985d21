/** Starts `bare.ts` as a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Done, Job } from './bare.ts';

export function startBare(kubeconfig: string): { do(job: Job): Promise<Done>; end(): void } {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'bare.ts'), kubeconfig], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('the loop ended')));
  ended.catch(() => undefined);
  return {
    async do(job) {
      child.stdin.write(`${JSON.stringify(job)}\n`);
      const [line] = (await Promise.race([once(lines, 'line'), ended])) as [string];
      return JSON.parse(line) as Done;
    },
    end: () => child.stdin.end(),
  };
}
