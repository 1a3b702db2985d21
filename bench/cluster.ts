/**
 * The controller on a cluster of some size, beside a loop that only writes: `node bench/cluster.ts --against envtest --namespaces 1000,5000`.
 * All ratios come from one run, in which controller and loop take turns.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { KubeConfig } from '@kubernetes/client-node';
import { createClient } from '../src/kube/client.ts';
import type { KubeClient } from '../src/kube/client.ts';
import { connect } from '../src/kube/connection.ts';
import { paths } from '../src/kube/paths.ts';
import type { Write } from './bare.ts';
import { startBare } from './bare-process.ts';
import { COPY, SOURCE, startController } from './controller.ts';
import type { Controller } from './controller.ts';
import { cpuSeconds, idleSince, median, memoryOf, resetPeak } from './measure.ts';
import { openTarget } from './target.ts';

const CONCURRENCY = 32;
const { values: flags } = parseArgs({
  options: {
    against: { type: 'string', default: 'sandbox' },
    namespaces: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '5' },
    flags: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

const bareReference: Write = {
  method: 'PATCH',
  path: paths.serviceAccounts('ns-0i0', 'bare'),
  type: 'application/json-patch+json',
  body: [{ op: 'add', path: '/imagePullSecrets', value: [{ name: 'bare-copy' }] }],
};

await using target = await openTarget(flags.against);
const config = new KubeConfig();
config.loadFromFile(target.kubeconfig);
const connection = connect(config);
const admin = createClient(connection);
const bare = startBare(target.kubeconfig);
const rows: Record<string, number | string>[] = [];
try {
  await admin.create(paths.namespaces(), { apiVersion: 'v1', kind: 'Namespace', metadata: { name: SOURCE.namespace } });
  await writeSource(admin, 0);
  let made = 0;
  for (const size of flags.namespaces.split(',').map(Number)) {
    await populate(made, size);
    await measureSize(size, made);
    made = size;
  }
} finally {
  bare.end();
  await connection.close();
}
if (flags.json) console.log(JSON.stringify(rows));

async function measureSize(size: number, before: number): Promise<void> {
  const report = (row: Record<string, number | string>): void => {
    rows.push({ namespaces: size, ...row });
    if (!flags.json) console.log(JSON.stringify({ namespaces: size, ...row }));
  };
  // Restart, all in sync: but for the first time, when nobody has opted in.
  let controller = await startController(target.kubeconfig, target.folder, flags.flags);
  await quiet(controller);
  // Onboarding: the namespaces `before` to `size` opt in at once.
  const optIn: Write = {
    method: 'PATCH',
    path: paths.namespaces('ns-0i0'),
    type: 'application/merge-patch+json',
    body: { metadata: { annotations: { 'pullpass.dev/sync': 'enabled' } } },
  };
  {
    resetPeak(controller.pid);
    const cpu = cpuSeconds(controller.pid);
    const startedAt = performance.now();
    const opted = await bare.do({ writes: [optIn], from: before, to: size, concurrency: CONCURRENCY });
    await copies(controller, size);
    const seconds = (performance.now() - startedAt) / 1000;
    const used = cpuSeconds(controller.pid) - cpu;
    const loop = await bare.do({
      writes: [bareCopy('a'), bareReference],
      from: before,
      to: size,
      concurrency: CONCURRENCY,
    });
    report({
      row: 'onboarding',
      seconds,
      optIn: opted.seconds,
      bare: loop.seconds,
      cpu: used,
      bareCpu: loop.cpu,
      peak: memoryOf(controller.pid).peak,
    });
  }
  const rounds: { seconds: number; bare: number; cpu: number; bareCpu: number; peak: number; idle: number }[] = [];
  for (let round = 1; round <= Number(flags.rounds); round++) {
    await quiet(controller);
    resetPeak(controller.pid);
    const cpu = cpuSeconds(controller.pid);
    const complete = controller.said(/^rotation complete/);
    const startedAt = performance.now();
    const { now: machine } = idleSince();
    await writeSource(admin, size * 100 + round);
    const line = await complete;
    const seconds = (performance.now() - startedAt) / 1000;
    if (line['copies'] !== size) throw new Error(`rotated ${String(line['copies'])} copies of ${size}`);
    const { idle } = idleSince(machine);
    await quiet(controller);
    const used = cpuSeconds(controller.pid) - cpu;
    const { peak } = memoryOf(controller.pid);
    const loop = await bare.do({ writes: [bareCopy(`${size}-${round}`)], from: 0, to: size, concurrency: CONCURRENCY });
    rounds.push({ seconds, bare: loop.seconds, cpu: used, bareCpu: loop.cpu, peak, idle });
  }
  const of = (pick: (round: (typeof rounds)[number]) => number): number => Number(median(rounds.map(pick)).toFixed(3));
  report({
    row: 'rotation',
    ratio: of((r) => r.seconds / r.bare),
    least: Math.min(...rounds.map((r) => r.seconds / r.bare)),
    most: Math.max(...rounds.map((r) => r.seconds / r.bare)),
    seconds: of((r) => r.seconds),
    cpuRatio: of((r) => r.cpu / r.bareCpu),
    cpuPerWrite: of((r) => (r.cpu / size) * 1e6),
    bareCpuPerWrite: of((r) => (r.bareCpu / size) * 1e6),
    peak: Math.max(...rounds.map((r) => r.peak)),
    idle: of((r) => r.idle),
  });
  await delay(5_000);
  report({ row: 'in step', ...memoryOf(controller.pid) });
  await controller.stop();
  const restarts: number[] = [];
  for (let round = 0; round < 3; round++) {
    const startedAt = performance.now();
    controller = await startController(target.kubeconfig, target.folder, flags.flags);
    await copies(controller, size);
    const seconds = (performance.now() - startedAt) / 1000;
    const cpu = cpuSeconds(controller.pid);
    const list = await bare.do({
      list: [
        `${paths.namespaces()}?limit=500`,
        `${paths.serviceAccounts()}?limit=500`,
        `${paths.secrets()}?limit=500&fieldSelector=metadata.name%3D${COPY}`,
      ],
    });
    restarts.push(seconds / list.seconds);
    report({ row: 'restart', seconds, cpu, list: list.seconds, peak: memoryOf(controller.pid).peak });
    await quiet(controller);
    if (round === 2) {
      await delay(5_000);
      report({ row: 'in step after a restart', ...memoryOf(controller.pid) });
    }
    await controller.stop();
  }
  report({ row: 'restart', ratio: median(restarts) });
}

/** Until the controller counts so many copies in sync. */
async function copies(controller: Controller, size: number): Promise<void> {
  while ((await controller.metric('pullpass_copies', 'state="in-sync"')) < size) await delay(50);
}

