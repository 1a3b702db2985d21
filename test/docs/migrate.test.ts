/** Each page of docs/migrate/ ends with what the command prints for a small cluster. After a change: `npm test -- test/docs/migrate.test.ts -u`. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { migrationText } from '../../src/commands/migrate-text.ts';
import { findTools } from '../../src/migrate/find.ts';
import { TOOLS } from '../../src/migrate/model.ts';
import { planMigration } from '../../src/migrate/plan.ts';
import { WORLDS } from '../migrate/worlds.ts';

const HEADING = '\n## What it prints\n';

test.each(TOOLS)('docs/migrate/%s.md', async (tool) => {
  const file = `../../docs/migrate/${tool}.md`;
  // What is above the heading is written by hand.
  const [byHand = ''] = readFileSync(path.join(import.meta.dirname, file), 'utf8').split(HEADING);
  const seen = WORLDS[tool]();
  const found = findTools(seen, [tool]);
  const text = migrationText(found, planMigration(seen, found, 'pullpass-system'), seen.absent);
  await expect(
    `${byHand}${HEADING}\nFor a small cluster:\n\n\`\`\`text\n$ pullpass migrate --from ${tool}\n${text}\`\`\`\n`,
  ).toMatchFileSnapshot(file);
});

test('the index has a page for each', () => {
  const index = readFileSync(path.join(import.meta.dirname, '../../docs/migrate/README.md'), 'utf8');
  for (const tool of TOOLS) expect(index).toContain(`](${tool}.md)`);
});
