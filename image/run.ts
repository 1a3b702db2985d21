/** Runs the programs that the build needs. One that is absent, or fails, is one clear line. */
import { spawnSync } from 'node:child_process';

export class BuildError extends Error {}

const PACKAGE_OF: Readonly<Record<string, string>> = { 'apt-get': 'apt', 'dpkg-deb': 'dpkg' };

/** What it prints on stdout. */
export function run(program: string, args: readonly string[], options: { cwd?: string } = {}): string {
  const { error, status, signal, stdout, stderr } = spawnSync(program, args, {
    ...options,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 1 << 26,
  });
  if (error !== undefined && 'code' in error && error.code === 'ENOENT')
    throw new BuildError(`${program} is not installed: on Debian, apt-get install ${PACKAGE_OF[program] ?? program}`);
  if (error !== undefined) throw new BuildError(`${program}: ${error.message}`);
  if (status !== 0)
    throw new BuildError(`${program} ${args[0] ?? ''} failed (${status ?? signal}): ${(stderr || stdout).trim()}`);
  return stdout;
}
