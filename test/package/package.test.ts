/** The npm package as people get it: packed from a clone, installed into an empty folder, run on each Node that it is for. */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { CONTROLLER_NAMESPACE, createCluster } from '../integration/env/cluster.ts';
import type { Cluster } from '../integration/env/cluster.ts';
import { findBinaries } from '../integration/env/find-binaries.ts';
import { isWrite, startSandbox } from '../sandbox/kube-api/index.ts';
import type { Sandbox } from '../sandbox/kube-api/index.ts';
import { findOnPath } from '../sandbox/registry/on-path.ts';
import { cloneProject, PROJECT } from './checkout.ts';
import { findNode } from './node-versions.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'pullpass-package-'));
const checkout = path.join(directory, 'checkout');
const installed = path.join(directory, 'installed');
const tarball = path.join(directory, `pullpass-${manifest.version}.tgz`);
const bin = path.join(installed, 'node_modules/.bin');
const OWN = path.join(PROJECT, 'node_modules/.bin');

interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** With the `node` of a folder first on the PATH, and nothing else of the caller's environment. */
function run(node: string, program: string, args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  const PATH = [node, '/usr/local/bin', '/usr/bin', '/bin'].join(path.delimiter);
  return new Promise((resolve) => {
    execFile(
      program,
      args,
      { cwd: installed, env: { PATH, HOME: directory, NO_COLOR: '1', ...env } },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      },
    );
  });
}

beforeAll(() => {
  cloneProject(checkout);
  const npm = (cwd: string, ...args: string[]): string =>
    execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  npm(checkout, 'pack', '--pack-destination', directory);
  mkdirSync(installed);
  writeFileSync(path.join(installed, 'package.json'), '{}');
  // With --offline a dependency that is not in the tarball would fail here.
  npm(installed, 'install', '--offline', tarball);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('npm pack', () => {
  test('takes the bundle, licences, manifests and texts, and nothing else', () => {
    const names = execFileSync('tar', ['-tzf', tarball], { encoding: 'utf8' })
      .split('\n')
      .filter((name) => name !== '' && !name.startsWith('package/manifests/'))
      .map((name) => name.replace('package/', ''))
      // The parts: named after what is in them.
      .filter((name) => !/^dist\/lib\/[a-z-]+-[A-Z0-9]{8}\.js$/.test(name));
    expect(names.sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'dist/lib/main.js',
      'dist/pullpass.js',
      'dist/pullpass.js.LEGAL.txt',
      'package.json',
    ]);
  });

  test('brings nothing to install and no script to run', () => {
    const packed = JSON.parse(
      readFileSync(path.join(installed, 'node_modules/pullpass/package.json'), 'utf8'),
    ) as object;
    for (const field of ['dependencies', 'devDependencies', 'scripts', 'allowScripts'])
      expect(packed).not.toHaveProperty(field);
    expect(packed).toMatchObject({
      version: manifest.version,
      engines: manifest.engines,
      publishConfig: { provenance: true },
    });
    // `npm publish` refuses it until a release takes this away.
    expect(packed).toMatchObject({ private: true });
  });

  test('leaves the checkout as it was', () => {
    expect(readFileSync(path.join(checkout, 'package.json'))).toEqual(readFileSync(path.join(PROJECT, 'package.json')));
    expect(existsSync(path.join(checkout, 'dist/package.json'))).toBe(false);
  });

  test('has the licence of every package that the bundle took something of', () => {
    const dist = path.join(installed, 'node_modules/pullpass/dist');
    const lib = path.join(dist, 'lib');
    const bundle = readdirSync(lib)
      .map((name) => readFileSync(path.join(lib, name), 'utf8'))
      .join('\n');
    const taken = new Set(
      [...bundle.matchAll(/^ *\/\/ node_modules\/((?:@[^/\n]+\/)?[^/\n]+)/gm)].map(([, name]) => name ?? ''),
    );
    expect(taken).toContain('undici');
    const sections = readFileSync(path.join(dist, 'pullpass.js.LEGAL.txt'), 'utf8').split(/^={80}\n/m);
    for (const name of taken) {
      const section = sections.find((section) => section.startsWith(`${name} `)) ?? '';
      // An Unlicense wants no notice, and the one package that has it brings no text.
      if (!/^.*, Unlicense\n/.test(section)) expect(section.length, name).toBeGreaterThan(500);
    }
  });
});

const READ_ONLY = { namespace: CONTROLLER_NAMESPACE, name: 'auditor' };
let sandbox: Sandbox;
let cluster: Cluster;
let kubeconfig: string;

beforeAll(async () => {
  sandbox = await startSandbox();
  cluster = await createCluster(sandbox);
  await cluster.namespace(CONTROLLER_NAMESPACE);
  await cluster.serviceAccount(READ_ONLY.namespace, READ_ONLY.name);
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  await cluster.admin.create(`${rbac}/clusterroles`, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'auditor' },
    rules: [{ apiGroups: ['*'], resources: ['*'], verbs: ['get', 'list', 'watch'] }],
  });
  await cluster.admin.create(`${rbac}/clusterrolebindings`, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'auditor' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'auditor' },
    subjects: [{ kind: 'ServiceAccount', ...READ_ONLY }],
  });
  await cluster.namespace('shop');
  await cluster.admin.create('/api/v1/namespaces/shop/pods', {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'till' },
    spec: { containers: [{ name: 'app', image: 'registry.corp/shop/till:1' }], imagePullSecrets: [{ name: 'gone' }] },
  });
  kubeconfig = path.join(directory, 'kubeconfig');
  writeFileSync(kubeconfig, await sandbox.kubeconfigFor(READ_ONLY));
});
afterAll(async () => {
  await cluster.close();
  await sandbox.stop();
});