/** Until it makes no request and uses no CPU to speak of. */
async function quiet(controller: Controller): Promise<void> {
  for (let before = cpuSeconds(controller.pid); ;) {
    await delay(500);
    const now = cpuSeconds(controller.pid);
    if (now - before <= 0.02) return;
    before = now;
  }
}

async function populate(from: number, to: number): Promise<void> {
  const create = (path: string, kind: string, name: string): Write => ({
    method: 'POST',
    path,
    type: 'application/json',
    body: { apiVersion: 'v1', kind, metadata: { name } },
  });
  await bare.do({
    writes: [
      create(paths.namespaces(), 'Namespace', 'ns-0i0'),
      create(paths.serviceAccounts('ns-0i0'), 'ServiceAccount', 'default'),
      create(paths.serviceAccounts('ns-0i0'), 'ServiceAccount', 'bare'),
    ],
    from,
    to,
    concurrency: CONCURRENCY,
  });
}

function content(round: number | string): string {
  const auths = {
    'registry.example': { auth: Buffer.from(`robot:password-${round}-${'x'.repeat(40)}`).toString('base64') },
  };
  return Buffer.from(JSON.stringify({ auths })).toString('base64');
}

async function writeSource(client: KubeClient, round: number): Promise<void> {
  await client.patch(
    paths.secrets(SOURCE.namespace, SOURCE.name),
    'application/apply-patch+yaml',
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: SOURCE.name, namespace: SOURCE.namespace },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': content(round) },
    },
    { query: { fieldManager: 'bench', force: true } },
  );
}

/** The same request as the controller's, for a Secret of another name. */
function bareCopy(round: string): Write {
  return {
    method: 'PATCH',
    path: `${paths.secrets('ns-0i0', 'bare-copy')}?fieldManager=bare&force=true`,
    type: 'application/apply-patch+yaml',
    body: {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: 'bare-copy',
        namespace: 'ns-0i0',
        labels: {
          'app.kubernetes.io/managed-by': 'bare',
          'bare.example/source': 'bench',
          'bare.example/instance': 'bench',
        },
      },
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': content(round) },
    },
  };
}
