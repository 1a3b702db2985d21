/** The page's style and script are in the bundle. */
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
    const entry = path.resolve(import.meta.dirname, '../../src/audit/render/html.ts');
    const { file } = await bundle({ entry, folder: directory });
    const bundled = (await import(pathToFileURL(file).href)) as typeof fromSource;
    const report = broken();
    expect(bundled.renderHtml(report)).toBe(fromSource.renderHtml(report));
    expect(bundled.CONTENT_SECURITY_POLICY).toBe(fromSource.CONTENT_SECURITY_POLICY);
  } finally {
    await rm(directory, { recursive: true });
  }
});
