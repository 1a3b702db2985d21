/** What a process used, from /proc: other means stop or slow it. Linux only. */
import { readFileSync, writeFileSync } from 'node:fs';

/** MiB. `anon`: what is the process's own, without the pages of its program file. */
export interface Memory {
  readonly rss: number;
  readonly anon: number;
  /** The largest RSS since {@link resetPeak}. */
  readonly peak: number;
}

const TICKS_PER_SECOND = 100;

/** Seconds of CPU, user and system, since its start. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

export function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const of = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]) / 1024;
  return { rss: of('VmRSS'), anon: of('RssAnon'), peak: of('VmHWM') };
}

export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** Share of all CPUs that other processes used meanwhile is not known; this is the share that was idle, 0..1. */
export function idleSince(before: readonly number[] = [0, 0]): {
  readonly idle: number;
  readonly now: readonly number[];
} {
  const [first = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  const counts = first.split(/\s+/).slice(1, 9).map(Number);
  const all = counts.reduce((sum, count) => sum + count, 0);
  const idle = (counts[3] ?? 0) + (counts[4] ?? 0);
  const [beforeIdle = 0, beforeAll = 0] = before;
  return { idle: (idle - beforeIdle) / Math.max(1, all - beforeAll), now: [idle, all] };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
