/** Programs of the Prometheus project that judge what we wrote, where they are installed. */
import { spawnSync } from 'node:child_process';
import { findOnPath } from '../sandbox/registry/on-path.ts';
import type { Found } from '../sandbox/registry/on-path.ts';

export const findPromtool = (): Found => findOnPath('promtool', 'on Debian, apt-get install prometheus');

/** Tells, in one line, what a test file does without. */
export function tellMissing(part: string, tool: Found): void {
  if ('missing' in tool) process.stderr.write(`skipped, ${part}: ${tool.missing}\n`);
}

/** What a tool printed, and its status. */
export function run(tool: Found, args: readonly string[], input = ''): { status: number | null; output: string } {
  if ('missing' in tool) throw new Error(tool.missing);
  const { status, stdout, stderr, error } = spawnSync(tool.found, args, {
    input,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error !== undefined) throw error;
  return { status, output: stdout + stderr };
}
