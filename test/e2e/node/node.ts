/**
 * A one-node cluster on this machine, of the programs in a folder: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, a
 * container runtime with runc, CNI plugins. node.sh gives it namespaces of its own, and takes all of it away. Needs root.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createCertificateAuthority } from '../../sandbox/kube-api/tls/certificates.ts';
import { kubeconfig } from '../../sandbox/kube-api/tls/kubeconfig.ts';
import { writeLayout } from '../../sandbox/registry/tiny-image.ts';
import { containerd } from './containerd.ts';
import { controlPlane, kubelet, kubeProxy } from './components.ts';
import type { Component } from './components.ts';
import { programImage } from './image.ts';
import { programsIn } from './programs.ts';
import type { Programs } from './programs.ts';

export interface Runtime {
  /** Prints its version. */
  readonly version: readonly string[];
  /** Of its CRI; in the node's directory, so that it can be reached from outside. */
  readonly socket: string;
  readonly start: readonly string[];
  /** Brings the image of pods' sandboxes into its store, from a Docker archive. */
  loadSandbox(archive: string): readonly string[];
  readonly sandbox: string;
  /** Directory of its `<host>/hosts.toml` files, which it reads at each pull. */
  readonly hosts: string;
}

/** What a runtime is made for. */
export interface Place {
  readonly directory: string;
  readonly programs: Programs;
}

export interface Addresses {
  /** This machine, for the node and its pods. */
  readonly host: string;
  readonly node: string;
  readonly pods: string;
  readonly service: string;
}

export interface LocalNode {
  /** File of an administrator's kubeconfig. */
  readonly kubeconfig: string;
  readonly directory: string;
  readonly addresses: Addresses;
  readonly runtime: Runtime;
  readonly programs: Programs;
  /** Resolves when nothing of it is left. */
  stop(): Promise<void>;
}

