/**
 * Every parser of what others write, against inputs that nobody thought of. `npm test` tries a few; `npm run test:fuzz` a million.
 *
 * PULLPASS_FUZZ_RUNS: inputs in all. PULLPASS_FUZZ_SEED: the seed; without it a new one. PULLPASS_FUZZ_ONLY: part of a parser's
 * name. A failure prints the seed, the path to its smallest input, and that input: with the seed it comes again; the input is
 * then kept in the list `fell` of its parser.
 */
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { inputsOf } from './inputs.ts';
import type { Parser } from './parser.ts';
import { cleanUp, PARSERS } from './table.ts';

const { PULLPASS_FUZZ_RUNS, PULLPASS_FUZZ_SEED, PULLPASS_FUZZ_ONLY = '' } = process.env;
const LONG = PULLPASS_FUZZ_RUNS !== undefined;
const RUNS = Number(PULLPASS_FUZZ_RUNS ?? 200 * PARSERS.length);
const SEED = Number(PULLPASS_FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
const SHARES = PARSERS.reduce((sum, { share = 1 }) => sum + share, 0);
/** Milliseconds of this process for one input, whatever else the machine does. */
const MOST_CPU_MS = 2_000;

const chosen = PARSERS.filter(({ name }) => name.includes(PULLPASS_FUZZ_ONLY));

afterAll(cleanUp);

/** Long twice: once can be the fault of the machine. */
async function timed({ read }: Parser, input: string): Promise<void> {
  const took = async (): Promise<number> => {
    const before = process.cpuUsage();
    await read(input);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
  if ((await took()) <= MOST_CPU_MS) return;
  const ms = await took();
  if (ms > MOST_CPU_MS) throw new Error(`takes ${Math.round(ms)} ms for ${input.length} characters`);
}

describe.each(chosen)('$name', (parser) => {
  test('its samples and what fell before', async () => {
    for (const input of [...parser.samples, ...(parser.fell ?? [])]) await timed(parser, input);
  });

  const runs = Math.max(50, Math.ceil((RUNS * (parser.share ?? 1)) / SHARES));
  test('inputs that nobody thought of', { timeout: 3_600_000 }, async () => {
    if (LONG) process.stdout.write(`${parser.name}: ${runs} inputs, seed ${SEED}\n`);
    await fc.assert(
      fc.asyncProperty(inputsOf(parser), (input) => timed(parser, input)),
      { numRuns: runs, seed: SEED, interruptAfterTimeLimit: 3_000_000, markInterruptAsFailure: true },
    );
  });

  // Whatever is tried for each character of the text, and then again for each, takes hours for so many.
  test('one piece, again and again: the time grows no faster than the text', { timeout: 600_000 }, async () => {
    for (const piece of new Set([...(parser.words ?? []), ...parser.samples, 'a', ' ', '\n', '"', '[', '{"a":']))
      for (const size of LONG ? [3_000, 100_000] : [30_000])
        await timed(parser, piece.repeat(Math.ceil(size / Math.max(1, piece.length))).slice(0, size));
  });
});

test('the table names each parser once', () => {
  expect(new Set(PARSERS.map(({ name }) => name)).size).toBe(PARSERS.length);
});
