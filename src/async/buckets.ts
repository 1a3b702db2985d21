/** Token buckets: a burst, and then so many in a time. */
import { monotonic } from '../clock.ts';

export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

export interface Bucket {
  /** false: empty, and nothing is taken. */
  take(): boolean;
  /** What was taken is not used. */
  giveBack(): void;
  isEmpty(): boolean;
  isFull(): boolean;
}

export function createBucket({ burst, perSecond }: Rate, now: () => number = monotonic): Bucket {
  let tokens = burst;
  let filledAt = now();
  function fill(): number {
    const at = now();
    // A clock that is set back takes nothing away.
    tokens = Math.min(burst, tokens + (Math.max(0, at - filledAt) / 1000) * perSecond);
    filledAt = at;
    return tokens;
  }
  return {
    take() {
      if (fill() < 1) return false;
      tokens--;
      return true;
    },
    giveBack() {
      tokens = Math.min(burst, tokens + 1);
    },
    isEmpty: () => fill() < 1,
    isFull: () => fill() >= burst,
  };
}

/** A bucket for each name. At most `most` are kept, those used last; a full one is as good as none. */
export function createBuckets(rate: Rate, most = 4096, now: () => number = monotonic): { take(name: string): boolean } {
  const buckets = new Map<string, Bucket>();
  function makeRoom(): void {
    for (const [name, bucket] of buckets) if (bucket.isFull()) buckets.delete(name);
    for (const name of buckets.keys()) {
      // Half, so that not each new name looks through all of them.
      if (buckets.size <= most / 2) return;
      buckets.delete(name);
    }
  }
  return {
    take(name) {
      const bucket = buckets.get(name) ?? createBucket(rate, now);
      buckets.delete(name);
      if (buckets.size >= most) makeRoom();
      buckets.set(name, bucket);
      return bucket.take();
    },
  };
}
