/**
 * The program as users run it: bundled, once for a whole run of the tests. Started from its sources it takes four times the
 * CPU, and hundreds of tests start it. PULLPASS_PROGRAM names the `main.ts` of another checkout, so that the same tests can be held against
 * an older version.
 */
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '..');

export const PROGRAM = process.env['PULLPASS_PROGRAM'] ?? path.join(ROOT, 'src/main.ts');

/** Vitest runs this before its workers, which inherit the environment. */
export async function setup(): Promise<void> {
  if (process.env['PULLPASS_PROGRAM'] !== undefined) return;
  const { buildProgram } = await import('../build.ts');
  const folder = path.join(ROOT, 'coverage/program');
  await buildProgram(folder);
  process.env['PULLPASS_PROGRAM'] = path.join(folder, 'pullpass.js');
}
