/** The command line as people meet it: what it takes, what it says when it is wrong, and with which status it ends. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { PROGRAM } from './program.ts';

const CONFIG = path.resolve(import.meta.dirname, '../manifests/config.yaml');
const COMMANDS = 'controller validate plan audit match rbac login logout verify wait prune schema completion'.split(
  ' ',
);

/** With nothing of the caller's environment: no kubeconfig, no configuration. */
function pullpass(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [PROGRAM, ...args],
      { env: { PATH: process.env['PATH'], HOME: '/nonexistent', NO_COLOR: '1', ...env } },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      },
    );
  });
}
const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

test('without a command, and with --help, it lists every command', async () => {
  const { code, stdout } = await pullpass(['--help']);
  expect(code).toBe(0);
  for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^ {2}${command}\\b`, 'm'));
  expect((await pullpass([])).code).toBe(64);
});

test.each(COMMANDS)('%s --help says what the exit status means, where it is more than success', async (command) => {
  const { code, stdout } = await pullpass([command, '--help']);
  expect(code).toBe(0);
  expect(stdout).toMatch(new RegExp(`^Usage: pullpass ${command}\\b`));
  if (!['schema', 'prune', 'completion'].includes(command)) expect(stdout).toMatch(/Exit\s+status/);
});

describe('a wrong command line is one line and status 64', () => {
  test.each([
    [['bogus'], "unknown command 'bogus'"],
    [['wait', '--source', 'x', '--timeout', '10x'], 'a duration such as 90s, 10m or 1h30m'],
    [['audit', '--no-config', '--context', 'a,b', '-o', 'html'], 'shows one cluster'],
    [['audit', '--context', 'a,,b'], 'empty name'],
    [['plan', '-A', '-n', 'x'], 'cannot be used with'],
    [['rbac', '--for', 'wait', '--check'], '--for wait goes with none of'],
    [['completion', 'tcsh'], 'bash, zsh, fish, kubectl'],
    [['audit', '--fail-on', 'fatal'], 'error, warning, info'],
    [['audit', '--output', 'pdf'], 'html'],
    [['controller', '--config', CONFIG, '--concurrency', 'many'], 'whole number from 1 to 256'],
    [['match', 'app', '--docker-config', 'x', '--namespace', 'y'], 'cannot be used with'],
    [['match', 'app'], '--docker-config FILE, or --namespace NAME'],
    [['wait', '--config', CONFIG], '--source'],
    [['login', '--config', CONFIG], '--from-docker-config FILE'],
    [['login', 'a.corp', '--config', CONFIG, '--password=x'], 'use --password-stdin'],
    [['login', 'a.corp', '--config', CONFIG, '-u', 'x', '--from-docker-config', 'y'], 'cannot be used with'],
    [['logout', '--config', CONFIG], 'registry'],
    [['audit', '--without-secret', 'x', '--fail-on', 'error'], 'cannot be used with'],
    [['audit', '--without-secret', 'a/b/c'], 'give a name, or <namespace>/<name>'],
    [['audit', '--without-source', 'x', '-o', 'html'], 'answers for one cluster'],
  ])('%j', async (args, says) => {
    const { code, stdout, stderr } = await pullpass(args);
    expect([code, stdout]).toEqual([64, '']);
    expect(stderr).toContain(says);
    expect(stderr).toMatch(/^pullpass: /);
    expect(lines(stderr)).toHaveLength(1);
  });
});

describe('an error is one line and status 1, without a stack trace', () => {
  test.each([
    [['plan'], {}, 'no cluster to talk to'],
    [['plan', '--config', '/nonexistent/config.yaml'], {}, '/nonexistent/config.yaml'],
    [['audit', '--kubeconfig', '/nonexistent/kubeconfig'], {}, '/nonexistent/kubeconfig'],
    [['match', 'app', '--docker-config', '/nonexistent'], {}, 'cannot be read: ENOENT'],
    [['controller', '--config', CONFIG], { LOG_LEVEL: 'loud' }, 'use one of'],
  ])('%j', async (args, env, says) => {
    const { code, stderr } = await pullpass(args, env);
    expect(code).toBe(1);
    expect(stderr).toContain(says);
    expect(lines(stderr)).toHaveLength(1);
  });
});

test('rbac prints the right to ask who may see the report only when it is to be asked', async () => {
  const rights = async (...more: string[]): Promise<string> =>
    (await pullpass(['rbac', '--config', CONFIG, ...more])).stdout;
  expect(await rights()).not.toContain('tokenreviews');
  expect(await rights('--secure-report')).toContain('tokenreviews');
});

test('rbac --policies prints the admission policies behind the rights, in one stream', async () => {
  const print = async (...more: string[]): Promise<string> =>
    (await pullpass(['rbac', '--config', CONFIG, ...more])).stdout;
  const rights = await print();
  const both = await print('--policies', '--service-account', 'runner');
  expect(rights).not.toContain('kind: ValidatingAdmissionPolicy');
  expect(
    both.startsWith(
      rights.replaceAll('- kind: ServiceAccount\n    name: pullpass', '- kind: ServiceAccount\n    name: runner'),
    ),
  ).toBe(true);
  expect(both).toContain('kind: ValidatingAdmissionPolicyBinding');
  expect(both).toContain(':runner');
});

test('the version is that of the package', async () => {
  expect((await pullpass(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});
