/** Completion: by the program's own tree, through bash's own machinery, and through kubectl. */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { complete } from '../../src/cli/complete.ts';
import { SCRIPTS } from '../../src/cli/completion.ts';
import { createProgram } from '../../src/cli/program.ts';
import { PROGRAM } from '../program.ts';
import { findOnPath } from '../sandbox/registry/on-path.ts';
import { environment } from '../commands/environment.ts';

const root = createProgram(environment().env);
const values = (...words: string[]): string[] =>
  complete(root, words).candidates.map((candidate) => candidate.replace(/\t.*/, ''));

describe('what can come next', () => {
  test.each<[words: string[], next: string[]]>([
    [['wai'], ['wait']],
    [['wait', '--re'], ['--require-proof']],
    [
      ['audit', '--fail-on', ''],
      ['error', 'warning', 'info'],
    ],
    [['audit', '--fail-on=w'], ['--fail-on=warning']],
    [['audit', '--fail-on', '=', 'w'], ['warning']],
    [
      ['audit', '--fail-on', '='],
      ['error', 'warning', 'info'],
    ],
    [['audit', '-o', 'm'], ['markdown']],
    [['audit', '-n', 'team', '-o', 'y'], ['yaml']],
    [['completion', 'z'], ['zsh']],
    [['completion', 'zsh', ''], []],
    [['wait', '--', '--sour'], []],
    [['wait', '--source', '--t'], []],
    [['no-such-command', ''], values('')],
  ])('%j: %j', (words, next) => {
    expect(values(...words)).toEqual(next);
  });

  test('every command that the help shows, and none that it hides', () => {
    expect(values('')).toEqual([...new Set(values(''))]);
    expect(values('')).toContain('prune');
    expect(values('_')).toEqual([]);
  });

  test('files where a file is meant, and only there', () => {
    const files = (...words: string[]): boolean => complete(root, words).files;
    expect([files('plan', '--config', ''), files('plan', '--config=x'), files('validate', '')]).toEqual([
      true,
      true,
      true,
    ]);
    expect([files('plan', '--context', ''), files('plan', ''), files('wait', '-')]).toEqual([false, false, false]);
  });
});

describe('in a shell', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'pullpass-completion-'));
    const program = `#!/bin/sh\nexec '${process.execPath}' '${PROGRAM}' "$@"\n`;
    for (const [name, text] of [
      ['pullpass', program],
      ['kubectl-pullpass', program],
      ['kubectl_complete-pullpass', SCRIPTS.kubectl],
      ['completion.bash', SCRIPTS.bash],
      ['_pullpass', SCRIPTS.zsh],
      ['pullpass.fish', SCRIPTS.fish],
    ] as const) {
      await writeFile(path.join(directory, name), text);
      await chmod(path.join(directory, name), 0o755);
    }
    await writeFile(path.join(directory, 'my-config.yaml'), '');
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  const run = async (program: string, ...args: string[]): Promise<string[]> => {
    const env = { PATH: `${directory}:${process.env['PATH']}`, HOME: directory };
    const { stdout } = await promisify(execFile)(program, args, { env, cwd: directory });
    return stdout.split('\n').filter((line) => line !== '');
  };
  const shells = { bash: findOnPath('bash', 'install bash'), zsh: findOnPath('zsh', 'install zsh') };
  const others = { fish: findOnPath('fish', 'install fish'), kubectl: findOnPath('kubectl', 'install kubectl') };
  for (const found of Object.values({ ...shells, ...others }))
    if ('missing' in found) test.skip(found.missing, () => undefined);

  describe.skipIf('missing' in shells.bash)('bash', () => {
    /** As readline does: the function that `complete` names, with the line in its variables. */
    const bash = (...words: string[]): Promise<string[]> =>
      run(
        'bash',
        '--norc',
        '-c',
        `source completion.bash
        compopt() { echo "compopt $*"; }
        [[ $(complete -p pullpass) == *'-F _pullpass'* ]] || exit 9
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _pullpass "\${COMP_WORDS[0]}" "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\\n' "\${COMPREPLY[@]}"`,
        'bash',
        'pullpass',
        ...words,
      );
    test('completes commands, options and values, and files with its own means', async () => {
      expect(await bash('wai')).toEqual(['wait']);
      expect(await bash('wait', '--re')).toEqual(['--require-proof']);
      expect(await bash('audit', '--output', '=', 'sa')).toEqual(['sarif']);
      expect(await bash('plan', '--config', '')).toEqual(['compopt -o default']);
    });
  });

  test.skipIf('missing' in shells.zsh)('zsh can read its script', async () => {
    await run('zsh', '-n', '_pullpass');
    // Without its line editor zsh cannot complete: what the function would describe is shown instead.
    const said = await run(
      'zsh',
      '-f',
      '-c',
      `_describe() { print -l -- "\${(@P)2}" }
      _files() { print files }
      source ./_pullpass
      words=(pullpass audit --fail-on w) CURRENT=4; _pullpass
      words=(pullpass audit --fa) CURRENT=3; _pullpass
      words=(pullpass plan --config '') CURRENT=4; _pullpass`,
    );
    expect(said).toEqual(['warning', expect.stringMatching(/^--fail-on:exit with 3/) as string, 'files']);
  });

  test.skipIf('missing' in others.fish)('fish completes with its script', async () => {
    await run('fish', '-n', 'pullpass.fish');
    const fish = (line: string): Promise<string[]> =>
      run('fish', '--no-config', '-c', `source pullpass.fish; complete -C '${line}'`);
    expect(await fish('pullpass audit --fail-on w')).toEqual(['warning']);
    expect(await fish('pullpass wai')).toEqual([expect.stringMatching(/^wait\tblock until/) as string]);
    expect(await fish('pullpass plan --config my')).toEqual(['my-config.yaml']);
  });

  test.skipIf('missing' in others.kubectl)('kubectl completes its plugin', async () => {
    expect(await run('kubectl', '__complete', 'pullpass', 'audit', '--fail-on', 'w')).toEqual(['warning', ':4']);
    expect(await run('kubectl', '__complete', 'pullpass', 'wait', '--re')).toEqual([
      expect.stringMatching(/^--require-proof\t/) as string,
      ':4',
    ]);
  });
});
