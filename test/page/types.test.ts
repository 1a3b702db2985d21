/** The page's scripts are held to their types: they know the DOM, so the project's own check does not see them. */
import path from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');

test('the scripts of the page have no type errors', () => {
  const config = ts.getParsedCommandLineOfConfigFile(
    path.join(ROOT, 'src/audit/page/browser/tsconfig.json'),
    {},
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined },
  );
  if (config === undefined) throw new Error('their tsconfig.json cannot be read');
  expect(config.fileNames.length).toBeGreaterThan(3);
  const found = ts.getPreEmitDiagnostics(ts.createProgram(config.fileNames, config.options));
  expect(
    ts.formatDiagnostics(found, {
      getCanonicalFileName: (name) => name,
      getCurrentDirectory: () => ROOT,
      getNewLine: () => '\n',
    }),
  ).toBe('');
});
