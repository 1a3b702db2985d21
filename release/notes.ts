/**
 * `node release/notes.ts TAG OWNER/REPOSITORY` prints what CHANGELOG.md says about a release, or says in one line each what keeps it from being one.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { githubNames, readNames, ROOT } from './names.ts';
import type { Names } from './names.ts';

export type Notes = { readonly notes: string } | { readonly problems: readonly string[] };

/** A release points only to names of the repository that makes it: neither to a placeholder nor to what it was forked from. */
export function releaseNotes(tag: string, slug: string, names: Names, changelog: string): Notes {
  const { version } = names;
  const own = githubNames(slug);
  const problems = (['image', 'chart', 'repository'] as const)
    .filter((key) => names[key] !== own[key])
    .map(
      (key) => `package.json: ${key} is ${names[key]}, not ${own[key]}: node release/set-names.ts ${slug}, then commit`,
    );
  if (tag !== `v${version}`) problems.push(`tag "${tag}" is not v${version}, the version in package.json`);
  const section = changelog.split(/^## /m).find((text) => text.startsWith(`${version} - `));
  const [heading = '', ...lines] = section?.split('\n') ?? [];
  const notes = lines.join('\n').trim();
  if (section === undefined) problems.push(`CHANGELOG.md: no heading "## ${version} - <date>"`);
  else if (!/ - \d{4}-\d\d-\d\d$/.test(heading)) problems.push(`CHANGELOG.md: "## ${heading}" must end in its date`);
  else if (notes === '') problems.push(`CHANGELOG.md: nothing below "## ${heading}"`);
  return problems.length > 0 ? { problems } : { notes };
}

if (import.meta.main) {
  const result = releaseNotes(
    process.argv[2] ?? '',
    process.argv[3] ?? '',
    readNames(),
    readFileSync(path.join(ROOT, 'CHANGELOG.md'), 'utf8'),
  );
  if ('notes' in result) console.log(result.notes);
  else {
    console.error(result.problems.join('\n'));
    process.exitCode = 1;
  }
}
