/** What each command loads before it works: counted in the bundle, because times differ from machine to machine. */
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Metafile } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundle } from '../../build.ts';
import { createProgram } from '../../src/cli/program.ts';
import { environment } from '../commands/environment.ts';
import { PROGRAM } from '../program.ts';

const run = promisify(execFile);
const ROOT = path.resolve(import.meta.dirname, '../..');
let folder: string;
let metafile: Metafile;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'pullpass-start-'));
  ({ metafile } = await bundle({ entry: path.join(ROOT, 'src/main.ts'), folder }));
});
afterAll(() => rm(folder, { recursive: true }));

interface Loaded {
  /** Names of packages, sorted. */
  readonly packages: readonly string[];
  readonly kilobytes: number;
}

/** What is loaded with an entry, and with what it imports without `import()`. */
function loadedBy(...entries: readonly string[]): Loaded {
  const { outputs } = metafile;
  const files = new Set<string>();
  const load = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    for (const { path, kind } of outputs[file]?.imports ?? []) if (kind === 'import-statement') load(path);
  };
  for (const entry of entries) {
    const file = Object.keys(outputs).find((name) => outputs[name]?.entryPoint === entry);
    if (file === undefined) throw new Error(`${entry} is not loaded by itself`);
    load(file);
  }
  const loaded = [...files].map((file) => outputs[file]);
  const sources = loaded.flatMap((output) => Object.entries(output?.inputs ?? {}));
  const packages = sources.flatMap(([name, { bytesInOutput }]) =>
    bytesInOutput > 0 ? (/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(name)?.[1] ?? []) : [],
  );
  return {
    packages: [...new Set(packages)].sort(),
    kilobytes: loaded.reduce((sum, output) => sum + (output?.bytes ?? 0), 0) / 1000,
  };
}

const HEAVY = ['@kubernetes/client-node', 'cli-table3', 'pino', 'prom-client', 'undici', 'yaml', 'zod'];
const TABLES = ['@kubernetes/client-node', 'cli-table3', 'undici', 'yaml', 'zod'];
/** Packages of {@link HEAVY}, and at most how much in all, with some room. */
const COMMANDS: Readonly<Record<string, readonly [packages: readonly string[], kilobytes: number]>> = {
  controller: [['@kubernetes/client-node', 'pino', 'prom-client', 'undici', 'yaml', 'zod'], 3500],
  provider: [['@kubernetes/client-node', 'pino', 'prom-client', 'undici', 'yaml', 'zod'], 2900],
  validate: [['yaml', 'zod'], 1000],
  plan: [TABLES, 2700],
  audit: [TABLES, 3000],
  match: [['@kubernetes/client-node', 'cli-table3', 'undici', 'yaml'], 2100],
  rbac: [TABLES, 2700],
  login: [TABLES, 2800],
  logout: [['@kubernetes/client-node', 'undici', 'yaml', 'zod'], 2500],
  verify: [TABLES, 2800],
  wait: [TABLES, 2800],
  prune: [TABLES, 2900],
  migrate: [TABLES, 2800],
  // A provider's document is YAML, and its schema is beside what reads it.
  schema: [['yaml', 'zod'], 1000],
};

test('help, --version and the Tab key load the command line, and no command', () => {
  const { packages, kilobytes } = loadedBy('src/main.ts');
  expect(packages).toEqual(['commander', 'picocolors']);
  expect(kilobytes).toBeLessThan(220);
});

test.each(Object.entries(COMMANDS))('%s loads what it uses', (name, [packages, most]) => {
  const loaded = loadedBy('src/main.ts', `src/commands/${name}.ts`);
  expect(loaded.packages.filter((each) => HEAVY.includes(each))).toEqual(packages);
  expect(loaded.kilobytes).toBeLessThan(most);
});

test('these are all commands', () => {
  const names = createProgram(environment().env).commands.map((command) => command.name());
  // What is in the command line itself: it has nothing to load.
  expect(names.filter((name) => !['completion', '__complete'].includes(name)).sort()).toEqual(
    Object.keys(COMMANDS).sort(),
  );
});

test('of its packages, the bundle has not what nothing uses', () => {
  const taken = Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.keys(inputs).filter((name) => (inputs[name]?.bytesInOutput ?? 0) > 0),
  );
  expect(taken.filter((name) => name.includes('/undici/lib/dispatcher/')).length).toBeGreaterThan(3);
  const unused =
    /\/(undici\/lib\/(web\/fetch\/index|web\/websocket|mock|cache|interceptor)|zod\/v4\/locales\/de|client-node\/dist\/gen\/(models|apis))/;
  expect(taken.filter((name) => unused.test(name))).toEqual([]);
});

test('--version makes Node load neither HTTP nor its own undici', async () => {
  const script = "process.on('exit', () => process.stderr.write(process.moduleLoadList.join('\\n')))";
  const { stdout, stderr } = await run(process.execPath, [
    '--import',
    `data:text/javascript,${encodeURIComponent(script)}`,
    PROGRAM,
    '--version',
  ]);
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  const modules = stderr.split('\n').map((line) => line.replace('NativeModule ', ''));
  expect(modules).toContain('fs');
  expect(modules.filter((name) => /^(https?|http2|tls|internal\/deps\/undici\/undici)$/.test(name))).toEqual([]);
});

/** `PULLPASS_PROGRAM` may be sources, which have no such file. */
test.skipIf(PROGRAM.endsWith('.ts'))(
  'a copy of the first file alone says in one line that the rest is missing',
  async () => {
    const alone = path.join(folder, 'alone.mjs');
    await copyFile(PROGRAM, alone);
    await expect(run(process.execPath, [alone, '--version'])).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/^pullpass: .* install the whole package again\n$/) as string,
    });
  },
);
