/**
 * Remembers, across restarts and leaders, for which owners a pod was evicted, and up to when the pods of such an owner count as made
 * too early. One that was made later, and lacks the reference again, is never evicted: something takes it out of new pods, and
 * evictions would go on for ever. All times are those of the API server.
 */
import type { State } from '../observe/state.ts';
import type { HealingCopy, Judged, StuckPod } from '../plan/healing.ts';

export interface Rounds {
  /** Whether the pod was made after one of its owner's was evicted for this copy. */
  isLater(judged: Pick<Judged, 'pod' | 'copy'>): boolean;
  /** Before the first eviction of an owner: saves when the newest of these pods was made. Throws what the API server answers. */
  begin(judged: Pick<Judged, 'pod' | 'copy'>, made: Iterable<number | undefined>, signal: AbortSignal): Promise<void>;
}

/** The newest ones are kept. */
const MOST = 500;

export function createRounds(state: Pick<State, 'mac' | 'healed' | 'setHealed' | 'save'>): Rounds {
  /** A copy that was made anew, after an opt-out, is a new reason. */
  const idOf = ({ owner }: StuckPod, { copyName, uid = '' }: HealingCopy): string =>
    state.mac(JSON.stringify(['healed', owner?.uid, copyName, uid])).slice(0, 16);
  return {
    isLater({ pod, copy }) {
      const until = state.healed().get(idOf(pod, copy));
      return until !== undefined && (pod.createdAt ?? Infinity) > until;
    },
    async begin({ pod, copy }, made, signal) {
      const id = idOf(pod, copy);
      if (!state.healed().has(id)) {
        const newest = Math.max(...[...made, pod.createdAt].map((at) => at ?? 0));
        state.setHealed(new Map([...state.healed(), [id, newest] as const].slice(-MOST)));
      }
      // Also if the save before failed.
      await state.save(signal);
    },
  };
}
