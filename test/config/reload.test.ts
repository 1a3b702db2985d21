import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { loadConfiguration, renderProblem, type ConfigProblem } from '../../src/config/load.ts';
import { watchConfiguration, type ConfigurationWatch } from '../../src/config/reload.ts';
import { GOOD, source } from './documents.ts';

const NEVER = 3_600_000;
let directory: string;
let file: string;
let abort: AbortController;
/** What the watch told its owner, in order. */
let told: string[];

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'pullpass-reload-'));
  file = path.join(directory, 'config.yaml');
  abort = new AbortController();
  told = [];
  await writeFile(file, GOOD);
});
afterEach(async () => {
  abort.abort();
  await rm(directory, { recursive: true });
});

async function watch(intervalMs = NEVER): Promise<ConfigurationWatch> {
  return watchConfiguration(file, {
    running: await loadConfiguration(file),
    intervalMs,
    onChange: ({ sources }) => told.push(`change: ${sources.map(({ name }) => name).join()}`),
    onProblem: (problems: ConfigProblem[]) =>
      told.push(...problems.map((problem) => `problem: ${renderProblem(problem)}`)),
    onRestored: () => told.push('restored'),
    signal: abort.signal,
  });
}

test('a good new version replaces the running one, once', async () => {
  const watched = await watch();
  await watched.check();
  expect(told).toEqual([]);
  await writeFile(file, GOOD + source('second'));
  await watched.check();
  await watched.check();
  expect(told).toEqual(['change: upstream,second']);
});

test('a version that only looks different changes nothing', async () => {
  const watched = await watch();
  await writeFile(file, `# a comment\n${GOOD}`);
  await watched.check();
  expect(told).toEqual([]);
});

test('a change between loading and watching is not missed', async () => {
  const running = await loadConfiguration(file);
  await writeFile(file, GOOD + source('second'));
  const onChange = vi.fn();
  await watchConfiguration(file, {
    running,
    intervalMs: NEVER,
    onChange,
    onProblem: () => undefined,
    signal: abort.signal,
  }).check();
  expect(onChange).toHaveBeenCalledOnce();
});

test('a bad version is refused once a version, and the running one stays in force', async () => {
  const watched = await watch();
  await writeFile(file, `${GOOD}a: 1\n`);
  await watched.check();
  await watched.check();
  expect(told).toEqual([expect.stringMatching(/^problem: .*config\.yaml:7:1: a: is not a known key/)]);
  await writeFile(file, `${GOOD}b: 1\n`);
  await watched.check();
  expect(told).toHaveLength(2);
  await writeFile(file, GOOD);
  await watched.check();
  expect(told.slice(2)).toEqual(['restored']);
});

test('a file that goes away is a problem, told once, and its return is noticed', async () => {
  const watched = await watch();
  await rm(file);
  await watched.check();
  await watched.check();
  expect(told).toEqual([expect.stringMatching(/^problem: .*config\.yaml:1:1: does not exist: check the path/)]);
  await writeFile(file, GOOD + source('second'));
  await watched.check();
  expect(told.slice(1)).toEqual(['change: upstream,second']);
});

test('the way a kubelet swaps a ConfigMap mount is noticed without asking', async () => {
  await rm(file);
  for (const [version, text] of [
    ['v1', GOOD],
    ['v2', GOOD + source('second')],
  ] as const) {
    await mkdir(path.join(directory, version));
    await writeFile(path.join(directory, version, 'config.yaml'), text);
  }
  await symlink('v1', path.join(directory, '..data'));
  await symlink('..data/config.yaml', file);
  await watch(5);
  await symlink('v2', path.join(directory, '..data_tmp'));
  await rename(path.join(directory, '..data_tmp'), path.join(directory, '..data'));
  await vi.waitFor(() => expect(told).toEqual(['change: upstream,second']));
});

test.each<[name: string, make: (file: string) => Promise<unknown>, problem: RegExp]>([
  ['a pipe that nobody writes to', async (path) => execFileSync('mkfifo', [path]), /is not a regular file/],
  ['a device without end', (path) => symlink('/dev/zero', path), /is not a regular file/],
  ['a link to itself', (path) => symlink(path, path), /is a link that leads back to itself/],
  ['a directory', (path) => mkdir(path), /is a directory: name the file in it/],
  ['more than fits', (path) => writeFile(path, '#'.repeat(3_000_000)), /has 2930 KiB, more than 256 KiB/],
])('%s in the place of the file is a problem, told once, and its return is noticed', async (_, make, problem) => {
  const watched = await watch();
  await rm(file);
  await make(file);
  await watched.check();
  await watched.check();
  expect(told).toEqual([expect.stringMatching(problem)]);
  await rm(file, { recursive: true });
  await writeFile(file, GOOD + source('second'));
  await watched.check();
  expect(told.slice(1)).toEqual(['change: upstream,second']);
});

describe('whoever is told', () => {
  const fails = (): never => {
    throw new Error('nobody listens');
  };

  test('may fail to take a version: that is a problem, told once, and the one before is in force', async () => {
    const onProblem = vi.fn<(problems: ConfigProblem[]) => void>();
    const running = await loadConfiguration(file);
    const options = { running, intervalMs: NEVER, signal: abort.signal };
    const watched = watchConfiguration(file, {
      ...options,
      onChange: fails,
      onProblem,
      onRestored: () => told.push('restored'),
    });
    await writeFile(file, GOOD + source('second'));
    await watched.check();
    await watched.check();
    expect(onProblem.mock.calls.map(([problems]) => problems.map(({ message }) => message))).toEqual([
      ['cannot be put in force: nobody listens'],
    ]);
    await writeFile(file, GOOD);
    await watched.check();
    expect(told).toEqual(['restored']);
  });

  test('may fail to listen: the watch goes on', async () => {
    const running = await loadConfiguration(file);
    const onChange = vi.fn();
    const watched = watchConfiguration(file, {
      running,
      intervalMs: NEVER,
      signal: abort.signal,
      onChange,
      onProblem: fails,
    });
    await writeFile(file, 'kind: {');
    await expect(watched.check()).resolves.toBeUndefined();
    await writeFile(file, GOOD + source('second'));
    await watched.check();
    expect(onChange).toHaveBeenCalledOnce();
  });
});

test('nothing is told after the signal, and no timer is left', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const before = timers();
  const watched = await watch();
  expect(timers()).toBe(before); // unref'ed: it does not keep the process alive
  await writeFile(file, GOOD + source('second'));
  const looking = watched.check();
  abort.abort();
  await looking;
  await watched.check();
  expect(told).toEqual([]);
});
