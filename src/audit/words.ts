/** Numbers and lists in sentences. */

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
