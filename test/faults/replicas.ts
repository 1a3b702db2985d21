/** The replicas of a run: started, stopped, killed, frozen and asked for /livez. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { ReplicaOrder } from './replica.ts';

export interface Replica {
  readonly identity: string;
  readonly running: boolean;
  /** Its last log lines. */
  readonly lines: readonly string[];
  start(): void;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves when it is gone. */
  terminate(): Promise<void>;
  freeze(): void;
  thaw(): void;
  moveClock(ms: number): void;
  /** Why it says that only a restart helps; undefined: it does not, or does not answer. */
  dead(): Promise<string | undefined>;
}

const KEPT = 400;
/** The test process may end early; these must not outlive it. */
const alive = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

export function createReplica(order: ReplicaOrder, onCrash: (what: string) => void): Replica {
  let child: ChildProcess | undefined;
  let url: string | undefined;
  let frozen = false;
  const lines: string[] = [];

  const replica: Replica = {
    identity: order.identity,
    get running() {
      return child !== undefined;
    },
    lines,
    start() {
      if (child !== undefined) return;
      url = undefined;
      frozen = false;
      const started = fork(path.join(import.meta.dirname, 'replica.ts'), {
        env: { PATH: process.env['PATH'] ?? '', NODE_NO_WARNINGS: '1', REPLICA: JSON.stringify(order) },
        execArgv: [],
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      });
      child = started;
      alive.add(started);
      let expected = false;
      started.on('message', (message: { url?: string }) => {
        url = message.url;
      });
      for (const stream of [started.stdout, started.stderr])
        stream?.setEncoding('utf8').on('data', (text: string) => {
          lines.push(...text.split('\n').filter((line) => line !== ''));
          lines.splice(0, lines.length - KEPT);
        });
      started.once('exit', (code, signal) => {
        if (child === started) child = undefined;
        alive.delete(started);
        // Before it is set up, SIGTERM ends it as any process.
        expected ||= signal === 'SIGKILL' || signal === 'SIGTERM' || code === 0;
        if (!expected) onCrash(`${order.identity} ended by itself: ${signal ?? code}; ${lines.slice(-3).join('; ')}`);
      });
    },
    kill: () => end('SIGKILL'),
    terminate: () => end('SIGTERM'),
    freeze() {
      frozen = child?.kill('SIGSTOP') === true;
    },
    thaw() {
      frozen = false;
      child?.kill('SIGCONT');
    },
    moveClock: (ms) => void child?.send({ moveMs: ms }, () => undefined),
    async dead() {
      if (url === undefined || frozen || child === undefined) return undefined;
      const asked = child;
      try {
        const answer = await fetch(`${url}/livez`, { signal: AbortSignal.timeout(2_000) });
        const text = await answer.text();
        return answer.status === 200 || asked !== child ? undefined : text;
      } catch {
        // Starting, ending, or busy: the kubelet, too, asks more than once.
        return undefined;
      }
    },
  };

  async function end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const ending = child;
    if (ending === undefined) return;
    const gone = once(ending, 'exit');
    ending.kill('SIGCONT');
    ending.kill(signal);
    // A stop is bounded; a replica that is asked to stop in the middle of faults may need the whole bound.
    const timer = setTimeout(() => ending.kill('SIGKILL'), 10_000);
    await gone;
    clearTimeout(timer);
  }
  return replica;
}
