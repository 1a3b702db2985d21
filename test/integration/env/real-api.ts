/** Starts a real etcd and kube-apiserver for one test file, and takes both away again. */
import { spawn, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createCertificateAuthority } from '../../sandbox/kube-api/tls/certificates.ts';
import { kubeconfig } from '../../sandbox/kube-api/tls/kubeconfig.ts';
import type { ApiServer } from './api-server.ts';
import { findBinaries, type FoundBinaries, type RealApiBinaries } from './find-binaries.ts';
import { runNamespaceLifecycle } from './namespace-lifecycle.ts';
import { rawClient } from './raw-client.ts';

export interface RealApiOptions {
  /** Do for namespaces what kube-controller-manager would: `default` ServiceAccounts, finalizing. Default: true. */
  readonly namespaceLifecycle?: boolean;
  /** More flags for kube-apiserver, for instance `--feature-gates=...`. */
  readonly flags?: readonly string[];
  /** How long the server may take until `/readyz` says ok, in milliseconds. */
  readonly timeout?: number;
}

/** The two programs, for tests of what happens when they die. */
export interface RealApi extends ApiServer {
  readonly directory: string;
  /** The etcd's own API, as JSON over HTTP. */
  readonly etcdUrl: string;
  /** SIGKILL; resolves when its port is closed. */
  kill(program: 'etcd' | 'kube-apiserver'): Promise<void>;
  /** Starts it again on the same port, with the same data; resolves when the API server is ready. */
  start(program: 'etcd' | 'kube-apiserver'): Promise<void>;
}

/** The binaries, or one line that says how to get them. */
export function findRealApi(): FoundBinaries {
  return findBinaries(process.env);
}

/** 36 of Kubernetes 1.36.3. */
export function minorOf({ apiServer }: RealApiBinaries): number {
  const said = spawnSync(apiServer, ['--version'], { encoding: 'utf8' }).stdout;
  return Number(/v1\.(\d+)/.exec(said)?.[1]);
}

export async function startRealApi(binaries: RealApiBinaries, options: RealApiOptions = {}): Promise<RealApi> {
  const directory = await mkdtemp(path.join(tmpdir(), 'real-api-'));
  const guard = spawn(process.execPath, [path.join(import.meta.dirname, 'guard.ts'), directory], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const gone = new Promise<void>((resolve) => guard.once('exit', () => resolve()));
  const tell = (command: string | string[]): boolean => guard.stdin.write(`${JSON.stringify(command)}\n`);

  const ca = await createCertificateAuthority('real-api');
  const admin = await ca.client('test-admin', ['system:masters']);
  const [etcdPort, peerPort, apiPort] = await freePorts(3);
  const url = `https://127.0.0.1:${apiPort}`;
  const stopLifecycle = new AbortController();
  const client = rawClient({ url, caPem: ca.certPem }, admin);
  let lifecycle = Promise.resolve();

  const commands = {
    etcd: [
      binaries.etcd,
      '--data-dir',
      path.join(directory, 'etcd'),
      '--unsafe-no-fsync',
      '--log-level=error',
      `--listen-client-urls=http://127.0.0.1:${etcdPort}`,
      `--advertise-client-urls=http://127.0.0.1:${etcdPort}`,
      `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
    ],
    'kube-apiserver': [
      binaries.apiServer,
      ...(await apiServerFlags(directory, ca)),
      `--etcd-servers=http://127.0.0.1:${etcdPort}`,
      `--secure-port=${apiPort}`,
      ...(options.flags ?? []),
    ],
  };
  const isReady = (): Promise<void> => ready(() => client.call('GET', '/readyz'), directory, options.timeout ?? 60_000);

  const server: RealApi = {
    directory,
    etcdUrl: `http://127.0.0.1:${etcdPort}`,
    async kill(program) {
      tell(program);
      while (await listens(program === 'etcd' ? etcdPort : apiPort)) await delay(20);
    },
    async start(program) {
      tell(commands[program]);
      if (program === 'kube-apiserver') await isReady();
      else while (!(await listens(etcdPort))) await delay(20);
    },
    url,
    caPem: ca.certPem,
    admin,
    adminKubeconfig: () => kubeconfig(server, admin),
    async kubeconfigFor({ namespace, name }) {
      const answer = await client.call('POST', `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`, {
        body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
      });
      if (answer.code !== 201) throw new Error(`no token for ${namespace}/${name}: ${answer.text}`);
      return kubeconfig(server, { token: String(answer.body.status['token']) }, namespace);
    },
    async stop() {
      stopLifecycle.abort();
      await lifecycle;
      client.close();
      guard.stdin.end();
      await gone;
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };

  try {
    tell(commands.etcd);
    tell(commands['kube-apiserver']);
    await isReady();
  } catch (error) {
    await server.stop();
    throw error;
  }
  if (options.namespaceLifecycle ?? true) lifecycle = runNamespaceLifecycle(client, stopLifecycle.signal);
  return server;
}

async function apiServerFlags(
  directory: string,
  ca: Awaited<ReturnType<typeof createCertificateAuthority>>,
): Promise<string[]> {
  const serving = await ca.serving();
  const accounts = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const files = {
    'ca.crt': ca.certPem,
    'tls.crt': serving.certPem,
    'tls.key': serving.keyPem,
    'sa.pub': accounts.publicKey,
    'sa.key': accounts.privateKey,
  };
  for (const [name, content] of Object.entries(files))
    await writeFile(path.join(directory, name), content, { mode: 0o600 });
  const file = (name: keyof typeof files): string => path.join(directory, name);
  return [
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    '--endpoint-reconciler-type=none',
    '--service-cluster-ip-range=10.0.0.0/24',
    '--authorization-mode=RBAC',
    `--client-ca-file=${file('ca.crt')}`,
    `--tls-cert-file=${file('tls.crt')}`,
    `--tls-private-key-file=${file('tls.key')}`,
    `--cert-dir=${directory}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${file('sa.pub')}`,
    `--service-account-signing-key-file=${file('sa.key')}`,
    '--allow-privileged=true',
  ];
}

/** Also waits for the RBAC bootstrap: the server answers "ok" on /readyz only when its post-start hooks are through. */
async function ready(probe: () => Promise<{ code: number }>, directory: string, timeout: number): Promise<void> {
  const deadline = Date.now() + timeout;
  while (Date.now() < deadline) {
    const answer = await probe().catch(() => undefined);
    if (answer?.code === 200) return;
    await delay(100);
  }
  const log = await readFile(path.join(directory, 'kube-apiserver.log'), 'utf8').catch(() => '(no log)');
  throw new Error(`kube-apiserver was not ready after ${timeout} ms:\n${log.slice(-2_000)}`);
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

/** Ports that were free a moment ago: etcd and kube-apiserver cannot tell which port they chose themselves. */
async function freePorts(count: number): Promise<[number, number, number]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<net.Server>((resolve, reject) => {
          const server = net.createServer().once('error', reject);
          server.listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => (server.address() as net.AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports as [number, number, number];
}
