/** Every file that is made from others is as it would be made now. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { STEPS } from '../../release/generate.ts';
import { ROOT } from '../../release/names.ts';
import { tellMissing } from '../monitoring/tools.ts';
import { findOnPath } from '../sandbox/registry/on-path.ts';

for (const { file, needs, content } of STEPS) {
  const tool = needs === undefined ? { found: '' } : findOnPath(needs, 'the file is not compared with what it makes');
  test.skipIf('missing' in tool)(`${file} is up to date: npm run generate`, async () => {
    const written = readFileSync(path.join(ROOT, file), 'utf8');
    const made = await content();
    // Versions of a program may format what they print in other ways.
    if (needs === undefined) expect(written).toBe(made);
    else expect(parsed(written)).toEqual(parsed(made));
  });
  tellMissing(file, tool);
}

const parsed = (text: string): unknown[] => parseAllDocuments(text).map((document) => document.toJS() as unknown);
