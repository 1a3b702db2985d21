/**
 * `node release/set-names.ts OWNER/REPOSITORY` puts the names of a GitHub repository and its packages where the placeholders are, or where
 * the names of the repository are that this one was forked from. The release workflow publishes only under names that are its repository's.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { githubNames, readNames, ROOT } from './names.ts';
import type { Hosted } from './names.ts';

/** Replaces each of `before` in a text, with or without its scheme. */
export const renamed = (text: string, before: Hosted, after: Hosted): string =>
  (['image', 'chart', 'repository'] as const).reduce(
    (result, key) => result.replaceAll(bare(before[key]), bare(after[key])),
    text,
  );

const bare = (name: string): string => name.replace(/^\w+:\/\//, '');

if (import.meta.main) {
  try {
    const [before, after] = [readNames(), githubNames(process.argv[2] ?? '')];
    const files = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' }).split('\0').filter(Boolean);
    for (const file of files.map((name) => path.join(ROOT, name))) {
      const text = readFileSync(file, 'latin1'); // Any byte comes back as it was.
      const result = renamed(text, before, after);
      if (result !== text) writeFileSync(file, result, 'latin1');
    }
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}
