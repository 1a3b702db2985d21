/**
 * Seeded faults: replicas of the controller, tenants, other writers, and an API server in trouble. A short form here;
 * `npm run test:faults` runs ten thousand steps a seed. A seed that fails prints itself: PULLPASS_SEED=N replays its schedule.
 */
import { describe, expect, test } from 'vitest';
import { noRealApi, realStage } from './real-stage.ts';
import { run } from './run.ts';
import type { Outcome } from './run.ts';
import { sandboxStage } from './stage.ts';

const LONG = process.env['PULLPASS_STEPS'] !== undefined;
const STEPS = Number(process.env['PULLPASS_STEPS'] ?? 250);
/** Steps on a real server: each of its deaths and restores takes seconds. */
const REAL_STEPS = LONG ? Math.ceil(STEPS / 10) : 60;
const ONLY = process.env['PULLPASS_SEED'];
const seeds = (count: number): number[] =>
  ONLY === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(ONLY)];
const SEEDS = Number(process.env['PULLPASS_SEEDS'] ?? 1);
/**
 * Known, and left out unless asked for with PULLPASS_WITHOUT=: a tenant takes the labels off a copy just while a leader that has
 * not seen it yet creates it; server-side apply then takes the fields for its own and writes it once more.
 */
const without = (process.env['PULLPASS_WITHOUT'] ?? 'strip copy').split(',');

function judge({ broken, ...figures }: Outcome, steps: number): void {
  // eslint-disable-next-line no-console -- the figures of a long run are what it is for
  if (LONG) console.log(JSON.stringify(figures));
  expect(broken ?? 'nothing').toBe('nothing');
  // A run in which nothing is written proves nothing.
  expect(figures.judged).toBeGreaterThan(steps / 10);
}

describe('on sandbox', () => {
  test.each(seeds(SEEDS))(
    'whatever befalls the replicas and the API server, no write of seed %i breaks a promise, and all converges',
    async (seed) => {
      const outcome = await run({
        seed,
        stage: sandboxStage,
        steps: STEPS,
        replicas: 2 + (seed % 2),
        many: LONG ? (seed % 10 === 1 ? 1_000 : 100) : 0,
        calmEvery: LONG ? 1_000 : STEPS,
        calmMs: 90_000,
        without,
      });
      judge(outcome, STEPS);
    },
    120_000 + STEPS * 200,
  );
});

describe('on kube-apiserver', () => {
  const missing = noRealApi();
  if (missing !== undefined) {
    test.skip(missing, () => undefined);
    return;
  }
  test.each(seeds(Math.ceil(SEEDS / 4)))(
    'whatever befalls the replicas and the API server, no write of seed %i breaks a promise, and all converges',
    async (seed) => {
      const outcome = await run({
        seed,
        stage: realStage,
        steps: REAL_STEPS,
        replicas: 2,
        many: 0,
        calmEvery: Math.min(250, REAL_STEPS),
        calmMs: 90_000,
        // Hundreds of namespaces come and go too slowly there.
        without: [...without, 'depose'],
      });
      judge(outcome, REAL_STEPS);
    },
    240_000 + REAL_STEPS * 1_000,
  );
});
