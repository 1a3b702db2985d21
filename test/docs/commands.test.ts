/** Every `pullpass` command on a page is one that the program takes: its options, choices and arguments; and every file of ours that one names is there. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { environment } from '../commands/environment.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const PAGES = ['README.md', 'SECURITY.md', ...globSync('docs/**/*.md', { cwd: ROOT })].filter(
  (page) => !page.startsWith('docs/design/'),
);

/** What a shell would run: of a block of commands, without comments, joined lines, pipes and redirections. */
function commandsOn(page: string): string[] {
  const text = readFileSync(path.join(ROOT, page), 'utf8');
  const blocks = [...text.matchAll(/^ *```sh\n([^]*?)^ *```$/gm)].map(([, block = '']) => block);
  const inline = [...text.matchAll(/`((?:kubectl )?pullpass [^`]+)`/g)].map(([, command = '']) =>
    command.replaceAll('\n', ' '),
  );
  return [...blocks.flatMap((block) => block.replaceAll('\\\n', ' ').split('\n')), ...inline]
    .map((line) =>
      line
        .replaceAll('\\|', '|')
        .replace(/(^|\s)#.*$/, '')
        .trim(),
    )
    .flatMap((line) => line.split(/\s(?:\|\|?|&&|;)\s|\s[<>]\s|\|$/))
    .map((command) => command.trim().replace(/^kubectl pullpass /, 'pullpass '))
    .filter((command) => /^pullpass [a-z]/.test(command));
}

/** Words of a command line; a placeholder stands for a word. */
const words = (command: string): string[] =>
  [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, plain]) => double ?? single ?? plain ?? '',
  );

/** The program, in which every command ends when its line was read. */
function program(): Command {
  const root = createProgram(environment().env);
  for (const command of [root, ...root.commands]) {
    command.configureOutput({ writeErr: () => undefined, writeOut: () => undefined });
    if (command !== root) command.action(() => undefined);
  }
  return root;
}

for (const page of PAGES) {
  const commands = [...new Set(commandsOn(page))].filter((command) => !/\.\.\.|\[|…/.test(command));
  if (commands.length === 0) continue;
  test(`${page}: ${commands.length} commands`, async () => {
    const wrong: string[] = [];
    for (const command of commands) {
      const [, ...args] = words(command);
      // In prose, a command alone names it.
      const needs = args.length === 1 ? { code: 'commander.help' } : undefined;
      const failure = await program()
        .parseAsync(args, { from: 'user' })
        .then(
          () => undefined,
          (error: unknown) => error as { code?: string; message: string },
        );
      if (failure === undefined || (needs !== undefined && /missingArgument|missingMandatory/.test(failure.code ?? '')))
        continue;
      wrong.push(`${command}: ${failure.message}`);
    }
    expect(wrong).toEqual([]);
    for (const command of commands)
      for (const [, file = ''] of command.matchAll(/\s((?:manifests|charts)\/[\w./-]+)/g))
        if (!command.includes(`> ${file}`)) expect(existsSync(path.join(ROOT, file)), command).toBe(true);
  });
}
