/** The bytes of an answer. A large one is in memory once, for any number of clients, however slow they are. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

/** An answer with fewer bytes fits into a packet or two: compressing it saves nothing. */
const GZIP_FROM = 2 * 1024;

const compress = promisify(gzip);

interface Body {
  readonly plain: Buffer;
  /** undefined: too small to compress. */
  readonly gzipped: (() => Promise<Buffer>) | undefined;
}

/** Keeps the last large answer of each path: a report of megabytes stays the same between two audits. */
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
