/**
 * Mutation testing: plants one small mistake after the other in a copy of the project, and lists those that no test
 * notices. `npm run test:mutation -- credentials plan/copy.ts --sample 200 --seed 7 --json out.json`
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, globSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, sep } from 'node:path';
import { parseArgs } from 'node:util';
import ts from 'typescript';
import { type Mutant, mutantsOf } from './operators.ts';
import type { Order } from './worker.ts';

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
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort());

const texts = new Map(globSync(['src/**/*.ts', 'test/**/*.ts']).map((file) => [file, readFileSync(file, 'utf8')]));
const textOf = (file: string): string => texts.get(file) ?? '';
const users = usersOf([...texts.keys()].sort());
const roomOf = (file: string): string => file.split(sep).slice(1, -1).join(sep) || basename(file);

/** Which files import a file when they run: by then an `import type` is gone. */
function usersOf(files: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const file of files) {
    for (const statement of ts.createSourceFile(file, textOf(file), ts.ScriptTarget.Latest).statements) {
      const named = ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement);
      const from = named ? statement.moduleSpecifier : undefined;
      if (from === undefined || !ts.isStringLiteral(from) || !from.text.startsWith('.')) continue;
      if (ts.isImportDeclaration(statement) && statement.importClause?.isTypeOnly === true) continue;
      const target = join(dirname(file), from.text);
      found.set(target, [...(found.get(target) ?? []), file]);
    }
  }
  return found;
}

/** The tests that reach a file: of its own room, the one by its name first; of others, those so many imports away. */
function testsOf(file: string, reach: number): string[] {
  const steps = new Map([[file, 0]]);
  for (const [each, n] of steps) for (const user of users.get(each) ?? []) if (!steps.has(user)) steps.set(user, n + 1);
  const room = join('test', dirname(file).slice('src'.length));
  const own = join(room, basename(file, '.ts') + '.test.ts');
  const rank = (test: string): number =>
    test === own ? 0 : test.startsWith(room + sep) ? 1 : (steps.get(test) ?? 0) + 1;
  return [...steps.keys()]
    .filter((test) => test.endsWith('.test.ts') && rank(test) <= reach + 1)
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

/** A part of the mutants, the same for the same seed, in their old order. */
function sampleOf<T>(all: readonly T[], size: number, seed: number): T[] {
  let state = seed;
  const random = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0);
  const drawn = all.map((_, i) => [random(), i] as const).sort(([a, i], [b, j]) => a - b || i - j);
  const chosen = new Set(drawn.slice(0, size).map(([, i]) => i));
  return all.filter((_, i) => chosen.has(i));
}

/** Runs test files in the copy, one at a time; a run that takes too long is ended with its process. */
function createRunner(copy: string): { run(order: Order, ms: number): Promise<boolean>; stop(): void } {
  let child: ChildProcess | undefined;
  /** Undefined: the process ended first. Rejects when it takes too long. */
  const answer = async (from: ChildProcess, ms: number): Promise<unknown> => {
    const done = new AbortController();
    const signal = AbortSignal.any([stopping.signal, done.signal, AbortSignal.timeout(ms)]);
    const first = (event: string): Promise<unknown[]> => once(from, event, { signal });
    try {
      return await Promise.race([first('message').then(([message]) => message), first('exit').then(() => undefined)]);
    } finally {
      done.abort();
    }
  };
  const stop = (): void => {
    child?.kill('SIGKILL');
    child = undefined;
  };
  return {
    stop,
    async run(order, ms) {
      try {
        if (child === undefined) {
          child = fork(join(copy, 'test/mutation/worker.ts'), {
            cwd: copy,
            stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
          });
          await answer(child, 60_000);
          // Not at the mutant's expense: the first run transforms everything.
          if (ms < 60_000) await this.run({ ...order, text: textOf(order.file) }, 60_000);
        }
        child.send(order);
        return (await answer(child, ms)) === true;
      } catch {
        stop();
        return false;
      } finally {
        if (child?.exitCode !== null || child.signalCode !== null) child = undefined;
      }
    },
  };
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
const runner = createRunner(copy);
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
  const limits = new Map<string, number>();
  const text = textOf(file);
  const path = join(copy, file);
  for (const test of testsOf(file, Number(values.reach))) {
    let passed = await runner.run({ file: path, text, test }, 600_000);
    const start = performance.now();
    passed &&= await runner.run({ file: path, text, test }, 600_000);
    if (!passed && !stopping.signal.aborted) throw new Error(`${test} fails without any mutant`);
    limits.set(test, Math.ceil(3_000 + 5 * (performance.now() - start)));
  }
  // Who killed the last one goes first.
  const tests = [...limits.keys()];
  for (const mutant of planted) {
    const mutated = text.slice(0, mutant.start) + mutant.replacement + text.slice(mutant.end);
    let killer: string | undefined;
    for (const test of tests) {
      if (await runner.run({ file: path, text: mutated, test }, limits.get(test) ?? 0)) continue;
      killer = test;
      break;
    }
    if (stopping.signal.aborted) return;
    if (killer !== undefined) tests.unshift(...tests.splice(tests.indexOf(killer), 1));
    results.push({ ...mutant, killed: killer !== undefined });
  }
  await runner.run({ file: path, text, test: tests[0] ?? '' }, 60_000);
  const survived = results.filter((result) => result.file === file && !result.killed).length;
  say(
    `${file}: ${planted.length} mutants, ${survived} survived, ${tests.length} test files, ${Math.round((performance.now() - began) / 1000)} s`,
  );
}

function report(): void {
  for (const { file, line, operator, before, replacement, killed } of results)
    if (!killed) say(`${file}:${line}: ${operator}: ${short(before)} -> ${short(replacement)}`);
  if (stopping.signal.aborted) say('interrupted: what follows is a part');
  for (const [room, each] of Object.entries(Object.groupBy(results, ({ file }) => roomOf(file)))) {
    const { length } = each ?? [];
    const killed = (each ?? []).filter((result) => result.killed).length;
    say(
      `${room}: ${length} mutants, ${killed} killed, ${length - killed} survived, ${((100 * killed) / length).toFixed(1)} %`,
    );
  }
}

function short(code: string): string {
  const line = code.replace(/\s+/g, ' ');
  return line.length > 70 ? `${line.slice(0, 67)}...` : line;
}
