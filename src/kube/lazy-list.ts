/**
 * A list whose objects are parsed one at a time, when somebody asks for them: so a page of large objects is in memory as the bytes that
 * came, and one of them as an object. Why, and what it saves: docs/design/0031-audit-weight.md.
 */
import { TooLargeError } from './api-error.ts';

const FIRST_BYTES = 256 * 1024;
const [QUOTE, BACKSLASH] = [0x22, 0x5c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/** Memory for the pages of one list, used again and again: what is allocated for each waits for the garbage collector. */
export class PageBuffers {
  readonly #spare: Buffer[] = [];

  /** A list that comes in chunks, of `maxBytes` at most: `take` throws TooLargeError. */
  page(maxBytes: number): Page {
    let buffer = this.#spare.pop() ?? Buffer.allocUnsafeSlow(FIRST_BYTES);
    let size = 0;
    return {
      take(chunk) {
        const needed = size + chunk.length;
        if (needed > maxBytes) throw new TooLargeError(`the answer is larger than ${maxBytes} bytes`);
        if (needed > buffer.length) {
          const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * buffer.length));
          buffer.copy(larger, 0, 0, size);
          buffer = larger;
        }
        buffer.set(chunk, size);
        size = needed;
      },
      parse: () => parseList(buffer.subarray(0, size), () => this.#spare.push(buffer)),
    };
  }
}

interface Page {
  take(chunk: Uint8Array): void;
  /** All but its objects. Throws SyntaxError. */
  parse(): unknown;
}

/** Dispose of them when they are read: their memory is used for another page. */
export class LazyItems implements Iterable<unknown>, Disposable {
  #bytes: Buffer | undefined;
  readonly #bounds: readonly number[];
  readonly #release: () => void;

  /** `bounds`: where each item begins and ends. */
  constructor(bytes: Buffer, bounds: readonly number[], release: () => void) {
    this.#bytes = bytes;
    this.#bounds = bounds;
    this.#release = release;
  }

  get length(): number {
    return this.#bounds.length / 2;
  }

  /** Throws SyntaxError at an object that is not JSON. */
  *[Symbol.iterator](): Generator<unknown> {
    for (let i = 0; i < this.#bounds.length; i += 2) {
      if (this.#bytes === undefined) throw new Error('the memory of these items is in use for others');
      yield JSON.parse(this.#bytes.toString('utf8', this.#bounds[i], this.#bounds[i + 1]));
    }
  }

  [Symbol.dispose](): void {
    if (this.#bytes === undefined) return;
    this.#bytes = undefined;
    this.#release();
  }
}

/** `items`, if there are any, become {@link LazyItems}. Throws SyntaxError; what is no list, or none of objects, is left as it is. */
function parseList(bytes: Buffer, release: () => void): unknown {
  const bounds = boundsOfItems(bytes);
  const count = bounds.length / 2;
  const around: string[] = [];
  for (let i = -1; i < bounds.length; i += 2) around.push(bytes.toString('utf8', bounds[i] ?? 0, bounds[i + 1]));
  // A number stands for each object.
  const list: unknown = JSON.parse(around.join('0'));
  const { items } = (list ?? {}) as { items?: unknown };
  if (count > 0 && Array.isArray(items) && items.length === count)
    return { ...(list as object), items: new LazyItems(bytes, bounds, release) };
  // Other values are among the objects, or in other `items` behind them.
  const whole: unknown = count === 0 ? list : JSON.parse(bytes.toString('utf8'));
  release();
  return whole;
}

/** Begin and end of each object that is directly in `items` of the outermost object. Of what is no JSON they mean nothing. */
function boundsOfItems(bytes: Buffer): number[] {
  const { length } = bytes;
  const bounds: number[] = [];
  let depth = 0;
  let inItems = false;
  /** The last string of the outermost object: before a list it is its key. */
  let keyFrom = 0;
  let keyTo = 0;
  for (let i = 0; i < length; i++) {
    const byte = bytes[i];
    if (byte === QUOTE) {
      const from = ++i;
      while (i < length && bytes[i] !== QUOTE) i += bytes[i] === BACKSLASH ? 2 : 1;
      if (depth === 1) [keyFrom, keyTo] = [from, i];
    } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
      depth++;
      if (depth === 2 && byte === OPEN_LIST) {
        inItems = bytes.toString('utf8', keyFrom, keyTo) === 'items';
        // Of several the last one counts.
        if (inItems) bounds.length = 0;
      } else if (depth === 3 && inItems) bounds.push(i);
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
      depth--;
      if (depth === 2 && inItems) bounds.push(i + 1);
      else if (depth === 1) inItems = false;
    }
  }
  return bounds;
}
