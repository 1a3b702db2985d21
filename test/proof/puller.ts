/** Pulls new images through the cache all the time, as the nodes of a busy cluster do. */
import type { Cache } from './caches.ts';
import type { Oracle } from './oracle.ts';

export interface PullerResult {
  /** Pulls that began after {@link Puller.mark}, and how many of them failed; before it, they may fail while a cache restarts. */
  readonly after: number;
  readonly failed: number;
  readonly before: number;
  readonly failedBefore: number;
  /** Of the first one that failed after the mark. */
  readonly why: string;
}

export interface Puller {
  /** From now on no pull may fail. */
  mark(): void;
  stop(): Promise<PullerResult>;
}

export function startPuller(oracle: Oracle, cache: Cache, repository: string, atOnce = 2): Puller {
  const pulls: { readonly began: number; readonly ok: boolean; readonly why: string }[] = [];
  let marked = Infinity;
  let stopped = false;

  async function loop(): Promise<void> {
    while (!stopped) {
      const tag = await oracle.push(repository);
      const began = performance.now();
      pulls.push({ began, ...(await oracle.pull(cache, repository, tag)) });
    }
  }
  const loops = Promise.all(Array.from({ length: atOnce }, loop));

  return {
    mark: () => void (marked = performance.now()),
    async stop() {
      stopped = true;
      await loops;
      const after = pulls.filter(({ began }) => began > marked);
      const before = pulls.filter(({ began }) => began <= marked);
      const failed = after.filter(({ ok }) => !ok);
      return {
        after: after.length,
        failed: failed.length,
        before: before.length,
        failedBefore: before.filter(({ ok }) => !ok).length,
        why: failed[0]?.why ?? '',
      };
    },
  };
}
