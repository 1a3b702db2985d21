/** Texts of strangers, cut and set free: V8 keeps the whole of a text in memory as long as a slice of it is kept. */

/** The first characters of a text; the text itself where it is no longer than that. */
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
