/**
 * Remembers which problems of which objects were reported, so that only news is written. Bounded for each share, and in all:
 * a share with many objects makes only its own be forgotten. What is forgotten counts as news when it is reported again.
 */
import { createBucket } from '../async/buckets.ts';
import type { Bucket, Rate } from '../async/buckets.ts';
import type { RecordedEvent, Regarding, Sightings } from './event-body.ts';

/** Largest number of remembered objects and problems together. */
const MOST = 8192;
const MOST_OF_A_SHARE = 512;
/** client-go's limit for one reporter and object. */
const OBJECT_RATE: Rate = { burst: 25, perSecond: 1 / 300 };

/** One problem of one object, as one Event. Milliseconds by a clock that nobody sets, where nothing else is said. */
export interface Series extends Sightings {
  readonly event: RecordedEvent;
  readonly name: string;
  readonly share: string;
  /** Milliseconds since 1970. */
  readonly firstAt: number;
  /** Limits how many Events about the object are written. */
  readonly bucket: Bucket;
  seenAt: number;
  /** The server has an Event of that name, as far as we know. */
  exists: boolean;
  /** It waits to be written, or is being written. */
  queued: boolean;
  /** When the server last answered a write of it. */
  answeredAt: number | undefined;
}

interface Known {
  readonly bucket: Bucket;
  readonly problems: Set<Series>;
}

interface EventMemory {
  /** What is known of an object, which is then the last to be forgotten. */
  of(share: string, regarding: Regarding): Known;
  /** Its problems, without that. */
  find(share: string, regarding: Regarding): readonly Series[];
  /** Only what is queued: that is not forgotten at once. */
  add(known: Known, series: Series): void;
  forget(series: Series): void;
}

export function createEventMemory(): EventMemory {
  /** Least recently reported first: shares, and the objects of each. */
  const shares = new Map<string, { readonly objects: Map<string, Known>; size: number }>();
  let size = 0;

  function count(name: string, by: number): void {
    const share = shares.get(name);
    if (share === undefined) return;
    share.size += by;
    size += by;
    if (share.size === 0) shares.delete(name);
  }

  /** An object with an Event that waits stays: it must be found when its problem is gone. */
  function forgetOldest(name: string): boolean {
    const objects = shares.get(name)?.objects;
    for (const [key, { problems }] of objects ?? []) {
      if ([...problems].some(({ queued }) => queued)) continue;
      objects?.delete(key);
      count(name, -1 - problems.size);
      return true;
    }
    return false;
  }

  function makeRoom(mine: string): void {
    while ((shares.get(mine)?.size ?? 0) >= MOST_OF_A_SHARE && forgetOldest(mine));
    for (const name of [...(size >= MOST ? shares.keys() : [])]) while (size >= MOST && forgetOldest(name));
  }

  return {
    of(name, regarding) {
      const key = keyOf(regarding);
      const before = shares.get(name)?.objects.get(key);
      if (before === undefined) makeRoom(name);
      const share = shares.get(name) ?? { objects: new Map<string, Known>(), size: 0 };
      shares.delete(name);
      shares.set(name, share);
      const known = before ?? { bucket: createBucket(OBJECT_RATE), problems: new Set() };
      if (!share.objects.delete(key)) count(name, 1);
      share.objects.set(key, known);
      return known;
    },
    find: (name, regarding) => [...(shares.get(name)?.objects.get(keyOf(regarding))?.problems ?? [])],
    add({ problems }, series) {
      problems.add(series);
      count(series.share, 1);
      makeRoom(series.share);
    },
    forget(series) {
      // The object stays known, so that a problem that comes and goes is still rate-limited.
      const known = shares.get(series.share)?.objects.get(keyOf(series.event.regarding));
      if (known?.problems.delete(series) === true) count(series.share, -1);
    },
  };
}

const keyOf = ({ apiVersion, kind, namespace, name, uid }: Regarding): string =>
  JSON.stringify([apiVersion, kind, namespace, name, uid]);
