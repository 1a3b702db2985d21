/** docs/cli.md says what the program says. After a change, write it anew: `npm test -- test/docs/cli.test.ts -u`. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { environment } from '../commands/environment.ts';
import { page } from './cli-page.ts';

test('docs/cli.md has each command, argument and option of the program', async () => {
  // What is above the reference is written by hand.
  const [intro = ''] = readFileSync(path.join(import.meta.dirname, '../../docs/cli.md'), 'utf8').split(
    '\n## Reference\n',
  );
  const { env } = environment();
  await expect(page(intro, createProgram(env))).toMatchFileSnapshot('../../docs/cli.md');
});
