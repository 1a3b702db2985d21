/**
 * Sequences of edits, faults, restarts and failing pulls: at no step may a namespace hold a login that was never good, lose a
 * registry that nobody let go, or get what its canary has not passed. A short form here; `npm run test:sequences` runs
 * ten thousand steps a seed. A seed that fails prints itself: PULLPASS_SEED=N replays it.
 */
import { expect, test } from 'vitest';
import { runSequence } from './sequence.ts';

const STEPS = Number(process.env['PULLPASS_STEPS'] ?? 300);
const SEEDS =
  process.env['PULLPASS_SEED'] === undefined
    ? Array.from({ length: Number(process.env['PULLPASS_SEEDS'] ?? 6) }, (_, i) => i + 1)
    : [Number(process.env['PULLPASS_SEED'])];

test.each(SEEDS)(
  'no step of sequence %i spreads what was never good, and all converges in the end',
  async (seed) => {
    const { broken, steps, writes } = await runSequence(seed, STEPS);
    expect(broken ?? 'nothing').toBe('nothing');
    expect(steps).toBe(STEPS);
    // A sequence in which nothing is spread proves nothing.
    expect(writes).toBeGreaterThan(STEPS / 20);
  },
  60_000 + STEPS * 100,
);
