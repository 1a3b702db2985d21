/** Runs commands of the real program, each as a process of its own. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { PROGRAM } from '../../program.ts';

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `pullpass(['plan', ...])`. Never rejects because of the exit status. */
export type Pullpass = (args: readonly string[]) => Promise<Finished>;

export function createPullpass({ signal, color }: { signal: AbortSignal; color: boolean }): Pullpass {
  return async (args) => {
    const child = spawn(process.execPath, [PROGRAM, ...args], {
      env: environment(color),
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
      killSignal: 'SIGKILL',
    });
    const exit = new Promise<number | null>((resolve, reject) => child.once('exit', resolve).once('error', reject));
    const [code, stdout, stderr] = await Promise.all([exit, text(child.stdout), text(child.stderr)]);
    return { code, stdout, stderr };
  };
}

/** Without the caller's own configuration: no KUBECONFIG, no PULLPASS_*, no HTTP proxy. */
export function environment(color = false): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env;
  return { PATH, HOME, LOG_LEVEL: 'info', NO_PROXY: '*', ...(color ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' }) };
}
