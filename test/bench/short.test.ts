/** The benchmark in short, on the sandbox: what it counts does not depend on the machine. Times are only reported. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');
type Row = Readonly<Record<string, number>> & { readonly row: never };

test(
  'a rotation makes one request and one reconcile a copy, and garbage does not add up',
  { timeout: 600_000 },
  async () => {
    const args = ['--against', 'sandbox', '--namespaces', '200,400', '--rounds', '2', '--json'];
    const { stdout } = await promisify(execFile)(process.execPath, ['bench/cluster.ts', ...args], { cwd: ROOT });
    const { rows, flags } = JSON.parse(stdout) as { rows: Row[]; flags: string };
    const of = (row: string): Row[] => rows.filter((each) => (each.row as string) === row);
    for (const row of rows) process.stdout.write(`${JSON.stringify(row)}\n`);

    expect(flags).toContain('--max-old-space-size=');
    // Once in a while a request has another reason, such as a status that is written.
    for (const { requests = 0, reconciles = 0 } of of('rotation')) {
      expect([requests >= 1, requests <= 1.05, reconciles >= 1, reconciles <= 1.05]).toEqual([true, true, true, true]);
    }
    const [few, many] = of('rotation');
    expect((many?.['peak'] ?? Infinity) - (few?.['peak'] ?? 0)).toBeLessThan(20);
    expect(many?.['peak']).toBeLessThan(180);
  },
);
