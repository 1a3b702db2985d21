/**
 * What an audit of 10,000 pods costs, compared with a program that reads the same pods and keeps them. It prints ratios, because
 * machines differ: `node bench/pods.ts [pods]`. Each way runs in a process of its own, and calls a sandbox API in this one.
 */
import { KubeConfig } from '@kubernetes/client-node';
import type { V1Pod } from '@kubernetes/client-node';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { eachBounded } from '../src/async/bounded.ts';
import { runAudit } from '../src/commands/audit.ts';
import { createClient } from '../src/kube/client.ts';
import type { KubeClient } from '../src/kube/client.ts';
import { connect } from '../src/kube/connection.ts';
import { listPages } from '../src/kube/list.ts';
import { startSandbox } from '../test/sandbox/kube-api/index.ts';

const WAYS = ['nothing', 'keep all pods, one list', 'keep all pods, in pages', 'audit'] as const;
type Way = (typeof WAYS)[number];
interface Cost {
  readonly ms: number;
  /** Heap in use at the end, MiB. */
  readonly heap: number;
  /** The peak memory (RSS) of the process, MiB. */
  readonly peak: number;
}

const [, script = '', first, kubeconfig] = process.argv;
if (isWay(first) && kubeconfig !== undefined) process.stdout.write(JSON.stringify(await measure(first, kubeconfig)));
else await compare(Number(first ?? 10_000));

async function compare(pods: number): Promise<void> {
  await using sandbox = await startSandbox();
  const directory = mkdtempSync(path.join(tmpdir(), 'pullpass-bench-'));
  try {
    const file = path.join(directory, 'kubeconfig');
    writeFileSync(file, sandbox.adminKubeconfig(), { mode: 0o600 });
    await withClient(file, (client) => populate(client, pods));
    console.log(
      `${pods} pods in ${Math.ceil(pods / 10)} Deployments of ${Math.ceil(pods / 200)} namespaces, of ${podSize()} bytes each as JSON\n`,
    );
    const costs = new Map<Way, Cost>();
    for (const way of WAYS) costs.set(way, await inOwnProcess(way, file));
    print(costs);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function print(costs: ReadonlyMap<Way, Cost>): void {
  const idle = costs.get('nothing');
  const base = costs.get('keep all pods, one list');
  if (idle === undefined || base === undefined) return;
  const row = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(26) : cell.padStart(16))).join('');
  const ratio = (value: number, of: number): string =>
    `${value.toFixed(0).padStart(6)} ${`(${(value / of).toFixed(2)})`.padStart(7)}`;
  console.log(row(['', 'ms', 'held, MiB', 'peak, MiB']));
  for (const [way, { ms, heap, peak }] of costs) {
    if (way !== 'nothing')
      console.log(
        row([
          way,
          ratio(ms, base.ms),
          ratio(heap - idle.heap, base.heap - idle.heap),
          ratio(peak - idle.peak, base.peak - idle.peak),
        ]),
      );
  }
  console.log(
    `\nAbove a process that does nothing (${idle.peak.toFixed(0)} MiB). In brackets: as a share of the first line. ` +
      'The audit also reads\nServiceAccounts, Namespaces, pull Secrets and RBAC, works out its report and renders it.',
  );
}

async function inOwnProcess(way: Way, file: string): Promise<Cost> {
  const child = spawn(process.execPath, ['--expose-gc', script, way, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  if (child.exitCode !== 0) throw new Error(`"${way}" failed with exit status ${child.exitCode}`);
  return JSON.parse(output) as Cost;
}

async function measure(way: Way, file: string): Promise<Cost> {
  return withClient(file, async (client) => {
    const started = performance.now();
    const held = await run(way, client);
    const ms = performance.now() - started;
    globalThis.gc?.();
    const heap = process.memoryUsage().heapUsed / 2 ** 20;
    // Used here, so that it is not garbage-collected before it is measured.
    if (held === null) throw new Error('unreachable');
    return { ms, heap, peak: process.resourceUsage().maxRSS / 1024 };
  });
}

async function run(way: Way, client: KubeClient): Promise<unknown> {
  switch (way) {
    case 'nothing':
      return [];
    case 'keep all pods, one list':
      return client.get('/api/v1/pods');
    case 'keep all pods, in pages': {
      const pods: unknown[] = [];
      await listPages(
        client,
        { path: '/api/v1/pods' },
        {
          each: (pod) => pods.push(pod),
          restart: () => {
            pods.length = 0;
          },
        },
      );
      return pods;
    }
    case 'audit':
      return runAudit({ client, output: 'json', color: false });
  }
}

async function populate(client: KubeClient, pods: number): Promise<void> {
  const namespaces = Array.from({ length: Math.ceil(pods / 200) }, (_, i) => `team-${i}`);
  await eachBounded(namespaces, 16, async (name) => {
    await client.create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  });
  await eachBounded(
    Array.from({ length: pods }, (_, i) => i),
    32,
    async (i) => {
      const namespace = namespaces[i % namespaces.length] ?? '';
      await client.create(`/api/v1/namespaces/${namespace}/pods`, podOf(i, Math.floor(i / namespaces.length / 10)));
    },
  );
}

/** A typical pod of a Deployment: with a sidecar, some settings and a few volumes. */
function podOf(i: number, deployment: number): V1Pod {
  const hash = `7d4b9c${deployment}`;
  const env = Array.from({ length: 20 }, (_, n) => ({
    name: `SETTING_${n}`,
    value: `value-of-setting-${n}-${'x'.repeat(24)}`,
  }));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `web-${deployment}-${hash}-${i}`,
      labels: { app: `web-${deployment}`, 'pod-template-hash': hash },
      ownerReferences: [
        {
          apiVersion: 'apps/v1',
          kind: 'ReplicaSet',
          name: `web-${deployment}-${hash}`,
          uid: `uid-${deployment}`,
          controller: true,
        },
      ],
    },
    spec: {
      serviceAccountName: 'default',
      initContainers: [{ name: 'migrate', image: `registry.corp/team/migrate:${deployment}`, env }],
      containers: [
        { name: 'app', image: `registry.corp/team/app-${deployment}:1`, env },
        { name: 'proxy', image: 'docker.io/envoyproxy/envoy:v1.31' },
      ],
      volumes: Array.from({ length: 5 }, (_, n) => ({ name: `volume-${n}`, emptyDir: {} })),
    },
  };
}

function podSize(): number {
  return JSON.stringify(podOf(0, 0)).length;
}

async function withClient<T>(file: string, use: (client: KubeClient) => Promise<T>): Promise<T> {
  const config = new KubeConfig();
  config.loadFromString(readFileSync(file, 'utf8'));
  const connection = connect(config);
  try {
    return await use(createClient(connection, { timeoutMs: 120_000 }));
  } finally {
    await connection.close();
  }
}

function isWay(value: string | undefined): value is Way {
  return (WAYS as readonly (string | undefined)[]).includes(value);
}
