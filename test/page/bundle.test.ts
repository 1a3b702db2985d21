/** The bundle is one file: the page's style and script are in it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { bundle } from '../../build.ts';
import * as fromSource from '../../src/audit/render/html.ts';
import { broken } from './reports.ts';

test('a bundle renders the same page, with the same policy', async () => {
  const directory = await mkdtemp(path.join(tmpdir(), 'pullpass-bundle-'));
  try {
    const outfile = path.join(directory, 'html.mjs');
    await bundle({ entry: path.resolve(import.meta.dirname, '../../src/audit/render/html.ts'), outfile });
    const bundled = (await import(pathToFileURL(outfile).href)) as typeof fromSource;
    const report = broken();
    expect(bundled.renderHtml(report)).toBe(fromSource.renderHtml(report));
    expect(bundled.CONTENT_SECURITY_POLICY).toBe(fromSource.CONTENT_SECURITY_POLICY);
  } finally {
    await rm(directory, { recursive: true });
  }
});
