/** `npm run test:e2e` where there is no cluster: it says so in one line. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../../release/names.ts';

function play(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const script = path.join(ROOT, 'test/e2e/run.ts');
  const env = { HOME: '/nonexistent', PATH: '/nonexistent' };
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { env, encoding: 'utf8' });
  return { status, stdout, stderr };
}

test.each([
  {
    args: ['--image', '/nonexistent'],
    says: /^test:e2e: there is no image \/nonexistent: make it with `npm run image`/,
  },
  { args: ['--keep', '--kubeconfig', 'file'], says: /^test:e2e: --registry HOST:PORT is missing: / },
  { args: ['--keep', '--kubeconfig', 'file', '--registry', 'host'], says: /^error: .* It must be HOST:PORT\.$/ },
  { args: ['--keep'], says: /^test:e2e: kind: spawnSync kind ENOENT$/ },
  {
    args: ['--keep', '--node', '/nonexistent'],
    says: /^test:e2e: (a node needs root|no CNI plugins|\S+ is not on PATH|the images of the pods)/,
  },
])('test:e2e $args says in one line what is missing', ({ args, says }) => {
  const { status, stdout, stderr } = play(...args);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr.trim()).toMatch(says);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});

test('the scenarios skip with one line where nobody started a cluster', () => {
  const vitest = path.join(ROOT, 'node_modules/vitest/vitest.mjs');
  const args = [vitest, 'run', '--config', path.join(ROOT, 'test/e2e/vitest.config.ts'), 'opt-in'];
  const { status, stdout } = spawnSync(process.execPath, args, { env: { PATH: '' }, encoding: 'utf8' });
  expect({ status, stdout }).toEqual({
    status: 0,
    stdout: expect.stringContaining('no cluster with nodes: npm run test:e2e starts one') as string,
  });
});
