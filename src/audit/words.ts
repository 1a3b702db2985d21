/** Numbers and lists in sentences. */

export const plural = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;

/** `is` for one, `are` for more. */
export const be = (n: number): string => (n === 1 ? 'is' : 'are');

/** The first few, and how many more there are. */
export function some(names: readonly string[], shown = 3): string {
  const first = names.slice(0, shown).join(', ');
  return names.length > shown ? `${first} and ${names.length - shown} more` : first;
}

export const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** A text of others inside a sentence: one line, bounded, without control characters and direction marks. */
export function oneLineOf(text: string, limit = 300): string {
  const flat = text.slice(0, 8 * limit).replace(/[\s\p{C}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  return flat.length > limit ? `${flat.slice(0, limit)}...` : flat;
}
