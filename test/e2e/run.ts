/**
 * One rotation on a whole cluster, as an administrator would do it: install, opt in, pull, rotate, `wait`, revoke, pull, opt out, prune.
 *
 *   node test/e2e/run.ts --context kind-e2e --install kustomize|helm --image ARCHIVE
 *
 * The cluster must be made for this, and its nodes must have the image that the manifests name; ARCHIVE is the same image as an OCI archive
 * for pods to pull from a private registry. Needs kubectl and skopeo. `--install process` does without nodes: the controller runs here with
 * the rights of its ServiceAccount, and no pod is started.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { connect, eventually, ROOT, run } from './cluster.ts';
import type { Cluster, Secret } from './cluster.ts';
import { podOutcome, REGISTRY, startRegistry } from './registry.ts';
import type { Logins } from './registry.ts';

const { values } = parseArgs({
  options: {
    context: { type: 'string' },
    install: { type: 'string', default: 'kustomize' },
    image: { type: 'string' },
  },
});
const NAMESPACE = 'pullpass-system';
const COPY = 'upstream-registry';
const SOURCE = {
  name: 'upstream',
  secret: { namespace: NAMESPACE, name: COPY },
  copyName: COPY,
  namespaces: { allow: ['pullpass-e2e-*'] },
  verify: 'off', // The registry's name is one that only nodes can reach.
};
const configuration = { apiVersion: 'pullpass.dev/v1alpha1', kind: 'Configuration', sources: [SOURCE] };

/** Starts the controller; resolves when it has started. The answer stops it. */
async function install(cluster: Cluster, directory: string): Promise<() => void> {
  const stop = (): void => {
    cluster.kubectl(['--namespace', NAMESPACE, 'scale', 'deployment/pullpass', '--replicas=0']);
    cluster.kubectl(['--namespace', NAMESPACE, 'wait', '--for=delete', 'pod', '--all', '--timeout=120s']);
  };
  const config = path.join(directory, 'config.yaml');
  if (values.install === 'helm') {
    const chart = path.join(ROOT, 'charts/pullpass');
    const set = path.join(directory, 'values.json');
    writeFileSync(set, JSON.stringify({ config: { sources: configuration.sources } }));
    const args = ['--namespace', NAMESPACE, '--create-namespace', '--values', set, '--wait', '--timeout', '3m'];
    run('helm3', ['install', 'pullpass', chart, ...args], { ...process.env, KUBECONFIG: cluster.kubeconfig });
    return stop;
  }
  symlinkSync(path.join(ROOT, 'manifests'), path.join(directory, 'manifests'));
  const overlay = {
    resources: ['manifests'],
    configMapGenerator: [
      { name: 'pullpass-config', namespace: NAMESPACE, behavior: 'replace', files: ['config.yaml'] },
    ],
  };
  writeFileSync(path.join(directory, 'kustomization.yaml'), JSON.stringify(overlay));
  cluster.kubectl(['apply', '-k', directory]);
  if (values.install === 'kustomize') {
    cluster.kubectl(['--namespace', NAMESPACE, 'rollout', 'status', 'deployment/pullpass', '--timeout=180s']);
    return stop;
  }
  const token = cluster.kubectl(['--namespace', NAMESPACE, 'create', 'token', 'pullpass']);
  const own = JSON.parse(cluster.kubectl(['config', 'view', '--flatten', '--output', 'json'])) as { users: object[] };
  own.users = own.users.map((user) => ({ ...user, user: { token } }));
  const kubeconfig = path.join(directory, 'controller');
  writeFileSync(kubeconfig, JSON.stringify(own), { mode: 0o600 });
  const args = ['controller', '--config', config, '--kubeconfig', kubeconfig, '--address', '0'];
  const controller = spawn(process.execPath, [path.join(ROOT, 'src/main.ts'), ...args], { stdio: ['ignore', 2, 2] });
  controller.unref();
  process.once('exit', () => controller.kill());
  return () => void controller.kill();
}

