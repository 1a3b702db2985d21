/** Digests to compare contents by, safe to log or to export: guarantee 8 allows no unsalted hash of a credential. */
import { createHmac } from 'node:crypto';

/** Keyed digest of a text: may be kept and compared, says nothing about the text. The same in every replica. */
export type Mac = (text: string) => string;

/**
 * HMAC-SHA256 of the content, in hex.
 * `key`: 32 random bytes that are kept in the controller's state: who cannot read that cannot compare.
 */
export function digestOf(content: string | Uint8Array, key: Uint8Array): string {
  return createHmac('sha256', key).update(content).digest('hex');
}
