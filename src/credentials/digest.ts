/** Keyed digests to compare texts, safe to log or to export: an unkeyed hash of a credential must never be kept. */
import { createHmac } from 'node:crypto';

/** Keyed digest of a text: may be kept and compared, and does not reveal the text. The same in every replica. */
export type Mac = (text: string) => string;

/**
 * HMAC-SHA256 of the content, in hex.
 * `key`: 32 random bytes from the controller's state. Without the key, a digest cannot be compared with a guess.
 */
export function digestOf(content: string | Uint8Array, key: Uint8Array): string {
  if (typeof content !== 'string' || content.length > LONGEST) return compute(content, key);
  const recent = memory.get(key) ?? [];
  const found = recent.find((known) => known.content === content) ?? { content, digest: compute(content, key) };
  if (recent[0] !== found) memory.set(key, [found, ...recent.filter((known) => known !== found)].slice(0, REMEMBERED));
  return found.digest;
}

/** Thousands of copies have the content of a few sources: an HMAC of it costs more than all else that is done with one. */
const REMEMBERED = 4;
/** Characters: a tenant may put up to 1 MiB into a Secret. */
const LONGEST = 64 * 1024;
/** By key, so that a new key forgets them; the newest first. */
const memory = new WeakMap<Uint8Array, readonly { readonly content: string; readonly digest: string }[]>();

const compute = (content: string | Uint8Array, key: Uint8Array): string =>
  createHmac('sha256', key).update(content).digest('hex');
