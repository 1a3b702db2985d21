import { ESLint } from 'eslint';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { GROUND, roomOf, ROOMS } from '../rooms/picture.ts';

const root = resolve(import.meta.dirname, '..');
const eslint = new ESLint({ cwd: root });
/** A file that each room has: types are looked up, so it must exist. */
const FILES: Record<string, string> = {
  main: 'main.ts',
  cli: 'cli/match.ts',
  commands: 'commands/match.ts',
  controller: 'controller/triggers.ts',
  provider: 'provider/loop.ts',
  migrate: 'migrate/plan.ts',
  'audit/render': 'audit/render/json.ts',
  'audit/page': 'audit/page/data.ts',
  'audit/report': 'audit/report/result.ts',
  'audit/rules': 'audit/rules/all.ts',
  'audit/facts': 'audit/facts/facts.ts',
  'audit/observe': 'audit/observe/lease.ts',
  healing: 'healing/memory.ts',
  rotation: 'rotation/progress.ts',
  reconcile: 'reconcile/apply.ts',
  sources: 'sources/merge.ts',
  observe: 'observe/world.ts',
  admission: 'admission/guard.ts',
  proxies: 'proxies/zot.ts',
  plan: 'plan/copy.ts',
  server: 'server/body.ts',
  registry: 'registry/auth.ts',
  config: 'config/glob.ts',
  kube: 'kube/store.ts',
  credentials: 'credentials/digest.ts',
  async: 'async/steps.ts',
  ground: 'owner.ts',
};
const order = Object.keys(ROOMS);

/** What lint says of each line, in a file of the room: ids of the rules. */
async function complaints(room: string, lines: readonly string[]): Promise<string[][]> {
  const [result] = await eslint.lintText(lines.join('\n'), { filePath: join(root, 'src', FILES[room] ?? '') });
  return lines.map((_, i) =>
    (result?.messages ?? []).filter(({ line }) => line === i + 1).map(({ ruleId, message }) => ruleId ?? message),
  );
}

/** The way from a room's file to another file of `src`. */
const up = (room: string): string => '../'.repeat((FILES[room] ?? '').split('/').length - 1) || './';
const fileOf = (room: string): string => (room === 'ground' ? `${GROUND[0]}.ts` : (FILES[room] ?? ''));

test.each(order)('in %s lint takes imports from its own rooms and packages, and refuses all others', async (room) => {
  const others = order.filter((other) => other !== room);
  const found = await complaints(room, [
    ...others.map((other) => `import '${up(room)}${fileOf(other)}';`),
    "import 'fast-check';",
    "import type {} from '@kubernetes/client-node';",
  ]);
  expect(found.map((ids) => ids.includes('rooms/imports'))).toEqual([
    ...others.map((other) => other !== 'ground' && ROOMS[room]?.may.includes(other) !== true),
    true,
    false,
  ]);
});

const pure = order.filter((room) => {
  const { pure: names, impure = [] } = ROOMS[room] ?? {};
  const file = (FILES[room] ?? '').split('/').pop()?.replace('.ts', '') ?? '';
  return (names === true || names?.includes(file)) && !impure.includes(file);
});

test('these rooms, or files of them, are pure', () => {
  expect(pure).toEqual(order.filter((room) => ROOMS[room]?.pure !== undefined));
  expect(pure).toEqual(
    expect.arrayContaining(['plan', 'credentials', 'audit/rules', 'audit/facts', 'sources', 'config']),
  );
});

const IMPURE: readonly [what: string, code: string, rule: string][] = [
  ['files', "import 'node:fs';", '@typescript-eslint/no-restricted-imports'],
  ['processes', "import 'child_process';", '@typescript-eslint/no-restricted-imports'],
  ['timers by import', "import 'node:timers/promises';", '@typescript-eslint/no-restricted-imports'],
  ['chance by import', "import { randomBytes } from 'node:crypto';", '@typescript-eslint/no-restricted-imports'],
  ['the clock', 'Date.now();', 'no-restricted-properties'],
  ['the clock as a date', 'void new Date();', 'no-restricted-syntax'],
  ['the clock as a text', 'Date();', 'no-restricted-syntax'],
  ['the clock of the process', 'performance.now();', 'no-restricted-globals'],
  ['chance', 'Math.random();', 'no-restricted-properties'],
  ['chance of crypto', 'crypto.randomUUID();', 'no-restricted-globals'],
  ['the environment', "void process.env['LEVEL'];", 'no-restricted-globals'],
  ['the environment in disguise', 'void globalThis;', 'no-restricted-globals'],
  ['timers', 'setTimeout(() => undefined, 1);', 'no-restricted-globals'],
  ['the network', "void fetch('http://localhost');", 'no-restricted-globals'],
  ['the console', "console.log('x');", 'no-restricted-globals'],
  ['modules at run time', "void import('./x.ts');", 'no-restricted-syntax'],
  ['where it stands', 'void import.meta.url;', 'no-restricted-syntax'],
  ['the order of the machine', "'a'.localeCompare('b');", 'no-restricted-properties'],
];

test.each(pure)(
  'in the pure room %s lint refuses the clock, chance, the environment and all ways outside',
  async (room) => {
    const lines = IMPURE.map(([, code]) => code);
    const found = await complaints(room, lines);
    expect(IMPURE.filter(([, , rule], i) => !found[i]?.includes(rule)).map(([what]) => what)).toEqual([]);
  },
);

test('outside of main.ts lint refuses the process: its environment, its command line, its end', async () => {
  const code = ["export const level = process.env['LEVEL'];", 'export const words = process.argv;', 'process.exit();'];
  expect(await complaints('controller', code)).toEqual(code.map(() => ['no-restricted-globals']));
  expect(await complaints('main', code)).toEqual([[], [], []]);
});

describe('the picture that is drawn from the code', () => {
  const draw = (src = join(root, 'src')): { status: number; faults: string } => {
    try {
      execFileSync(process.execPath, [join(root, 'rooms/print.ts'), src], { encoding: 'utf8', stdio: 'pipe' });
      return { status: 0, faults: '' };
    } catch (error) {
      const { status, stderr } = error as { status: number; stderr: string };
      return { status, faults: stderr };
    }
  };
  const house = (files: Record<string, string>): string => {
    const src = mkdtempSync(join(tmpdir(), 'rooms-'));
    for (const [path, code] of Object.entries(files)) {
      mkdirSync(dirname(join(src, path)), { recursive: true });
      writeFileSync(join(src, path), code);
    }
    return src;
  };

  test('is the one that lint holds', () => expect(draw()).toEqual({ status: 0, faults: '' }));

  test('shows a circle of files, and one of rooms', () => {
    const { status, faults } = draw(
      house({
        'plan/a.ts': "import './b.ts';",
        'plan/b.ts': "export * from './a.ts';",
        'kube/c.ts': "import type { D } from '../config/d.ts';",
        'config/d.ts': "export const it = import('../kube/e.ts');",
        'kube/e.ts': '',
        'attic/f.ts': '',
      }),
    );
    expect(status).toBe(1);
    expect(faults).toContain('a circle of files: plan/a.ts, plan/b.ts');
    expect(faults).toContain('a circle of rooms: config, kube');
    expect(faults).toContain('kube must not import config');
    expect(faults).toContain('src/attic is in no room');
  });
});

test('every file of src is in a room, and deep folders belong to the room above them', () => {
  expect(roomOf('plan/copy.ts')).toBe('plan');
  expect(roomOf('audit/rules/pods.ts')).toBe('audit/rules');
  expect(roomOf('names.ts')).toBe('ground');
  expect(roomOf('main.ts')).toBe('main');
});