async function play(cluster: Cluster, directory: string): Promise<void> {
  const first = { 'robot-1': 'first-password' };
  const second = { 'robot-2': 'second-password' };
  const config = path.join(directory, 'config.yaml');
  writeFileSync(config, JSON.stringify(configuration));
  const login = (logins: Logins): void => {
    const auths = { [REGISTRY]: Object.entries(logins).map(([username, password]) => ({ username, password }))[0] };
    cluster.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: COPY, namespace: NAMESPACE },
      type: 'kubernetes.io/dockerconfigjson',
      stringData: { '.dockerconfigjson': JSON.stringify({ auths }) },
    });
  };
  const secrets = (...args: string[]): Secret[] =>
    cluster.get<{ items: Secret[] }>('secrets', '--field-selector', `metadata.name=${COPY}`, ...args).items;
  /** `user:password` of the registry in the copy of a namespace, however it is written there. */
  const copied = (namespace: string): string | undefined => {
    const [secret] = secrets('--namespace', namespace);
    if (secret === undefined) return undefined;
    const decoded = (text = ''): string => Buffer.from(text, 'base64').toString();
    const { auths } = JSON.parse(decoded(secret.data['.dockerconfigjson'])) as {
      auths: Record<string, { username?: string; password?: string; auth?: string }>;
    };
    const { username, password, auth } = auths[REGISTRY] ?? {};
    return auth === undefined ? `${username}:${password}` : decoded(auth);
  };
  const references = (namespace: string): string[] =>
    cluster
      .get<{ imagePullSecrets?: { name: string }[] }>('--namespace', namespace, 'serviceaccount', 'default')
      .imagePullSecrets?.map(({ name }) => name) ?? [];
  const withNodes = values.install !== 'process';
  const archive = values.image ?? '';

  if (withNodes) await startRegistry(cluster, { ...first, ...second }, archive);
  const stop = await install(cluster, directory);
  login(first);
  for (const name of ['pullpass-e2e-in', 'pullpass-e2e-out'])
    cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  await eventually(
    'both namespaces have a default ServiceAccount',
    () => references('pullpass-e2e-in').length + references('pullpass-e2e-out').length === 0,
  );

  cluster.kubectl(['annotate', 'namespace', 'pullpass-e2e-in', 'pullpass.dev/sync=enabled']);
  await eventually(
    'who opts in has a copy of the source',
    () => copied('pullpass-e2e-in') === 'robot-1:first-password',
  );
  await eventually('its ServiceAccount names the copy', () => references('pullpass-e2e-in').includes(COPY));
  if (withNodes) {
    const [pulled, refused] = [
      podOutcome(cluster, 'pullpass-e2e-in', 'first'),
      podOutcome(cluster, 'pullpass-e2e-out', 'first'),
    ];
    await eventually('a pod there pulls a private image', () => pulled() === 'Succeeded', 120);
    await eventually('a pod elsewhere does not', () => /^(ErrImagePull|ImagePullBackOff)$/.test(refused()), 120);
  }

  login(second);
  const waited = cluster.pullpass('wait', '--config', config, '--source', SOURCE.name, '--timeout', '120');
  if (waited.status !== 0) throw new Error(`pullpass wait ended with ${waited.status}:\n${waited.output}`);
  await eventually(
    'after "wait" the copy is the new login',
    () => copied('pullpass-e2e-in') === 'robot-2:second-password',
    1,
  );
  if (withNodes) {
    await startRegistry(cluster, second, archive);
    const pulled = podOutcome(cluster, 'pullpass-e2e-in', 'second');
    await eventually('with the old login revoked, a pod pulls', () => pulled() === 'Succeeded', 120);
  }

  cluster.kubectl(['annotate', 'namespace', 'pullpass-e2e-in', 'pullpass.dev/sync-']);
  await eventually('who opts out has no copy', () => copied('pullpass-e2e-in') === undefined);
  await eventually('and no reference', () => references('pullpass-e2e-in').length === 0);

  cluster.kubectl(['annotate', 'namespace', 'pullpass-e2e-in', 'pullpass.dev/sync=enabled']);
  await eventually(
    'who opts in again has both',
    () => copied('pullpass-e2e-in') === 'robot-2:second-password' && references('pullpass-e2e-in').includes(COPY),
  );
  stop();
  await eventually('prune removes what the controller left, and only that', () => {
    const { status, output } = cluster.pullpass('prune', '--config', config, '--yes');
    if (status !== 0) throw new Error(output);
    return secrets('--all-namespaces').length === 1 && references('pullpass-e2e-in').length === 0;
  });
}

const directory = mkdtempSync(path.join(tmpdir(), 'pullpass-e2e-'));
try {
  if (values.context === undefined) throw new Error('--context NAME is missing: a cluster that was made for this');
  if (!['kustomize', 'helm', 'process'].includes(values.install))
    throw new Error(`--install ${values.install}: must be kustomize, helm or process`);
  if (values.install !== 'process' && values.image === undefined) throw new Error('--image ARCHIVE is missing');
  const kubeconfig = path.join(directory, 'kubeconfig');
  const view = ['config', 'view', '--minify', '--flatten', '--context', values.context];
  writeFileSync(kubeconfig, run('kubectl', view), { mode: 0o600 });
  const cluster = connect(kubeconfig);
  const found = cluster.kubectl(['get', 'namespaces', NAMESPACE, '--ignore-not-found', '--output', 'name']);
  if (found !== '') throw new Error(`namespace ${NAMESPACE} is there already: take a cluster that was made for this`);
  await play(cluster, directory);
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
