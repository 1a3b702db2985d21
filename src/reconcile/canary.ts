/**
 * A new content goes to a few namespaces and cache proxies first. If pulls start to fail there, it stays there: the rest
 * keeps the content before. Pure bookkeeping but for the clock and the look at the canaries, which are handed in.
 */
import type { SourceConfig } from '../config/schema.ts';
import { messageOf } from '../errors.ts';

/** The few that go first. */
export interface Canaries {
  readonly namespaces: ReadonlySet<string>;
  readonly proxies: ReadonlySet<string>;
}

export interface CanaryOptions {
  /** Who can go first: namespaces that have a copy of the source, and its cache proxies; sorted. */
  candidates: (source: SourceConfig) => { namespaces: readonly string[]; proxies: readonly string[] };
  /** What is failing at the canaries now, one line each; the same trouble gives the same line. */
  failing: (canaries: Canaries, signal: AbortSignal) => Promise<readonly string[]>;
  /** The phase of a source changed: plan again, and tell. */
  onChange: (source: string) => void;
  timers?: { set(run: () => void, ms: number): unknown; clear(timer: unknown): void };
}

export type Phase =
  | { readonly state: 'all' }
  /** The canaries have it, and are being watched. */
  | { readonly state: 'canary'; readonly canaries: Canaries }
  /** Pulls started to fail at the canaries. It goes on by itself once they stop, or when the source changes. */
  | { readonly state: 'halted'; readonly canaries: Canaries; readonly why: readonly string[] };

export interface Canary {
  /** Called when a new content (its digest) was accepted that is not the first. */
  begin(source: SourceConfig, digest: string): void;
  phase(source: string, digest: string | undefined): Phase;
  stop(): void;
}

interface Run {
  readonly digest: string;
  phase: Phase;
  timer?: unknown;
}

/** How long a halted rotation waits before it looks again, in milliseconds. */
const HALTED_AGAIN_MS = 30_000;
const ALL: Phase = { state: 'all' };
const systemTimers = { set: (run: () => void, ms: number): unknown => setTimeout(run, ms).unref(), clear: (timer: unknown): void => clearTimeout(timer as NodeJS.Timeout) };

export function createCanary({ candidates, failing, onChange, timers = systemTimers }: CanaryOptions): Canary {
  const runs = new Map<string, Run>();
  const stopping = new AbortController();

  async function look(canaries: Canaries): Promise<readonly string[]> {
    // Not being able to look is no good news: the rest waits until somebody can.
    return failing(canaries, stopping.signal).catch((error: unknown) => [`the canaries cannot be looked at: ${messageOf(error)}`]);
  }

  function watch(source: SourceConfig, run: Run, canaries: Canaries, before: ReadonlySet<string>, afterMs: number): void {
    run.timer = timers.set(() => {
      void look(canaries).then((lines) => {
        if (stopping.signal.aborted || runs.get(source.name) !== run) return;
        // What failed before has nothing to do with the new login.
        const why = lines.filter((line) => !before.has(line));
        if (why.length === 0) {
          run.phase = ALL;
        } else {
          run.phase = { state: 'halted', canaries, why };
          watch(source, run, canaries, before, HALTED_AGAIN_MS);
        }
        onChange(source.name);
      });
    }, afterMs);
  }

  return {
    begin(source, digest) {
      timers.clear(runs.get(source.name)?.timer);
      runs.delete(source.name);
      if (source.canary === undefined) return;
      const { namespaces, proxies } = candidates(source);
      const canaries = { namespaces: new Set(namespaces.slice(0, source.canary.namespaces)), proxies: new Set(proxies.slice(0, source.canary.proxies)) };
      const run: Run = { digest, phase: { state: 'canary', canaries } };
      runs.set(source.name, run);
      const afterMs = source.canary.seconds * 1000;
      void look(canaries).then((lines) => {
        if (!stopping.signal.aborted && runs.get(source.name) === run) watch(source, run, canaries, new Set(lines), afterMs);
      });
    },
    phase(source, digest) {
      const run = runs.get(source);
      return run?.digest === digest ? (run?.phase ?? ALL) : ALL;
    },
    stop() {
      stopping.abort();
      for (const { timer } of runs.values()) timers.clear(timer);
    },
  };
}