const minimum = manifest.engines.node.replace('>=', '');
const nodes = [
  { name: "the project's own Node", node: { version: process.versions.node, bin: OWN } },
  { name: 'the newest Node 22', node: findNode('22') },
  { name: 'the oldest Node that it is for', node: findNode(`~${minimum}.0`, 'oldest') },
];
for (const { name, node } of nodes) {
  if ('missing' in node) process.stderr.write(`skipped, the package on ${name}: ${node.missing}\n`);
  describe.skipIf('missing' in node)(`on ${name}`, () => {
    const { bin: folder, version } = 'missing' in node ? { bin: '', version: '' } : node;

    test('both commands start', async () => {
      expect(await run(folder, 'node', ['--version'])).toMatchObject({ stdout: `v${version}\n` });
      const help = await run(folder, `${bin}/pullpass`, ['--help']);
      expect(help).toMatchObject({ code: 0, stderr: '' });
      expect(help.stdout).toMatch(/^Usage: pullpass /);
      expect(await run(folder, `${bin}/kubectl-pullpass`, ['--version'])).toEqual({
        code: 0,
        stdout: `${manifest.version}\n`,
        stderr: '',
      });
    });

    test('a configuration is checked', async () => {
      const file = path.join(installed, 'node_modules/pullpass/manifests/config.yaml');
      expect(await run(folder, `${bin}/pullpass`, ['validate', file])).toMatchObject({ code: 0, stderr: '' });
    });

    test('a cluster without Pullpass is audited with rights to read', async () => {
      sandbox.resetRequests();
      const args = ['audit', '--kubeconfig', kubeconfig, '--output', 'json'];
      const { code, stdout, stderr } = await run(folder, `${bin}/pullpass`, args);
      expect([code, stderr]).toEqual([
        0,
        expect.stringMatching(/^no ConfigMap pullpass-system\/pullpass-config: without Pullpass, .*\n$/),
      ]);
      const { findings } = JSON.parse(stdout) as { findings: { rule: string; object: { namespace?: string } }[] };
      expect(findings.filter(({ object }) => object.namespace === 'shop').map(({ rule }) => rule)).toContain('PP006');
      expect(sandbox.requests().length).toBeGreaterThan(0);
      expect(sandbox.requests().filter(isWrite)).toEqual([]);
    });
  });
}

const old = findNode('20');
test('Node 20 gets one line and status 1', async ({ skip }) => {
  if ('missing' in old) return skip(old.missing);
  const { code, stdout, stderr } = await run(old.bin, `${bin}/pullpass`, ['audit']);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(
    new RegExp(`^pullpass needs Node\\.js ${minimum} or newer, this is ${old.version}: [^\\n]+\\n$`),
  );
});

test('npx runs it from the tarball', async () => {
  const args = ['--yes', '--offline', '--package', tarball, 'pullpass', 'audit', '--help'];
  const { code, stdout } = await run(OWN, 'npx', args, { npm_config_cache: path.join(directory, 'npm') });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^Usage: pullpass audit /);
});

const envtest = findBinaries(process.env);
const kubectl =
  'found' in envtest && existsSync(path.join(path.dirname(envtest.found.apiServer), 'kubectl'))
    ? { found: path.join(path.dirname(envtest.found.apiServer), 'kubectl') }
    : findOnPath('kubectl', 'setup-envtest brings one');
test('kubectl finds it as a plugin', async ({ skip }) => {
  if ('missing' in kubectl) return skip(kubectl.missing);
  const PATH = [OWN, bin, '/usr/bin', '/bin'].join(path.delimiter);
  const { code, stdout } = await run(OWN, kubectl.found, ['pullpass', 'audit', '--help'], { PATH });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^Usage: kubectl pullpass audit /);
});
