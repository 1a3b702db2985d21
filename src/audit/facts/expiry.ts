/** Whether a credential is about to end, by how long it lasts and whether something renews it. Pure. */
import type { PullEntry } from '../observe/observation.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** A person needs this long to get a new token. Also for tokens that do not say how long they last. */
const LONGEST_MS = 14 * DAY_MS;

/** What is known of the Secret that holds the entry. `createdAt`: milliseconds since 1970. */
export interface HeldIn {
  readonly createdAt?: number | undefined;
}

/**
 * How long before its end a credential counts as about to end, in milliseconds. A token of twelve hours is not about to end all its
 * life: a quarter of its life counts. A Secret that is much older than its token was written again since, as by External
 * Secrets: who renews often does so late in the life of a token, and only its last twelfth tells that it was not done.
 */
export function warningMs(
  { expiresAt, lifetimeMs }: Pick<PullEntry, 'expiresAt' | 'lifetimeMs'>,
  { createdAt }: HeldIn,
): number {
  if (expiresAt === undefined || lifetimeMs === undefined) return LONGEST_MS;
  const isRenewed = createdAt !== undefined && expiresAt - lifetimeMs - createdAt >= lifetimeMs / 2;
  return Math.min(
    LONGEST_MS,
    isRenewed ? Math.max(lifetimeMs / 12, 5 * MINUTE_MS) : Math.max(lifetimeMs / 4, 10 * MINUTE_MS),
  );
}

export function isEnding(entry: Pick<PullEntry, 'expiresAt' | 'lifetimeMs'>, heldIn: HeldIn, now: number): boolean {
  const { expiresAt } = entry;
  return expiresAt !== undefined && expiresAt > now && expiresAt - now <= warningMs(entry, heldIn);
}