/** `runtime`: writes the configuration of another one, such as CRI-O. @throws with the programs' last words, if it does not get ready. */
export async function startNode(
  folder: string,
  { runtime: make = containerd }: { runtime?: (place: Place) => Runtime } = {},
): Promise<LocalNode> {
  if (process.getuid?.() !== 0) throw new Error('a node needs root: it makes namespaces, mounts and control groups');
  if (process.arch !== 'x64')
    throw new Error(`the images of the pods are made for x64, and this machine is ${process.arch}`);
  const programs = programsIn(folder);
  const { number, name, directory } = claim();
  const addresses: Addresses = {
    // The range for benchmarks (RFC 2544): hardly anybody's own network.
    host: `198.18.${number}.1`,
    node: `198.18.${number}.2`,
    pods: `198.19.${number}.0/24`,
    service: '10.96.0.1',
  };
  let stop = async (): Promise<void> => rmSync(directory, { recursive: true, force: true });
  try {
    const runtime = make({ directory, programs });
    const sandbox = await sandboxArchive(directory, programs, runtime.sandbox);
    const ca = await createCertificateAuthority(name);
    const server = { url: `https://${addresses.node}`, caPem: ca.certPem };
    const user = async (file: string, user: string, ...groups: string[]): Promise<string> => {
      const target = path.join(directory, `${file}.kubeconfig`);
      writeFileSync(target, kubeconfig(server, await ca.client(user, groups)), { mode: 0o600 });
      return target;
    };
    const admin = await user('admin', 'admin', 'system:masters');
    writeCni(directory, addresses);
    const proxy = await kubeProxy({ directory, programs, addresses, user });
    const all = [
      { name: 'runtime', command: runtime.start },
      ...(await controlPlane({ directory, programs, addresses, ca, user })),
      ...(proxy === undefined ? [] : [proxy]),
    ];
    const start = ({ name, command }: Component): string =>
      `${quoted(command)} >"$directory/${name}.log" 2>&1 </dev/null`;
    const load = quoted(runtime.loadSandbox(sandbox));
    const last = await kubelet({ directory, programs, addresses, name, runtime, user });
    writeFileSync(
      path.join(directory, 'programs.sh'),
      [
        `export PATH=${quoted([programs.path])} HOME=${quoted([directory])}`,
        ...all.map((component) => `${start(component)} &`),
        // A kubelet ends when its runtime does not answer yet.
        `{ until ${load}; do sleep 0.2; done >"$directory/sandbox.log" 2>&1 </dev/null; ${start(last)}; } &`,
        '',
      ].join('\n'),
    );
    const { host, node, pods, service } = addresses;
    // Its own session: Ctrl-C on a terminal is not meant for it. It ends when its stdin does.
    const process = spawn(
      'sh',
      [path.join(import.meta.dirname, 'node.sh'), directory, name, host, node, pods, service],
      {
        detached: true,
        stdio: ['pipe', 'inherit', 'inherit'],
      },
    );
    const gone = once(process, 'exit');
    stop = async () => {
      process.stdin?.end();
      await gone;
    };
    await ready(programs.find('kubectl'), admin, directory, () => process.exitCode !== null);
    return { kubeconfig: admin, directory, addresses, runtime, programs, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A number that no other node on this machine has: whoever makes its directory has it. */
function claim(): { readonly number: number; readonly name: string; readonly directory: string } {
  for (let number = 0; number < 256; number++) {
    const name = `pullpass-e2e-${number}`;
    const directory = path.join(tmpdir(), name);
    // With another TMPDIR.
    if (name in networkInterfaces()) continue;
    try {
      mkdirSync(directory, { mode: 0o700 });
      return { number, name, directory };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  throw new Error(`256 nodes run on this machine, or left ${tmpdir()}/pullpass-e2e-* behind`);
}

async function sandboxArchive(directory: string, programs: Programs, name: string): Promise<string> {
  const layout = path.join(directory, 'sandbox');
  const archive = path.join(directory, 'sandbox.tar');
  await writeLayout(layout, 'sandbox', programImage('sandbox', 'wait'));
  execFileSync(
    programs.find('skopeo'),
    ['--insecure-policy', 'copy', '--quiet', `oci:${layout}:sandbox`, `docker-archive:${archive}:${name}`],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  return archive;
}

/** A bridge in the node's network. Pods are routed, not translated. */
function writeCni(directory: string, { pods }: Addresses): void {
  const cni = path.join(directory, 'cni');
  mkdirSync(cni);
  const ipam = {
    type: 'host-local',
    ranges: [[{ subnet: pods }]],
    dataDir: path.join(directory, 'pod-addresses'),
  };
  const bridge = { type: 'bridge', bridge: 'pods', isDefaultGateway: true, ipam };
  writeFileSync(
    path.join(cni, 'pods.conflist'),
    JSON.stringify({ cniVersion: '1.0.0', name: 'pods', plugins: [bridge] }),
  );
}

function quoted(words: readonly string[]): string {
  return words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
}

const LIMIT_SECONDS = 120;

async function ready(kubectl: string, admin: string, directory: string, isGone: () => boolean): Promise<void> {
  const get = (...args: string[]): string =>
    spawnSync(kubectl, ['--kubeconfig', admin, 'get', ...args], { encoding: 'utf8' }).stdout;
  const condition = 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}';
  for (const end = Date.now() + LIMIT_SECONDS * 1000; Date.now() < end && !isGone(); await delay(500))
    if (get('nodes', '--output', condition) === 'True' && get('serviceaccount', 'default', '--output', 'name') !== '')
      return;
  if (isGone()) throw new Error('the node ended before it was ready');
  throw new Error(`the node was not ready within ${LIMIT_SECONDS} s\n${lastWords(directory)}`);
}

function lastWords(directory: string): string {
  return readdirSync(directory)
    .filter((file) => file.endsWith('.log'))
    .map(
      (file) =>
        `${file}: ${readFileSync(path.join(directory, file), 'utf8').trim().split('\n').slice(-5).join('\n  ')}`,
    )
    .join('\n');
}
