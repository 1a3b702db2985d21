/** The controller as a process, as it runs in a cluster: its log, its metrics, its exit. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { ExpectationError } from './expect.ts';
import { PROGRAM } from '../../program.ts';
import { environment } from './pullpass.ts';

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface Controller {
  readonly pid: number;
  /** Every line so far, as written. */
  readonly log: readonly string[];
  /** A line whose message has this text, written after `since` lines; waits for it. */
  logged(message: string, since?: number): Promise<LogLine>;
  /** The exposition of /metrics. */
  metrics(): Promise<string>;
  /** SIGTERM; gives the exit status, and how long it took in milliseconds. */
  stop(): Promise<{ code: number | null; ms: number }>;
  /** At once and without questions, if it still runs. */
  kill(): Promise<void>;
}

/** What the manifests give it between SIGTERM and SIGKILL. */
const GRACE_MS = 30_000;

export function startController({
  config,
  kubeconfig,
  signal,
}: {
  config: string;
  kubeconfig: string;
  signal: AbortSignal;
}): Controller {
  const args = [
    'controller',
    '--config',
    config,
    '--kubeconfig',
    kubeconfig,
    '--address',
    '127.0.0.1:0',
    '--identity',
    'demo',
  ];
  // A process group of its own: Ctrl-C reaches the demo, and the demo stops the controller.
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: environment(),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const log: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => log.push(line));
  const gone = new Promise<number | null>((resolve) => child.once('exit', resolve).once('error', () => resolve(null)));
  let running = true;
  void gone.then(() => {
    running = false;
  });

  async function logged(message: string, since = 0): Promise<LogLine> {
    for (
      const deadline = performance.now() + 20_000;
      performance.now() < deadline;
      await delay(5, undefined, { signal })
    ) {
      const line = log.slice(since).find((text) => text.includes(message));
      if (line !== undefined) return JSON.parse(line) as LogLine;
      if (!running) throw new ExpectationError(`the controller ended: ${log.at(-1) ?? 'it said nothing'}`);
    }
    throw new ExpectationError(`the controller did not log "${message}"`);
  }

  return {
    pid: child.pid ?? 0,
    log,
    logged,
    async metrics() {
      const { url } = await logged('serving /livez');
      return (await fetch(`${String(url)}/metrics`, { signal })).text();
    },
    async stop() {
      const startedAt = performance.now();
      child.kill('SIGTERM');
      const patience = new AbortController();
      const late = delay(GRACE_MS, undefined, { signal: AbortSignal.any([signal, patience.signal]) }).then(() => {
        throw new ExpectationError(`the controller still runs ${GRACE_MS / 1000} s after SIGTERM`);
      });
      const code = await Promise.race([gone, late]);
      patience.abort();
      await late.catch(() => undefined);
      return { code, ms: performance.now() - startedAt };
    },
    async kill() {
      if (!running) return;
      child.kill('SIGKILL');
      await gone;
    },
  };
}
