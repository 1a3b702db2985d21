/** Watches the canaries of each rollout that has not passed, and moves it on. Every step of it is decided in rollout.ts. */
import type { Timers } from '../async/timers.ts';
import type { SourceConfig } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import { looked } from './rollout.ts';
import type { Canaries, Rollout, Stage } from './rollout.ts';

type Trial = Exclude<Stage, { state: 'settled' }>;
interface Watch {
  readonly id: string;
  timer: unknown;
}

export interface CanaryOptions {
  /**
   * How many of the canaries have the content with this digest. `settling`: all, but a cache proxy may still work with the one
   * before. `gone`: none of them is to have it any more.
   */
  arrival: (source: SourceConfig, canaries: Canaries, digest: string) => 'none' | 'some' | 'settling' | 'all' | 'gone';
  /** Other canaries must be chosen: these are gone, or do not get the content. */
  onGone: (source: string) => void;
  /** What fails at the canaries of a source now, one line each; the same failure always gives the same line. */
  failing: (source: SourceConfig, canaries: Canaries, signal: AbortSignal) => Promise<readonly string[]>;
  /** The canaries were looked at: the rollout is to take this step. */
  onLooked: (source: string, move: <C>(rollout: Rollout<C>) => Rollout<C>) => void;
  timers: Timers;
}

export interface Canary {
  /** Watches the rollout from its stage on, unless that stage is watched already. A settled rollout needs no watch. */
  watch(source: SourceConfig, rollout: Rollout<{ readonly digest: string }>): void;
  stop(): void;
}

/** How long a halted rollout waits before its canaries are looked at again, in milliseconds. */
const HALTED_AGAIN_MS = 30_000;
/** How often to check whether the canaries have the content, in milliseconds. Before that, their pulls prove nothing. */
const ARRIVAL_AGAIN_MS = 1_000;
/** Then it goes on with the canaries that have it, or with others: one copy that cannot be written must not delay all carriers. */
const ARRIVAL_PATIENCE_MS = 5 * 60_000;
/** As the one before, for a cache proxy that does not settle: by default that takes up to eight minutes, or a restart. */
const SETTLING_PATIENCE_MS = 30 * 60_000;
/** How long to wait if the canaries could not be looked at: that proves nothing, so the rest waits until they can be. */
const UNSEEN_AGAIN_MS = 5_000;

export function createCanary({ arrival, onGone, failing, onLooked, timers }: CanaryOptions): Canary {
  const watched = new Map<string, Watch>();
  const stopping = new AbortController();
  const clear = (source: string): void => {
    timers.clear(watched.get(source)?.timer);
    watched.delete(source);
  };

  function arm(source: SourceConfig, watch: Watch, stage: Trial, ms: number): void {
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
          // Before the canaries have the content there is nothing to halt; afterwards the rollout is halted.
          if (stage.state !== 'looking')
            onLooked(source.name, (rollout) =>
              looked(rollout, [`the canaries cannot be looked at: ${messageOf(error)}`]),
            );
          if (watched.get(source.name) === watch) arm(source, watch, stage, UNSEEN_AGAIN_MS);
        },
      );
    }, ms);
  }

  /** Their time begins when they have it. `waited`: milliseconds by the timers, so that a clock that moves changes nothing. */
  function awaitArrival(source: SourceConfig, watch: Watch, stage: Trial, digest: string, waited = 0): void {
    const who = arrival(source, stage.canaries, digest);
    const isLate = waited >= ARRIVAL_PATIENCE_MS;
    if (who === 'all' || (who === 'some' && isLate) || (who === 'settling' && waited >= SETTLING_PATIENCE_MS))
      return arm(source, watch, stage, (source.canary?.seconds ?? 0) * 1000);
    watch.timer = timers.set(() => {
      if (stopping.signal.aborted || watched.get(source.name) !== watch) return;
      if (who === 'settling' || (who !== 'gone' && !isLate))
        return awaitArrival(source, watch, stage, digest, waited + ARRIVAL_AGAIN_MS);
      clear(source.name);
      onGone(source.name);
    }, ARRIVAL_AGAIN_MS);
  }

  return {
    watch(source, { newest, stage }) {
      if (stage.state === 'settled' || newest === undefined) return clear(source.name);
      const id = `${newest.digest} ${stage.state}`;
      if (watched.get(source.name)?.id === id) return;
      clear(source.name);
      const watch = { id, timer: undefined };
      watched.set(source.name, watch);
      if (stage.state === 'canary') awaitArrival(source, watch, stage, newest.digest);
      else arm(source, watch, stage, stage.state === 'looking' ? 0 : HALTED_AGAIN_MS);
    },
    stop() {
      stopping.abort();
      for (const source of watched.keys()) clear(source);
    },
  };
}
