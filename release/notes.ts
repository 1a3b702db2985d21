/**
 * `node release/notes.ts TAG` prints what CHANGELOG.md says about a release, or says in one line each what keeps it from being one.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { placeholders, readNames, ROOT } from './names.ts';
import type { Names } from './names.ts';

export type Notes = { readonly notes: string } | { readonly problems: readonly string[] };

export function releaseNotes(tag: string, names: Names, changelog: string): Notes {
  const { version } = names;
  const problems = placeholders(names).map(
    (name) => `package.json: ${name} is a placeholder: node release/set-names.ts OWNER/REPOSITORY`,
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
    process.argv[2] ?? process.env['GITHUB_REF_NAME'] ?? '',
    readNames(),
    readFileSync(path.join(ROOT, 'CHANGELOG.md'), 'utf8'),
  );
  if ('notes' in result) console.log(result.notes);
  else {
    console.error(result.problems.join('\n'));
    process.exitCode = 1;
  }
}
