/** Pullpass as pods, by what this checkout ships: the manifests with kustomize, or the chart with Helm. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findOnPath } from '../sandbox/registry/on-path.ts';
import { finished, ROOT } from './cluster.ts';
import type { CommandLine } from './cluster.ts';
import type { Settings } from './settings.ts';

export interface Installation {
  readonly settings: Settings;
  readonly cli: CommandLine;
  readonly namespace: string;
  readonly configuration: { readonly apiVersion: string; readonly kind: string };
  /** Without its tag, which is that of the manifests. */
  readonly image: { readonly placeholder: string; readonly name: string };
  /** By which its own pods are pulled. */
  readonly pullSecret: string;
}

/** Resolves when it is rolled out; the answer takes all of it away, but its namespace. */
export async function install(what: Installation): Promise<() => Promise<void>> {
  const directory = mkdtempSync(path.join(tmpdir(), 'e2e-install-'));
  const uninstall = await (what.settings.install === 'helm' ? helm : kustomize)(what, directory);
  const args = ['--namespace', what.namespace, 'rollout', 'status', 'deployment/pullpass', '--timeout=180s'];
  const removed = async (): Promise<void> => {
    await uninstall();
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await what.cli.kubectl(args);
  } catch (error) {
    await removed();
    throw error;
  }
  return removed;
}

type Way = (what: Installation, directory: string) => Promise<() => Promise<void>>;

const kustomize: Way = async ({ cli, namespace, configuration, image, pullSecret }, directory) => {
  const overlay = path.join(directory, 'overlay');
  mkdirSync(overlay);
  symlinkSync(path.join(ROOT, 'manifests'), path.join(overlay, 'manifests'));
  const config = path.join(overlay, 'config.yaml');
  writeFileSync(config, JSON.stringify(configuration));
  const patch = JSON.stringify([{ op: 'add', path: '/imagePullSecrets', value: [{ name: pullSecret }] }]);
  writeFileSync(
    path.join(overlay, 'kustomization.yaml'),
    JSON.stringify({
      resources: ['manifests'],
      images: [{ name: image.placeholder, newName: image.name }],
      configMapGenerator: [{ name: 'pullpass-config', namespace, behavior: 'replace', files: ['config.yaml'] }],
      patches: [{ target: { kind: 'ServiceAccount', name: 'pullpass' }, patch }],
    }),
  );
  await cli.kubectl(['apply', '-k', overlay]);
  const rights = await cli.pullpass('rbac', '--config', config);
  if (rights.status !== 0) throw new Error(rights.output);
  await cli.kubectl(['apply', '-f', '-'], rights.output);
  return async () => void (await cli.kubectl(['delete', '-k', overlay, '--ignore-not-found', '--timeout=120s']));
};

const helm: Way = async ({ settings, namespace, configuration, image, pullSecret }, directory) => {
  const program = ['helm', 'helm3', 'helm4'].map((name) => findOnPath(name, 'Helm 3 or 4', settings.path));
  const [found] = program.flatMap((each) => ('found' in each ? [each.found] : []));
  if (found === undefined) throw new Error('helm is not on PATH: Helm 3 or 4');
  const { apiVersion: _version, kind: _kind, ...config } = configuration;
  const values = path.join(directory, 'values.json');
  writeFileSync(
    values,
    JSON.stringify({ config, image: { repository: image.name }, imagePullSecrets: [{ name: pullSecret }] }),
  );
  const run = async (...args: string[]): Promise<void> => {
    const env = { ...process.env, KUBECONFIG: settings.kubeconfig };
    const { status, output } = await finished(found, [...args, '--namespace', namespace], env);
    if (status !== 0) throw new Error(`helm ${args[0]}: ${output}`);
  };
  await run('upgrade', '--install', 'pullpass', path.join(ROOT, 'charts/pullpass'), '--values', values);
  return () => run('uninstall', 'pullpass', '--ignore-not-found', '--wait');
};
