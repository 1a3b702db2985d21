/** Keyed digests to compare texts, safe to log or to export: an unkeyed hash of a credential must never be kept. */
import { createHmac } from 'node:crypto';

/** Keyed digest of a text: may be kept and compared, and does not reveal the text. The same in every replica. */
export type Mac = (text: string) => string;

/**
 * HMAC-SHA256 of the content, in hex.
 * `key`: 32 random bytes from the controller's state. Without the key, a digest cannot be compared with a guess.
 */
export function digestOf(content: string | Uint8Array, key: Uint8Array): string {
  return createHmac('sha256', key).update(content).digest('hex');
}
