/** Foreign programs that misbehave. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { ProviderFailure } from '../../src/provider/failure.ts';
import { MAX_OUTPUT_BYTES, runProgram } from '../../src/provider/run-program.ts';
import { makeFolder } from './programs.ts';

const folder = makeFolder();
afterAll(() => folder.remove());

let count = 0;
async function run(lines: string[], given: Partial<Parameters<typeof runProgram>[0]> = {}): Promise<string> {
  const name = `program-${count++}`;
  folder.script(name, ...lines);
  const file = path.join(folder.path, name);
  const signal = new AbortController().signal;
  return String(await runProgram({ file, args: [], env: {}, input: '', timeoutMs: 20_000, signal, ...given }));
}

/** Why it failed. */
const failure = (running: Promise<unknown>): Promise<ProviderFailure> =>
  running.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: unknown) => (error instanceof ProviderFailure ? error : Promise.reject(error as Error)),
  );

const isAlive = (pid: string): boolean => {
  try {
    // A zombie, whose parent did not ask for it, is dead.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

test('it gets its input, its arguments and the variables that are named, and nothing else of ours', async () => {
  const out = await run(['cat', 'echo "$1,$2"', 'env'], { input: 'asked\n', args: ['a b', '$(id)'], env: { X: '1' } });
  const [input, args, ...env] = out.trim().split('\n');
  expect([input, args]).toEqual(['asked', 'a b,$(id)']);
  expect(env.filter((line) => !/^(PATH|PWD|OLDPWD|SHLVL|_)=/.test(line))).toEqual(['X=1']);
});

test('an endless output is cut off, and the program ended', async () => {
  const { reason, message } = await failure(run(['exec yes']));
  expect({ reason, message }).toEqual({
    reason: 'output',
    message: `wrote more than ${MAX_OUTPUT_BYTES / 1024} KiB to stdout`,
  });
});

test('an endless stderr holds up nothing', async () => {
  await expect(run(['head -c 3000000 /dev/zero >&2', 'echo done'])).resolves.toBe('done\n');
});

test('a program that hangs is ended at the time limit, with all that it started', async () => {
  const pids = path.join(folder.path, 'pids');
  const { reason } = await failure(
    run(['trap "" TERM INT HUP', `sleep 600 & echo $! $$ >${pids}`, 'wait'], { timeoutMs: 500 }),
  );
  expect(reason).toBe('timeout');
  const started = readFileSync(pids, 'utf8').trim().split(' ');
  expect(started).toHaveLength(2);
  for (let tries = 0; started.some(isAlive) && tries < 100; tries++) await delay(20);
  expect(started.filter(isAlive)).toEqual([]);
});

test('what it leaves behind does not keep its output open', async () => {
  const pid = path.join(folder.path, 'left');
  await expect(run([`sleep 600 & echo $! >${pid}`, 'echo answer'])).resolves.toBe('answer\n');
  const left = readFileSync(pid, 'utf8').trim();
  for (let tries = 0; isAlive(left) && tries < 100; tries++) await delay(20);
  expect(isAlive(left)).toBe(false);
});

test('it ends when we do', async () => {
  const stop = new AbortController();
  const running = failure(run(['sleep 600'], { signal: stop.signal }));
  stop.abort();
  expect((await running).message).toBe('was stopped');
});

test('a token on stderr or stdout of a program that fails goes nowhere; a cause that is known is named in our words', async () => {
  const error = await failure(
    run(['echo "AccessDeniedException: token eyJhbGciOi-SECRET" >&2', 'echo SECRET', 'exit 7']),
  );
  expect(error.message).toBe('ended with status 7; it speaks of access denied');
  expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('SECRET');
  expect((await failure(run(['echo SECRET >&2', 'kill -9 $$']))).message).toBe('was ended by SIGKILL');
});

test.each([
  ['that is not there', 'nothing-here', 'is not there'],
  ['that is a folder', '.', 'is not executable'],
])('a program %s is one line', async (_, file, why) => {
  const { reason, message } = await failure(run([], { file: path.join(folder.path, file) }));
  expect({ reason, message }).toEqual({ reason: 'program', message: `cannot be started: ${why}` });
});

test('a program that does not read its input is none that fails', async () => {
  await expect(run(['exec 0<&-', 'echo answer'], { input: 'x'.repeat(1_000_000) })).resolves.toBe('answer\n');
});
