/** Which tests can notice a change of a file: those that import it, directly or through others. */
import { basename, dirname, join, sep } from 'node:path';
import ts from 'typescript';

/** Tests of the whole: they start servers. */
const WHOLE = ['integration', 'safety', 'conformance', 'sandbox', 'page'].map((folder) => join('test', folder) + sep);

/**
 * The tests of the file's own room, the one by its name first; and those of others that are no more than `reach` imports
 * away. Where there are others, and unless more than one import is asked for, without the tests of the whole.
 */
export function testsOf(users: ReadonlyMap<string, readonly string[]>, file: string, reach: number): string[] {
  const steps = new Map([[file, 0]]);
  for (const [each, n] of steps) for (const user of users.get(each) ?? []) if (!steps.has(user)) steps.set(user, n + 1);
  const room = join('test', dirname(file).slice('src'.length));
  const own = join(room, basename(file, '.ts') + '.test.ts');
  const rank = (test: string): number =>
    test === own ? 0 : test.startsWith(room + sep) ? 1 : (steps.get(test) ?? 0) + 1;
  const tests = [...steps.keys()]
    .filter((test) => test.endsWith('.test.ts') && rank(test) <= reach + 1)
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  const quick = tests.filter((test) => !WHOLE.some((folder) => test.startsWith(folder)));
  return reach > 1 || quick.length === 0 ? tests : quick;
}

/** Which files import a file when they run: by then an `import type` is gone. */
export function usersOf(texts: ReadonlyMap<string, string>): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const [file, text] of texts) {
    for (const statement of ts.createSourceFile(file, text, ts.ScriptTarget.Latest).statements) {
      const named = ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement);
      const from = named ? statement.moduleSpecifier : undefined;
      if (from === undefined || !ts.isStringLiteral(from) || !from.text.startsWith('.')) continue;
      if (ts.isImportDeclaration(statement) && statement.importClause?.isTypeOnly === true) continue;
      const target = join(dirname(file), from.text);
      found.set(target, [...(found.get(target) ?? []), file]);
    }
  }
  return found;
}
