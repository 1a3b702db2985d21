/**
 * Byte strings: one character per byte (latin1), like Go's strings. The kubelet compares, sorts and unescapes bytes;
 * on byte strings JavaScript's own `<`, `startsWith` and `indexOf` do the same.
 */

/** A string of characters below U+0100, one for each byte. */
export type ByteString = string;

export function toByteString(content: string | Uint8Array): ByteString {
  return (
    typeof content === 'string'
      ? Buffer.from(content)
      : Buffer.from(content.buffer, content.byteOffset, content.byteLength)
  ).toString('latin1');
}

// The byte sequences that Unicode calls well-formed (table 3-7 of the standard), or any single byte.
const CHARACTER = new RegExp(
  '[\\xc2-\\xdf][\\x80-\\xbf]|\\xe0[\\xa0-\\xbf][\\x80-\\xbf]|[\\xe1-\\xec\\xee\\xef][\\x80-\\xbf]{2}|\\xed[\\x80-\\x9f][\\x80-\\xbf]' +
    '|\\xf0[\\x90-\\xbf][\\x80-\\xbf]{2}|[\\xf1-\\xf3][\\x80-\\xbf]{3}|\\xf4[\\x80-\\x8f][\\x80-\\xbf]{2}|[^]',
  'gy',
);
const NOT_ASCII = /[\x80-\xff]/;
const REPLACEMENT: ByteString = '\xef\xbf\xbd'; // U+FFFD

/** The UTF-8 character that starts at `index`, else the single byte there; empty at the end. */
export function characterAt(bytes: ByteString, index: number): ByteString {
  CHARACTER.lastIndex = index;
  return CHARACTER.exec(bytes)?.[0] ?? '';
}

export function isUtf8(bytes: ByteString): boolean {
  return !NOT_ASCII.test(bytes) || (bytes.match(CHARACTER) ?? []).every((character) => !isStray(character));
}

/** Text of a byte string. Every byte that is not part of well-formed UTF-8 becomes one U+FFFD, as in Go. */
export function toText(bytes: ByteString): string {
  if (!NOT_ASCII.test(bytes)) return bytes;
  // TextDecoder would replace a whole invalid sequence by one U+FFFD; Go replaces each byte.
  const repaired = bytes.replace(CHARACTER, (character) => (isStray(character) ? REPLACEMENT : character));
  return Buffer.from(repaired, 'latin1').toString();
}

/** Whether this result of {@link characterAt} is a byte outside any well-formed character. */
export function isStray(character: ByteString): boolean {
  return character.length === 1 && NOT_ASCII.test(character);
}
