/** Sentences: numbers and lists in them, and texts of strangers made fit for a line of ours. The one place for both. */

/** `1 copy`, `2 copies`. */
export const plural = (n: number, one: string, many = `${one}s`): string => `${n} ${agree(n, one, many)}`;

/** The word that goes with a number: `agree(n, 'is', 'are')`. */
export const agree = (n: number, one: string, many: string): string => (n === 1 ? one : many);

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

/** What no terminal, log or page should get from a stranger: control characters, line breaks, direction marks. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** On one line: what cannot be printed and white space become one space. */
export const oneLine = (text: string): string => text.replace(/[\s\p{C}\p{Zl}\p{Zp}]+/gu, ' ');

/** A text of others inside a sentence: on one line, no longer than `limit` characters. */
export function fit(text: string, limit = 300): string {
  const flat = oneLine(text.slice(0, 8 * limit)).trim();
  return flat.length > limit ? `${flat.slice(0, limit)}...` : flat;
}

/** A text of others whose every character counts, such as a key: what cannot be printed is named. */
export const printable = (text: string): string =>
  text.replace(UNPRINTABLE, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);

/** A name or a value of others in quotes: no longer than 80 characters. */
export function quote(value: string): string {
  const flat = value.slice(0, 200).replace(UNPRINTABLE, '?');
  return JSON.stringify(flat.length > 80 ? `${flat.slice(0, 77)}...` : flat);
}

/** Several of them, each once: the first few, and how many more there are. */
export const quoteList = (values: Iterable<string>): string => some([...new Set(values)].map(quote), 5);

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
