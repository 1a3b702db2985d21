/** Digests to compare contents by, safe to log or to export: guarantee 8 allows no unsalted hash of a credential. */
import { createHmac } from 'node:crypto';

/**
 * HMAC-SHA256 of the content, in hex.
 * `key`: 32 random bytes made once a process. Digests of two processes cannot be compared, and that is the point.
 */
export function digestOf(content: string | Uint8Array, key: Uint8Array): string {
  return createHmac('sha256', key).update(content).digest('hex');
}
