/** Warns once an hour of each kind of trouble, however often it comes. */
import { monotonic } from '../clock.ts';
import type { Log } from '../log.ts';

const HOUR_MS = 3_600_000;
/** A server decides some kinds. */
const MOST_KINDS = 64;

export type HourlyLog = (kind: string, facts: object, text: string) => void;

export function createHourlyLog(log: Log): HourlyLog {
  const logged = new Map<string, number>();
  return (kind, facts, text) => {
    const before = logged.get(kind);
    if (before !== undefined && monotonic() - before < HOUR_MS) return;
    if (logged.size >= MOST_KINDS) logged.clear();
    logged.set(kind, monotonic());
    log.warn(facts, text);
  };
}
