/** Node of other versions, from the npm registry: npm checks what it downloads. Kept in node_modules/.cache. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { PROJECT } from './checkout.ts';

/** The packages that the package `node` installs. */
const PACKAGE = `${process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node'}-${process.platform}-${process.arch}`;

export type FoundNode = { readonly version: string; readonly bin: string } | { readonly missing: string };

/** The newest or oldest Node of a range, and the folder that holds its `node`. */
export function findNode(range: string, which: 'newest' | 'oldest' = 'newest'): FoundNode {
  const npm = (...args: string[]): string =>
    execFileSync('npm', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 300_000 });
  try {
    // One version is a string, several are a list.
    const versions = [JSON.parse(npm('view', `${PACKAGE}@${range}`, 'version', '--json')) as string | string[]].flat();
    versions.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    const version = versions.at(which === 'oldest' ? 0 : -1) ?? range;
    const cache = path.join(PROJECT, 'node_modules/.cache/pullpass-node');
    const kept = path.join(cache, version);
    if (!existsSync(kept)) {
      mkdirSync(cache, { recursive: true });
      const unpacked = mkdtempSync(path.join(cache, '.new-'));
      const [{ filename } = { filename: '' }] = JSON.parse(
        npm('pack', `${PACKAGE}@${version}`, '--json', '--pack-destination', unpacked),
      ) as { filename: string }[];
      execFileSync('tar', ['-xzf', path.join(unpacked, filename), '-C', unpacked, 'package/bin/node']);
      // In one step: another test may look for it at the same time.
      if (!existsSync(kept)) renameSync(path.join(unpacked, 'package/bin'), kept);
      rmSync(unpacked, { recursive: true, force: true });
    }
    return { version, bin: kept };
  } catch {
    return { missing: `${PACKAGE}@${range} cannot be had from the npm registry` };
  }
}
