/** A clone of this repository, with the changes that are not committed: what a release is built from. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';

export const PROJECT = path.resolve(import.meta.dirname, '../..');

/** The new folder has the dependencies of this one. */
export function cloneProject(target: string): void {
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: PROJECT, encoding: 'utf8' });
  git('clone', '--quiet', '--shared', PROJECT, target);
  const changed = git('diff', '--name-only', '-z', 'HEAD') + git('ls-files', '--others', '--exclude-standard', '-z');
  for (const file of changed.split('\0').filter((name) => name !== '')) {
    const [from, to] = [path.join(PROJECT, file), path.join(target, file)];
    mkdirSync(path.dirname(to), { recursive: true });
    if (existsSync(from)) copyFileSync(from, to);
    else rmSync(to, { force: true });
  }
  symlinkSync(path.join(PROJECT, 'node_modules'), path.join(target, 'node_modules'));
}
