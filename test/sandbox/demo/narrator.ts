/** The demo's output: aligned lines, colours only on a terminal, never a credential. */
import picocolors from 'picocolors';
import type { Colors } from 'picocolors/types.js';

/** Where the measured times end. */
const WIDTH = 100;
/** Of two sides, and of what they are about. */
const COLUMN = 33;

export interface Narrator {
  /** The title of the whole, or of one act. */
  title(text: string, number?: number): void;
  /** What a person does. */
  does(text: string): void;
  /** What was checked, and how long it took to come true in milliseconds. */
  holds(text: string, ms?: number): void;
  note(text: string): void;
  /** One row of two columns: a mark, ✓ or ✗, in front of each. */
  sides(what: string, left: string, right: string): void;
  /** The output of a program, as it is. */
  quote(text: string): void;
  fails(text: string): void;
  /** The last word. */
  end(text: string): void;
}

export interface NarratorOptions {
  write: (text: string) => void;
  color: boolean;
  redact: (text: string) => string;
}

export function createNarrator({ write, color, redact }: NarratorOptions): Narrator {
  const c: Colors = picocolors.createColors(color);
  const line = (text = ''): void => write(`${redact(text)}\n`);
  const marked = (text: string): string =>
    text.replace(/^[✓✗]/, (mark) => (mark === '✓' ? c.green(mark) : c.red(mark)));
  return {
    title(text, number) {
      line();
      line(number === undefined ? c.bold(text) : `${c.cyan(String(number).padStart(2))}  ${c.bold(text)}`);
    },
    does: (text) => line(`    ${c.dim('$')} ${c.dim(text)}`),
    holds(text, ms) {
      const time = ms === undefined ? '' : duration(ms);
      // Padded by hand: colours have a length, too.
      const gap = ' '.repeat(Math.max(2, WIDTH - 6 - text.length - time.length));
      line(`    ${c.green('✓')} ${text}${time === '' ? '' : gap + c.yellow(time)}`);
    },
    note: (text) => wrapped(text, WIDTH - 6).forEach((part) => line(`      ${c.dim(part)}`)),
    sides: (what, left, right) =>
      line(`    ${what.padEnd(COLUMN)}${marked(left.padEnd(COLUMN))}${marked(right)}`.trimEnd()),
    quote: (text) =>
      text
        .trimEnd()
        .split('\n')
        .forEach((part) => line(part === '' ? '' : `      ${part}`)),
    fails: (text) => line(`    ${c.red('✗')} ${text}`),
    end(text) {
      line();
      line(text);
    },
  };
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

export function duration(ms: number): string {
  return ms < 1000 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`;
}
