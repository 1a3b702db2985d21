/** The program as it was released, from this repository's history: what an upgrade comes from, and a rollback goes back to. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '..', '..');
/** The last commit of each version that people may run. */
const RELEASES = { '0.1.0': '810f2c1' } as const;

/** Directory of that version's `src`, or why there is none: a shallow clone, or no git. */
export function released(version: keyof typeof RELEASES): { directory: string } | { missing: string } {
  const commit = RELEASES[version];
  const directory = mkdtempSync(path.join(tmpdir(), `pullpass-${version}-`));
  try {
    const archive = execFileSync('git', ['archive', commit, 'src', 'package.json'], {
      cwd: ROOT,
      maxBuffer: 64 * 1024 * 1024,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    mkdirSync(directory, { recursive: true });
    execFileSync('tar', ['-x', '-C', directory], { input: archive });
  } catch {
    return { missing: `commit ${commit} of version ${version} is not in this clone` };
  }
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(directory, 'node_modules'));
  if (!existsSync(path.join(directory, 'src', 'main.ts'))) return { missing: `commit ${commit} has no src/main.ts` };
  return { directory };
}
