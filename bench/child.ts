/** Runs a program as a child, and says what it used. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';

/** At its end a process says what it has used. Linux counts its parent's memory into maxRSS, but not into VmHWM. */
const USAGE = `
  const { readFileSync, writeSync } = require('node:fs');
  process.on('exit', () => {
    const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
    const peak = process.platform === 'linux' ? Number(/VmHWM:\\s*(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) : maxRSS;
    writeSync(3, JSON.stringify({ cpu: (userCPUTime + systemCPUTime) / 1000, megabytes: peak / 1024 }));
  });
`;

export interface Cost {
  /** User and system, in milliseconds: on a machine that others use, too, it says more than the wall clock. */
  readonly cpu: number;
  /** In milliseconds: until it ended, or said `until`. */
  readonly wall: number;
  /** The largest RSS. */
  readonly megabytes: number;
}

/** Node with these arguments; `folder`: for files. Once it has said `until` it is told to stop. */
export async function costOf(folder: string, args: readonly string[], until?: string): Promise<Cost> {
  const usage = path.join(folder, 'usage.cjs');
  writeFileSync(usage, USAGE);
  const begun = performance.now();
  const child = spawn(process.execPath, ['--require', usage, ...args], {
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
  });
  const used = text(child.stdio[3] as NodeJS.ReadableStream);
  let wall: number | undefined;
  child.stdout?.on('data', (chunk: Buffer) => {
    if (wall !== undefined || until === undefined || !chunk.includes(until)) return;
    wall = performance.now() - begun;
    child.kill();
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`node ${args.join(' ')}: exit status ${String(code)}`);
  wall ??= performance.now() - begun;
  return { ...(JSON.parse(await used) as Omit<Cost, 'wall'>), wall };
}
