/** Programs of the Prometheus project that judge what we wrote, where they are installed. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { findOnPath } from '../sandbox/registry/on-path.ts';
import type { Found } from '../sandbox/registry/on-path.ts';

export const findPromtool = (): Found => findOnPath('promtool', 'on Debian, apt-get install prometheus');

/** A Python that has the reference parser of OpenMetrics: the first one on PATH need not be the one that Debian installs into. */
export function findOpenMetricsParser(searchPath = process.env['PATH'] ?? ''): Found {
  for (const directory of searchPath.split(path.delimiter)) {
    const python = findOnPath('python3', '', directory);
    if (
      'found' in python &&
      spawnSync(python.found, ['-c', 'import prometheus_client.openmetrics.parser']).status === 0
    )
      return python;
  }
  return { missing: 'no python3 on PATH has prometheus_client: on Debian, apt-get install python3-prometheus-client' };
}

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
