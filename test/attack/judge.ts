/** Watches a controller from outside while others attack it: its memory, health, log and metric series. */
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Program } from '../integration/env/program.ts';

const EVERY_MS = 250;

interface Watched {
  /** Answers of /livez other than 200; 0: none within two seconds. */
  readonly unhealthy: readonly number[];
  /** The most resident memory, in MiB. */
  readonly peakMiB: number;
  readonly seconds: number;
  stop(): Promise<void>;
}

/** Resident memory of the process, in MiB. */
export async function residentMiB(program: Program): Promise<number> {
  const status = await readFile(`/proc/${program.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / 1024;
}

export function watchFromOutside(program: Program): Watched {
  const unhealthy: number[] = [];
  const from = performance.now();
  let peakMiB = 0;
  let stopped = false;
  async function watch(): Promise<void> {
    while (!stopped) {
      const status = await program.status('/livez');
      if (status !== 200) unhealthy.push(status);
      peakMiB = Math.max(peakMiB, await residentMiB(program));
      await delay(EVERY_MS);
    }
  }
  const watching = watch();
  return {
    unhealthy,
    get peakMiB() {
      return peakMiB;
    },
    get seconds() {
      return (performance.now() - from) / 1000;
    },
    async stop() {
      stopped = true;
      await watching;
    },
  };
}

/** Each series of ours: its name and labels, without its value. */
export async function seriesOf(program: Program): Promise<string[]> {
  const { text } = await program.page('/metrics');
  return text
    .split('\n')
    .filter((line) => line.startsWith('pullpass_'))
    .map((line) => line.slice(0, line.lastIndexOf(' ')))
    .sort();
}
