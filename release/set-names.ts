/**
 * `node release/set-names.ts OWNER/REPOSITORY` puts names that belong to somebody where the placeholders are: those of a GitHub
 * repository and its packages. The release workflow does so with its own repository, so a fork publishes, and points to, what is its own.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readNames, ROOT } from './names.ts';
import type { Names } from './names.ts';

export function githubNames(slug: string): Omit<Names, 'version'> {
  if (!/^[\w-]+\/[\w.-]+$/.test(slug)) throw new Error(`"${slug}" is no OWNER/REPOSITORY: set GITHUB_REPOSITORY`);
  // References of images are lower case; owners need not be.
  const image = `ghcr.io/${slug.toLowerCase()}`;
  return { image, chart: `oci://${image}/charts`, repository: `https://github.com/${slug}` };
}

/** Replaces each of `before` in a text, with or without its scheme. */
export const renamed = (text: string, before: Omit<Names, 'version'>, after: Omit<Names, 'version'>): string =>
  (['image', 'chart', 'repository'] as const).reduce(
    (result, key) => result.replaceAll(bare(before[key]), bare(after[key])),
    text,
  );

const bare = (name: string): string => name.replace(/^\w+:\/\//, '');

if (import.meta.main) {
  try {
    const [before, after] = [readNames(), githubNames(process.argv[2] ?? process.env['GITHUB_REPOSITORY'] ?? '')];
    const files = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' }).split('\0').filter(Boolean);
    for (const file of files.map((name) => path.join(ROOT, name))) {
      const text = readFileSync(file, 'latin1'); // Any byte comes back as it was.
      const result = renamed(text, before, after);
      if (result !== text) writeFileSync(file, result, 'latin1');
    }
    console.log(Object.values(readNames()).join('\n'));
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}
