/** Numbers, lists and the texts of strangers in sentences of ours. */

export const plural = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;

/** `is` for one, `are` for more. */
export const be = (n: number): string => (n === 1 ? 'is' : 'are');

/** The first few, and how many more there are. */
export function some(names: readonly string[], shown = 3): string {
  const first = names.slice(0, shown).join(', ');
  return names.length > shown ? `${first} and ${names.length - shown} more` : first;
}

/** `2026-03-01 12:00 UTC`. */
export const minute = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

export const capital = (text: string): string => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;

/** A text of others at the end of our own, as a sentence. */
export const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);

/** A text of others inside a sentence: one line, bounded, without control characters and direction marks. */
export function oneLineOf(text: string, limit = 300): string {
  const flat = text
    .slice(0, 8 * limit)
    .replace(/[\s\p{C}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim();
  return flat.length > limit ? `${flat.slice(0, limit)}...` : flat;
}

/**
 * The first characters of a text, set free; the text itself where it is no longer than that. V8 keeps the whole of a text in
 * memory as long as a slice of it is kept.
 */
export function cut(text: string, characters: number): string {
  return text.length <= characters ? text : Buffer.from(text.slice(0, characters)).toString();
}

/** The first few of a list, no more than so many characters in all; each cut. */
export function cutList(texts: Iterable<string>, each: number, inAll: number): string[] {
  const kept: string[] = [];
  let left = inAll;
  for (const text of texts) {
    const short = cut(text, each);
    left -= short.length + 1;
    if (left < 0) break;
    kept.push(short);
  }
  return kept;
}
