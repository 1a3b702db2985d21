/** The lines of a watch, as text. */

/** One object is far smaller: etcd accepts 1.5 MiB. */
const MAX_LINE_CHARS = 16 * 1024 * 1024;

/** Takes chunks, and returns the lines that each of them ends; a last line without a line break (the stream broke) is dropped. */
export function createLines(): (chunk: Uint8Array) => readonly string[] {
  const decoder = new TextDecoder();
  /** Parts of the unfinished line: joined only at its end, because joining at each chunk is quadratic. */
  let pieces: string[] = [];
  let size = 0;
  return (chunk) => {
    const lines = decoder.decode(chunk, { stream: true }).split('\n');
    const rest = lines.pop() ?? '';
    if (lines.length > 0 && pieces.length > 0) lines[0] = pieces.join('') + lines[0];
    if (lines.length > 0) [pieces, size] = [[], 0];
    if (rest !== '') pieces.push(rest);
    size += rest.length;
    if (size > MAX_LINE_CHARS) throw new Error(`a line is longer than ${MAX_LINE_CHARS} characters`);
    return lines;
  };
}

const CHANGE = /^\{"type":"(?:ADDED|MODIFIED)",/;
const VERSION = '"resourceVersion":"';

/**
 * The resourceVersion of an event that brings an object, without parsing it; undefined: none is found. The API server writes it before
 * all that others decide of an object, such as labels.
 */
export function versionOf(line: string): string | undefined {
  if (!CHANGE.test(line)) return undefined;
  const at = line.indexOf(VERSION);
  if (at === -1) return undefined;
  const from = at + VERSION.length;
  return line.slice(from, line.indexOf('"', from));
}
