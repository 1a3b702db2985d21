/** Sets the stage: an API server, Pullpass's namespace and rights, the source, and the controller as a process. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parse, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import { rawClient } from '../../integration/env/raw-client.ts';
import type { Stage } from './act.ts';
import { COPY, createCluster, HOME } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import { startController } from './controller.ts';
import { expect, expectEqual } from './expect.ts';
import type { Logins } from './logins.ts';
import type { Narrator } from './narrator.ts';
import { createPullpass } from './pullpass.ts';
import { requestsIn } from './requests.ts';
import type { Playground } from './server.ts';

/** The configuration that the manifests install: the demo runs with it as it is. */
const CONFIG = path.resolve(import.meta.dirname, '../../../manifests/config.yaml');

/** What is there before the controller starts. */
export interface Scene {
  /** Of the source, in base64. */
  readonly content: string;
  /** Makes what the configuration names. */
  prepare(cluster: Cluster): Promise<void>;
  /** Changes the configuration that the manifests install. */
  configure(configuration: Document): void;
}

export interface StageOptions {
  readonly startServer: () => Promise<Playground>;
  readonly tell: Narrator;
  readonly logins: Logins;
  readonly color: boolean;
  readonly signal: AbortSignal;
  /** Takes what has to be taken down again, whatever happens. */
  readonly cleanUp: AsyncDisposableStack;
  readonly scene?: Scene | undefined;
}

export async function setStage({
  startServer,
  tell,
  logins,
  color,
  signal,
  cleanUp,
  scene,
}: StageOptions): Promise<Stage> {
  const directory = await mkdtemp(path.join(tmpdir(), 'pullpass-demo-'));
  cleanUp.defer(() => rm(directory, { recursive: true, force: true }));
  const write = async (name: string, content: string): Promise<string> => {
    await writeFile(path.join(directory, name), content, { mode: 0o600 });
    return path.join(directory, name);
  };

  const files = { config: path.join(directory, 'config.yaml'), kubeconfig: path.join(directory, 'kubeconfig') };
  const configuration = parseDocument(await readFile(CONFIG, 'utf8'));
  scene?.configure(configuration);
  await write('config.yaml', String(configuration));
  const pullpass = createPullpass({ signal, color });

  const serverAt = performance.now();
  // The command needs no cluster: it runs while the server starts.
  const starting = startServer();
  cleanUp.defer(async () => (await starting.catch(() => undefined))?.api.stop());
  const [{ api, name, requests }, rbac] = await Promise.all([starting, pullpass(['rbac', '--config', files.config])]);
  const admin = rawClient(api, api.admin);
  cleanUp.defer(() => admin.close());
  const cluster = createCluster(admin, signal);
  tell.holds(`API server at ${api.url}: ${name}`, performance.now() - serverAt);

  await write('kubeconfig', api.adminKubeconfig());
  await cluster.namespace(HOME);
  await cluster.createAccount(HOME, 'pullpass');
  await scene?.prepare(cluster);
  expectEqual(rbac.code, 0, `the exit status of pullpass rbac (${rbac.stderr.trim().split('\n', 1)[0]})`);
  const applied = await cluster.apply(rbac.stdout);
  expectEqual(
    [...new Set(applied)],
    ['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'],
    'what pullpass rbac prints',
  );
  tell.holds('rights of the controller: what `pullpass rbac` prints, and nothing else');
  await cluster.createSecret(HOME, COPY, scene?.content ?? logins.issue());
  tell.holds(`source: Secret ${HOME}/${COPY}, made up for this run`);

  const kubeconfig = await api.kubeconfigFor({ namespace: HOME, name: 'pullpass' });
  const controllerAt = performance.now();
  const controller = startController({
    config: files.config,
    kubeconfig: await write('controller-kubeconfig', kubeconfig),
    signal,
  });
  cleanUp.defer(() => controller.kill());
  await controller.logged('in step with the API server');
  await cluster.until('the controller leads', async () => (await cluster.leaseHolder()) !== '');
  tell.holds(`controller: process ${controller.pid}, holds the Lease`, performance.now() - controllerAt);
  expect(!controller.log.some((line) => line.includes('cannot ')), 'the controller misses a right');

  const own = rawClient(api, { token: tokenIn(kubeconfig) });
  cleanUp.defer(() => own.close());
  return {
    cluster,
    controller,
    pullpass,
    logins,
    tell,
    files,
    cleanUp,
    signal,
    requests: async () =>
      requests?.(`system:serviceaccount:${HOME}:pullpass`) ?? requestsIn(await controller.metrics()),
    ownWrites: requests === undefined ? 2 : 0,
    asController: async (method, url) => (await own.call(method, url, { signal })).code,
    connection: ['--config', files.config, '--kubeconfig', files.kubeconfig],
  };
}

function tokenIn(kubeconfig: string): string {
  const { users } = parse(kubeconfig) as { users: { user: { token: string } }[] };
  return users[0]?.user.token ?? '';
}
