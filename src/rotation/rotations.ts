/** Follows each rotation until every namespace and cache proxy carries the new content: the one line that people wait for. */
import type { Log } from '../log.ts';
import type { ObservedSource } from '../plan/observed.ts';
import type { SourceStanding, HeldRemovals } from '../plan/namespace-plan.ts';

interface RotationMeter {
  /** How many namespaces still have to be looked at or written. */
  pending(source: string, namespaces: number): void;
  complete(source: string, seconds: number): void;
}

export interface Rotations {
  /** The content of `source` with this digest is to reach all `carriers`. `first`: there was none before. */
  begin(source: string, digest: string, carriers: Iterable<string>, first: boolean): void;
  /** A namespace was reconciled, and stands like this now. `planned`: what each source had to give when it was planned; `held`: what it keeps. */
  settle(
    namespace: string,
    standings: readonly SourceStanding[],
    planned: readonly ObservedSource[],
    held?: HeldRemovals,
  ): void;
  /** A cache proxy, by its name among the carriers, has the current content. */
  arrive(source: string, carrier: string): void;
  /** A namespace is gone, or about to go. */
  drop(namespace: string): void;
  /** Gives up the rotations of all sources but `stay`: those no longer configured, or all that this replica led. */
  clear(stay?: ReadonlySet<string>): void;
}

interface Rotation {
  readonly digest: string;
  readonly waiting: Set<string>;
  readonly startedAt: number;
  readonly first: boolean;
  copies: number;
}

export function createRotations(
  log: Log,
  meter: RotationMeter,
  now: () => number = () => performance.now(),
): Rotations {
  const rotations = new Map<string, Rotation>();

  function leave(source: string, namespace: string, isCopy: boolean): void {
    const rotation = rotations.get(source);
    if (!rotation?.waiting.delete(namespace)) return;
    if (isCopy) rotation.copies++;
    meter.pending(source, rotation.waiting.size);
    if (rotation.waiting.size > 0) return;
    rotations.delete(source);
    const seconds = (now() - rotation.startedAt) / 1000;
    const facts = { source, copies: rotation.copies, seconds: Number(seconds.toFixed(3)) };
    if (rotation.first) return log.info(facts, 'every copy and cache proxy carries the source');
    meter.complete(source, seconds);
    log.info(facts, 'rotation complete: every copy and cache proxy carries the new content');
  }

  return {
    begin(source, digest, carriers, first) {
      const waiting = new Set(carriers);
      if (waiting.size === 0) return;
      rotations.set(source, { digest, waiting, startedAt: now(), first, copies: 0 });
      meter.pending(source, waiting.size);
    },
    settle(namespace, standings, planned, held) {
      const digests = new Map(planned.map(({ config, digest }) => [config.name, digest]));
      for (const { source, copy, choice } of standings) {
        // Planned before the content changed: it may have written the old one. It is looked at once more.
        if (digests.get(source) !== rotations.get(source)?.digest) continue;
        // What the brake keeps still has the login before, and is not written any more.
        if (held?.copies.some((kept) => kept.source === source && !kept.current)) continue;
        // Settled is what needs no write: in sync, not asked for, or not ours to write (a finding says so).
        if (copy !== 'stale' && copy !== 'missing' && copy !== 'terminating')
          leave(source, namespace, choice.in && copy === 'in sync');
      }
    },
    arrive: (source, carrier) => leave(source, carrier, false),
    drop(namespace) {
      for (const source of [...rotations.keys()]) leave(source, namespace, false);
    },
    clear(stay) {
      for (const source of [...rotations.keys()]) {
        if (stay?.has(source)) continue;
        meter.pending(source, 0);
        rotations.delete(source);
      }
    },
  };
}
