/** The rotation that workflows play on whole clusters, as far as it goes without nodes: on a real kube-apiserver. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { findRealApi, startRealApi } from '../integration/env/real-api.ts';
import { kubectl } from '../kustomize/rendering.ts';
import { tellMissing } from '../monitoring/tools.ts';

const real = findRealApi();
const script = path.resolve(import.meta.dirname, '../e2e/run.ts');
const missing = [real, kubectl].find((tool) => 'missing' in tool);
tellMissing('the rotation of test/e2e', 'missing' in real ? real : kubectl);

test.skipIf(missing !== undefined)(
  'a rotation from install to prune',
  async () => {
    if ('missing' in real) return;
    await using server = await startRealApi(real.found);
    const directory = mkdtempSync(path.join(tmpdir(), 'e2e-'));
    try {
      const kubeconfig = path.join(directory, 'kubeconfig');
      writeFileSync(kubeconfig, server.adminKubeconfig(), { mode: 0o600 });
      const env = { ...process.env, KUBECONFIG: kubeconfig };
      const play = (...args: string[]): Promise<{ stdout: string }> =>
        promisify(execFile)(process.execPath, [script, ...args], { env });
      const context = (await promisify(execFile)('kubectl', ['config', 'current-context'], { env })).stdout.trim();

      await expect(play()).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringContaining('--context NAME is missing') as string,
      });
      const { stdout } = await play('--context', context, '--install', 'process');
      expect(
        stdout
          .trim()
          .split('\n')
          .map((line) => line.slice(0, 3)),
      ).toEqual(Array(8).fill('ok:'));
      // It is for clusters that hold nothing yet.
      await expect(play('--context', context, '--install', 'process')).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringContaining('pullpass-system is there already') as string,
      });
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
  180_000,
);
