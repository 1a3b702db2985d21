/** Follows each rotation until every carrier has the new content, then logs "rotation complete". */
import { monotonic } from '../clock.ts';
import type { Log } from '../log.ts';
import { some } from '../text.ts';
import type { ObservedSource } from '../plan/observed.ts';
import type { SourceStanding, HeldRemovals } from '../plan/namespace-plan.ts';

interface RotationMeter {
  /** `namespaces`: how many carriers, cache proxies included, do not have the new content yet. */
  pending(source: string, namespaces: number): void;
  complete(source: string, seconds: number): void;
}

export interface Rotations {
  /** A content of `source` must reach all `carriers`. `first`: the source had no content before. */
  begin(source: string, digest: string, carriers: Iterable<string>, first: boolean): void;
  /** A namespace was reconciled. `planned`: the contents in force when it was planned; `held`: what the brake keeps there. */
  settle(
    namespace: string,
    standings: readonly SourceStanding[],
    planned: readonly ObservedSource[],
    held?: HeldRemovals,
  ): void;
  /** A cache proxy has the current content. `carrier`: `proxy/<name>`. */
  arrive(source: string, carrier: string): void;
  /** A namespace is gone, or terminating. */
  drop(namespace: string): void;
  /** Stops following the rotations of all sources but `stay`: after a reload, or, without `stay`, at the end of a term. */
  clear(stay?: ReadonlySet<string>): void;
}

interface Rotation {
  readonly digest: string;
  readonly waiting: Set<string>;
  readonly startedAt: number;
  readonly first: boolean;
  /** Those of `waiting` whose own obstacle must go first, with what it is. */
  readonly blocked: Map<string, string>;
  copies: number;
  /** Whether it was said that it waits only for those. */
  said: boolean;
}

export function createRotations(log: Log, meter: RotationMeter, now: () => number = monotonic): Rotations {
  const rotations = new Map<string, Rotation>();

  function leave(source: string, namespace: string, isCopy: boolean): void {
    const rotation = rotations.get(source);
    if (!rotation?.waiting.delete(namespace)) return;
    rotation.blocked.delete(namespace);
    if (isCopy) rotation.copies++;
    meter.pending(source, rotation.waiting.size);
    if (rotation.waiting.size > 0) return sayBlocked(source, rotation);
    rotations.delete(source);
    const seconds = (now() - rotation.startedAt) / 1000;
    const facts = { source, copies: rotation.copies, seconds: Number(seconds.toFixed(3)) };
    if (rotation.first) return log.info(facts, 'every copy and cache proxy carries the source');
    meter.complete(source, seconds);
    log.info(
      facts,
      'rotation complete: as far as the controller sees, every copy has the new content, and every cache proxy is done with the login before',
    );
  }

  /** Once: nothing that Pullpass does can complete it. */
  function sayBlocked(source: string, rotation: Rotation): void {
    const { waiting, blocked } = rotation;
    if (rotation.said || blocked.size < waiting.size) return;
    rotation.said = true;
    const who = some([...blocked].map(([namespace, by]) => `${namespace} (${by})`));
    log.warn({ source, blocked: blocked.size }, `rotation not complete: all others are done, and blocked is ${who}`);
  }

  return {
    begin(source, digest, carriers, first) {
      const waiting = new Set(carriers);
      if (waiting.size === 0) return;
      rotations.set(source, { digest, waiting, startedAt: now(), first, blocked: new Map(), copies: 0, said: false });
      meter.pending(source, waiting.size);
    },
    settle(namespace, standings, planned, held) {
      for (const { source, copy, choice, blockedBy } of standings) {
        const rotation = rotations.get(source);
        // The plan is older than the content, and may have written the old one. Another reconcile follows.
        if (rotation === undefined || planned.find(({ config }) => config.name === source)?.digest !== rotation.digest)
          continue;
        // A copy that the brake keeps still has the old login, and is no longer updated.
        if (held?.copies.some((kept) => kept.source === source && !kept.current)) continue;
        // Settled: no write is needed, because the copy is in sync, not wanted, or not ours to write (an audit reports that).
        if (copy === 'blocked' && choice.in) {
          if (rotation.waiting.has(namespace)) rotation.blocked.set(namespace, blockedBy ?? 'refused');
          sayBlocked(source, rotation);
          continue;
        }
        rotation.blocked.delete(namespace);
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
