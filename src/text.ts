/** Text for sentences: plurals, lists, and foreign texts made safe for a line of ours. The one place for all of them. */

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

export const uncapital = (text: string): string => `${text.slice(0, 1).toLowerCase()}${text.slice(1)}`;

/** A foreign text at the end of our own: ends with a full stop, if it has no end mark. */
export const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);

/** What no terminal, log or page should get from a foreign text: control characters, line breaks, direction marks. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** On one line: each run of white space and unprintable characters becomes one space. */
export const oneLine = (text: string): string => text.replace(/[\s\p{C}\p{Zl}\p{Zp}]+/gu, ' ');

/** A foreign text inside a sentence: on one line, cut after `limit` characters. */
export function fit(text: string, limit = 300): string {
  const flat = oneLine(text.slice(0, 8 * limit)).trim();
  return flat.length > limit ? `${flat.slice(0, limit)}...` : flat;
}

/** A foreign text in which every character counts, such as a key: an unprintable one is shown as its code point. */
export const printable = (text: string): string =>
  text.replace(UNPRINTABLE, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);

/** A foreign name or value in quotes, at most 80 characters of it. */
export function quote(value: string): string {
  const flat = value.slice(0, 200).replace(UNPRINTABLE, '?');
  return JSON.stringify(flat.length > 80 ? `${flat.slice(0, 77)}...` : flat);
}

/** Several values in quotes, each once: the first few, and how many more there are. */
export const quoteList = (values: Iterable<string>): string => some([...new Set(values)].map(quote), 5);

/**
 * The first characters of a text, as a copy: V8 keeps the whole text in memory as long as a slice of it is kept. A text that is
 * short enough is returned as it is.
 */
export function cut(text: string, characters: number): string {
  return text.length <= characters ? text : Buffer.from(text.slice(0, characters)).toString();
}

/** The first texts of a list, each cut to `each` characters; at most `inAll` characters in total. */
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
