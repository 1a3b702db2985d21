/**
 * How many writes are under way at once. A server that is asked for more than it can do answers later, and everybody else's answers come
 * later, too: so when answers take longer than they have to, fewer writes are sent at a time, and they take no longer in all.
 */
import { monotonic } from '../clock.ts';
import { retryAfterOf } from '../errors.ts';
import type { Applier } from '../reconcile/apply.ts';

/** Runs a write when its turn comes. */
type WriteLimit = <T>(write: () => Promise<T>) => Promise<T>;

interface WriteLimitOptions {
  readonly most: number;
  /** Monotonic, in milliseconds. */
  readonly now?: () => number;
  /** How many there may be from now on. */
  readonly onChange?: (writes: number) => void;
}

/** Also on the slowest server: one write may hang. */
const FEWEST = 4;
/** An answer may take so many times as long as the fastest: with fewer at once Node works dearer, and its own CPU is what lasts. */
const TOLERANCE = 4;
/** Fewest answers that are judged together. */
const ROUND = 8;
/** The fastest answers of the last one or two of these count: a server may become slower for good. */
const WINDOW_MS = 5 * 60_000;
/** No answer is quicker than this. */
const SHORTEST_MS = 0.1;
/** All writes that are under way are told the same: it counts once. */
const HALVED_MS = 1_000;

/** The same applier; its writes take turns. */
export function limited(applier: Applier, options: WriteLimitOptions): Applier {
  const limit = createWriteLimit(options);
  return { ...applier, apply: (action, signal) => limit(() => applier.apply(action, signal)) };
}

export function createWriteLimit({ most, now = monotonic, onChange }: WriteLimitOptions): WriteLimit {
  let limit = Math.max(1, most / 2);
  let running = 0;
  const waiting: (() => void)[] = [];
  let round = { ms: [] as number[], full: false };
  let halvedAt = -Infinity;
  let fastest = { since: now(), now: Infinity, before: Infinity };
  onChange?.(Math.floor(limit));

  function set(next: number): void {
    const before = Math.floor(limit);
    limit = Math.min(most, Math.max(Math.min(FEWEST, most), next));
    round = { ms: [], full: false };
    if (Math.floor(limit) !== before) onChange?.(Math.floor(limit));
  }

  function answered(ms: number): void {
    if (now() - fastest.since > WINDOW_MS) fastest = { since: now(), now: Infinity, before: fastest.now };
    // One by one: the first to come finds the server idle, and most of many never do.
    fastest.now = Math.min(fastest.now, Math.max(ms, SHORTEST_MS));
    if (round.ms.push(ms) < Math.max(ROUND, limit)) return;
    // Not the mean: a webhook that is slow for some namespaces says nothing of the server, and must not hold up all others.
    const median = Math.max(round.ms.sort((a, b) => a - b)[Math.floor(round.ms.length / 2)] ?? 0, SHORTEST_MS);
    const best = Math.min(fastest.now, fastest.before);
    const next = limit * Math.min(1, Math.max(0.5, (TOLERANCE * best) / median)) + Math.sqrt(limit);
    // Answers to a few writes say nothing about many.
    set(round.full ? next : Math.min(next, limit));
  }

  function start(): void {
    while (running < Math.floor(limit)) {
      const next = waiting.shift();
      if (next === undefined) return;
      running++;
      next();
    }
    if (waiting.length > 0) round.full = true;
  }

  return async (write) => {
    if (waiting.length === 0 && running < Math.floor(limit)) running++;
    else
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        start();
      });
    const startedAt = now();
    try {
      const result = await write();
      answered(now() - startedAt);
      return result;
    } catch (error) {
      // 429 and 503 say when to come again: the server has enough to do.
      if (retryAfterOf(error) !== undefined && now() - halvedAt >= HALVED_MS) {
        halvedAt = now();
        set(limit / 2);
      }
      throw error;
    } finally {
      running--;
      start();
    }
  };
}
