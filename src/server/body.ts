/** The bytes of an answer. Of a large one they are there once, however many read it, and however slowly they do. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

/** Below this many bytes an answer fits into a packet or two, and compressing it saves nothing. */
const GZIP_FROM = 2 * 1024;

const compress = promisify(gzip);

interface Body {
  readonly plain: Buffer;
  /** undefined: too small to be worth it. */
  readonly gzipped: (() => Promise<Buffer>) | undefined;
}

/** Keeps the last answer of each path: a report of megabytes stays the same from one audit to the next. */
export function createBodies(): (path: string, text: string) => Body {
  const last = new Map<string, { readonly text: string; readonly body: Body }>();
  return (path, text) => {
    const known = last.get(path);
    if (known?.text === text) return known.body;
    const plain = Buffer.from(text);
    if (plain.length < GZIP_FROM) return { plain, gzipped: undefined };
    let packed: Promise<Buffer> | undefined;
    const body = { plain, gzipped: () => (packed ??= compress(plain)) };
    last.set(path, { text, body });
    return body;
  };
}
