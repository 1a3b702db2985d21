/** Watches the canaries of each rollout that has not passed, and moves it on. Every step of it is decided in rollout.ts. */
import type { SourceConfig } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import { looked } from './rollout.ts';
import type { Canaries, Rollout, Stage } from './rollout.ts';

export interface CanaryOptions {
  /** What is failing at the canaries of a source now, one line each; the same trouble gives the same line. */
  failing: (source: SourceConfig, canaries: Canaries, signal: AbortSignal) => Promise<readonly string[]>;
  /** The stage of a rollout may be another one now. */
  onLooked: (source: string, move: <C>(rollout: Rollout<C>) => Rollout<C>) => void;
  timers?: { set(run: () => void, ms: number): unknown; clear(timer: unknown): void };
}

export interface Canary {
  /** Watches the rollout from its stage on, unless that very stage is watched already. A settled one is left alone. */
  watch(source: SourceConfig, rollout: Rollout<{ readonly digest: string }>): void;
  stop(): void;
}

/** How long a halted rotation waits before it looks again, in milliseconds. */
const HALTED_AGAIN_MS = 30_000;
/** Where the canaries could not be looked at. That is no good news: the rest waits until somebody can. */
const UNSEEN_AGAIN_MS = 5_000;
const systemTimers = { set: (run: () => void, ms: number): unknown => setTimeout(run, ms).unref(), clear: (timer: unknown): void => clearTimeout(timer as NodeJS.Timeout) };

export function createCanary({ failing, onLooked, timers = systemTimers }: CanaryOptions): Canary {
  const watched = new Map<string, { readonly id: string; timer: unknown }>();
  const stopping = new AbortController();
  const clear = (source: string): void => {
    timers.clear(watched.get(source)?.timer);
    watched.delete(source);
  };

  function arm(source: SourceConfig, watch: { readonly id: string; timer: unknown }, stage: Exclude<Stage, { state: 'settled' }>, ms: number): void {
    watch.timer = timers.set(() => {
      const isCurrent = (): boolean => !stopping.signal.aborted && watched.get(source.name) === watch;
      failing(source, stage.canaries, stopping.signal).then(
        (lines) => {
          if (!isCurrent()) return;
          watched.delete(source.name);
          onLooked(source.name, (rollout) => looked(rollout, lines));
        },
        (error: unknown) => {
          if (!isCurrent()) return;
          // Before they have anything, nothing is halted; afterwards it is.
          if (stage.state !== 'looking') onLooked(source.name, (rollout) => looked(rollout, [`the canaries cannot be looked at: ${messageOf(error)}`]));
          if (watched.get(source.name) === watch) arm(source, watch, stage, UNSEEN_AGAIN_MS);
        },
      );
    }, ms);
  }

  return {
    watch(source, { newest, stage }) {
      if (stage.state === 'settled' || newest === undefined) return clear(source.name);
      const id = `${newest.digest} ${stage.state}`;
      if (watched.get(source.name)?.id === id) return;
      clear(source.name);
      const watch = { id, timer: undefined };
      watched.set(source.name, watch);
      arm(source, watch, stage, stage.state === 'looking' ? 0 : stage.state === 'halted' ? HALTED_AGAIN_MS : (source.canary?.seconds ?? 0) * 1000);
    },
    stop() {
      stopping.abort();
      for (const source of [...watched.keys()]) clear(source);
    },
  };
}
