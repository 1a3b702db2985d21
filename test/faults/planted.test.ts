/**
 * The suite sees: each mistake here, planted again into a copy of the source, is found by some seed. Only in the long form
 * (`npm run test:faults`): a search takes a while.
 */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { OWN, run } from './run.ts';
import type { Focus } from './schedule.ts';
import { sandboxStage } from './stage.ts';

const ROOT = path.resolve(import.meta.dirname, '..', '..');
const STEPS = 600;
const SEEDS = [1, 2, 3, 4, 5, 6];

interface Mistake {
  readonly title: string;
  readonly edits: readonly (readonly [file: string, now: string, mistaken: string])[];
  readonly focus: { readonly on: Focus; readonly oneIn: number };
  readonly found: RegExp;
}

const MISTAKES: readonly Mistake[] = [
  {
    title: 'a copy made immutable is never replaced',
    edits: [
      [
        'plan/copy.ts',
        "return copy.immutable === true && digest !== undefined && copy.digest !== digest ? 'immutable' : undefined;",
        'return undefined;',
      ],
    ],
    focus: { on: 'lock copy', oneIn: 20 },
    found: /not converged .*stale/,
  },
  {
    title: 'a write that others undo is done again at once',
    edits: [
      [
        'controller/pace.ts',
        'return steps < 0 ? 0 : Math.min(LONGEST_MS, FIRST_MS * 2 ** steps);',
        'return Math.min(0, steps * 0 * LONGEST_MS * FIRST_MS);',
      ],
    ],
    focus: { on: 'undo for ever', oneIn: 40 },
    found: /who is undone does not hurry/,
  },
  {
    title: 'a deposed leader that wakes up writes on',
    edits: [
      [
        'async/term.ts',
        'signal !== undefined && (signal.aborted || clocks.get(signal)?.() === true);',
        'signal !== undefined && (signal.aborted || clocks.get(signal) === undefined ? signal.aborted : false);',
      ],
    ],
    focus: { on: 'depose', oneIn: 60 },
    found: /one writer/,
  },
  {
    title: 'a server restored from a backup is not noticed',
    edits: [
      ['kube/mirror.ts', 'if (newest !== undefined && isOlder(newest, from)) throw', "if (newest === 'never') throw"],
      [
        'kube/mirror.ts',
        'if (reached !== undefined && version !== undefined && isOlder(reached, version))',
        "if (reached === 'never' && version !== undefined && isOlder(reached, version))",
      ],
    ],
    focus: { on: 'restore', oneIn: 150 },
    found: /not converged/,
  },
  {
    title: 'a content is spread although its canary has not passed',
    edits: [
      [
        'sources/rollout.ts',
        'if (rollout.passed?.digest === content.digest || canaries === undefined) return settled(content);',
        'if (rollout.passed?.digest !== content.digest || canaries === undefined) return settled(content);',
      ],
    ],
    focus: { on: 'good source', oneIn: 30 },
    found: /a canary first/,
  },
];

const SHORT = process.env['PULLPASS_STEPS'] === undefined || process.env['PULLPASS_SEED'] !== undefined;

for (const { title, edits, focus, found } of MISTAKES)
  test.skipIf(SHORT)(`it is found: ${title}`, { timeout: 30 * 60_000 }, async () => {
    // Inside the project, where its packages are found.
    await mkdir(path.join(ROOT, 'coverage'), { recursive: true });
    const directory = await mkdtemp(path.join(ROOT, 'coverage', 'planted-'));
    try {
      const source = path.join(directory, 'src');
      await cp(OWN, source, { recursive: true });
      for (const [file, now, mistaken] of edits) {
        const text = await readFile(path.join(source, file), 'utf8');
        expect(text.split(now), `${file} no longer has the line: ${now}`).toHaveLength(2);
        await writeFile(
          path.join(source, file),
          text.replace(now, () => mistaken),
        );
      }
      const told: string[] = [];
      for (const seed of SEEDS) {
        const { broken = 'nothing', steps } = await run({
          seed,
          stage: sandboxStage,
          source,
          focus,
          steps: STEPS,
          replicas: 2,
          many: 0,
          calmEvery: STEPS / 2,
          calmMs: 30_000,
        });
        told.push(`seed ${seed}, ${steps} steps: ${broken.split('\n', 1)[0] ?? ''}`);
        if (found.test(broken)) break;
      }
      // eslint-disable-next-line no-console -- the figures of a long run are what it is for
      console.log(told.join('\n'));
      expect(told.at(-1)).toMatch(found);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
