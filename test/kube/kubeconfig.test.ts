import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { loadKubeConfig } from '../../src/kube/kubeconfig.ts';

const directory = mkdtempSync(join(tmpdir(), 'pullpass-kubeconfig-'));
afterAll(() => rmSync(directory, { recursive: true }));

function file(text: string): string {
  const path = join(directory, `config-${Math.random().toString(36).slice(2)}`);
  writeFileSync(path, text);
  return path;
}

const GOOD = `\
apiVersion: v1
kind: Config
clusters: [{ name: a, cluster: { server: "https://a.test:6443" } }, { name: b, cluster: { server: "https://b.test" } }]
users: [{ name: me, user: { token: SECRET } }]
contexts: [{ name: to-a, context: { cluster: a, user: me } }, { name: to-b, context: { cluster: b, user: me } }]
current-context: to-a
`;

function problem(options: Parameters<typeof loadKubeConfig>[0]): string {
  try {
    loadKubeConfig(options);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as Error).message;
  }
  throw new Error('it should have failed');
}

describe('a file that is named', () => {
  test('gives its current context, or the one that is named', () => {
    const kubeconfig = file(GOOD);
    expect(loadKubeConfig({ kubeconfig }).getCurrentCluster()?.server).toBe('https://a.test:6443');
    expect(loadKubeConfig({ kubeconfig, context: 'to-b' }).getCurrentCluster()?.server).toBe('https://b.test');
  });

  test('and is not there', () => {
    expect(problem({ kubeconfig: join(directory, 'none') })).toMatch(/^kubeconfig .*none: no such file$/);
  });

  test('and has no such context', () => {
    expect(problem({ kubeconfig: file(GOOD), context: 'prod' })).toBe(
      'kubeconfig: no context "prod"; there are: to-a, to-b',
    );
  });

  test('and has no current context, or one without a cluster', () => {
    expect(problem({ kubeconfig: file(GOOD.replace('current-context: to-a', '')) })).toMatch(/no current context/);
    expect(problem({ kubeconfig: file(GOOD.replace('cluster: a,', 'cluster: gone,')) })).toMatch(
      /no cluster to talk to/,
    );
  });

  test.each<[string, string]>([
    ['empty', ''],
    ['some text', 'hello'],
    ['a list', '- 1'],
    ['broken YAML with a login in it', `${GOOD}token: "SECRET\n SECRET: [x\n`],
    ['of the wrong shape', 'clusters: [{ name: a }]'],
    ['binary', '\u0000\u0001\u0002'],
  ])('and is %s: one line, without a word of the file', (_, text) => {
    const message = problem({ kubeconfig: file(text) });
    expect(message).not.toContain('\n');
    expect(message).not.toContain('SECRET');
  });

  test('and is a directory', () => {
    expect(problem({ kubeconfig: directory })).toMatch(/is not usable: .*EISDIR/);
  });
});

describe('without a name', () => {
  beforeEach(() => {
    vi.stubEnv('KUBECONFIG', '');
    vi.stubEnv('HOME', directory);
  });
  afterEach(() => vi.unstubAllEnvs());

  test('$KUBECONFIG counts', () => {
    vi.stubEnv('KUBECONFIG', file(GOOD));
    expect(loadKubeConfig({}).getCurrentCluster()?.server).toBe('https://a.test:6443');
  });

  test('a machine that knows no cluster is told so, and not that some port refuses', () => {
    expect(problem({})).toMatch(/^no cluster to talk to: .*--kubeconfig FILE$/);
  });
});
