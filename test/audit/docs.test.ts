/** docs/audit-rules.md says what the rules say. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { RULES } from '../../src/audit/rules/all.ts';

const page = readFileSync(new URL('../../docs/audit-rules.md', import.meta.url), 'utf8');

test.each(RULES)(
  '$id $name has its section, with cause and remedy, and its line in the table',
  ({ id, name, severity, title, cause, remedy }) => {
    expect(page).toContain(
      `\n### ${id} ${name}\n\n**${title}** (${severity})\n\nCause: ${cause}\n\nRemedy: ${remedy}\n`,
    );
    expect(page).toContain(`| [${id}](#${id.toLowerCase()}-${name}) | \`${name}\` | ${severity} | ${title} |\n`);
  },
);

test('no section is about a rule that does not exist, and no id is there twice', () => {
  const sections = [...page.matchAll(/^### (PP\d{3})/gm)].map(([, id]) => id);
  expect(sections).toEqual(RULES.map(({ id }) => id));
  expect(new Set(sections).size).toBe(sections.length);
});
