/**
 * Mutation testing: plants one small mistake after the other in a copy of the project, and lists those that no test
 * notices. `npm run test:mutation -- credentials plan/copy.ts`; nothing named: all of `src`. `--sample N --seed S`: so many
 * of them; `--reach N`: with tests of other rooms that are N imports away (see reach.ts); `--json FILE`: every result.
 */
import { cpSync, globSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, sep } from 'node:path';
import { parseArgs } from 'node:util';
import { type Mutant, mutantsOf } from './operators.ts';
import { testsOf, usersOf } from './reach.ts';
import { createRunner } from './runner.ts';

interface Planted extends Mutant {
  readonly file: string;
  readonly line: number;
  readonly before: string;
}
interface Result extends Planted {
  readonly killed: boolean;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    reach: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
});
/** Limit of a test file on the code as it is, in milliseconds. */
const CLEAN_MS = 600_000;
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort());

const texts = new Map(
  globSync(['src/**/*.ts', 'test/**/*.ts'])
    .sort()
    .map((file) => [file, readFileSync(file, 'utf8')]),
);
const textOf = (file: string): string => texts.get(file) ?? '';
const users = usersOf(texts);
const roomOf = (file: string): string => file.split(sep).slice(1, -1).join(sep) || basename(file);

/** A part of the mutants, the same for the same seed, in their old order. */
function sampleOf<T>(all: readonly T[], size: number, seed: number): T[] {
  let state = seed;
  const random = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0);
  const drawn = all.map((_, i) => [random(), i] as const).sort(([a, i], [b, j]) => a - b || i - j);
  const chosen = new Set(drawn.slice(0, size).map(([, i]) => i));
  return all.filter((_, i) => chosen.has(i));
}

const wanted = positionals.map((name) => join('src', name.replace(/^src\//, '')));
const files = [...texts.keys()]
  .filter(
    (file) =>
      file.startsWith('src') && (wanted.length === 0 || wanted.some((w) => file === w || file.startsWith(w + sep))),
  )
  .sort();
const all = files.flatMap((file) =>
  mutantsOf(file, textOf(file)).map((mutant): Planted => {
    const line = textOf(file).slice(0, mutant.start).split('\n').length;
    return { ...mutant, file, line, before: textOf(file).slice(mutant.start, mutant.end) };
  }),
);
const mutants = sampleOf(all, Number(values.sample ?? Infinity), Number(values.seed));
const copy = mkdtempSync(join(tmpdir(), 'pullpass-mutation-'));
const results: Result[] = [];
const runner = createRunner(copy, stopping.signal);
/** How long each test file may take, in milliseconds: known once it has run without a mutant. */
const limits = new Map<string, number>();
try {
  cpSync('.', copy, { recursive: true, filter: (path) => !/^(?:\.git|node_modules|dist|coverage)$/.test(path) });
  symlinkSync(realpathSync('node_modules'), join(copy, 'node_modules'));
  for (const file of files) {
    const planted = mutants.filter((mutant) => mutant.file === file);
    if (planted.length > 0 && !stopping.signal.aborted) await tryAll(file, planted);
  }
} finally {
  runner.stop();
  rmSync(copy, { recursive: true, force: true, maxRetries: 5 });
}
report();
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, undefined, 1)}\n`);

async function tryAll(file: string, planted: readonly Planted[]): Promise<void> {
  const began = performance.now();
  const text = textOf(file);
  const passes = (test: string, mutated: string, ms: number): Promise<boolean> =>
    runner.run({ file, text: mutated, test }, text, ms);
  // Who killed the last one goes first.
  const tests = testsOf(users, file, Number(values.reach));
  for (const test of tests.filter((each) => !limits.has(each))) {
    let passed = await passes(test, text, CLEAN_MS);
    const start = performance.now();
    passed &&= await passes(test, text, CLEAN_MS);
    if (!passed && !stopping.signal.aborted) throw new Error(`${test} fails without any mutant`);
    limits.set(test, Math.ceil(2_000 + 3 * (performance.now() - start)));
  }
  for (const mutant of planted) {
    const mutated = text.slice(0, mutant.start) + mutant.replacement + text.slice(mutant.end);
    let killer: string | undefined;
    for (const test of tests) {
      if (await passes(test, mutated, limits.get(test) ?? CLEAN_MS)) continue;
      killer = test;
      break;
    }
    if (stopping.signal.aborted) break;
    if (killer !== undefined) tests.unshift(...tests.splice(tests.indexOf(killer), 1));
    results.push({ ...mutant, killed: killer !== undefined });
  }
  if (tests[0] !== undefined) await passes(tests[0], text, CLEAN_MS);
  const survivors = results.filter((result) => result.file === file && !result.killed);
  const seconds = Math.round((performance.now() - began) / 1000);
  say(`${file}: ${planted.length} mutants, ${survivors.length} survived, ${tests.length} test files, ${seconds} s`);
  for (const { line, operator, before, replacement } of survivors)
    say(`  ${file}:${line}: ${operator}: ${short(before)} -> ${short(replacement)}`);
}

function report(): void {
  if (stopping.signal.aborted) say('interrupted: this is a part');
  const rooms = Map.groupBy(results, ({ file }) => roomOf(file));
  for (const [room, tried] of rooms) {
    const killed = tried.filter((result) => result.killed).length;
    const score = ((100 * killed) / tried.length).toFixed(1);
    say(`${room}: ${tried.length} mutants, ${killed} killed, ${tried.length - killed} survived, ${score} %`);
  }
}

function short(code: string): string {
  const line = code.replace(/\s+/g, ' ');
  return line.length > 70 ? `${line.slice(0, 67)}...` : line;
}
