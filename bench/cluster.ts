/**
 * The controller on a cluster of some size, beside a loop that only writes: `node bench/cluster.ts --against envtest --namespaces 1000,5000`.
 * All ratios come from one run, in which controller and loop take turns.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { KubeConfig } from '@kubernetes/client-node';
import { buildProgram } from '../build.ts';
import { createClient } from '../src/kube/client.ts';
import { connect } from '../src/kube/connection.ts';
import { paths } from '../src/kube/paths.ts';
import type { Write } from './bare.ts';
import { startBare } from './bare-process.ts';
import type { Loop } from './bare-process.ts';
import { COPY, shippedFlags, SOURCE, startController } from './controller.ts';
import type { Controller } from './controller.ts';
import { cpuSeconds, idleSince, median, memoryOf, resetPeak } from './measure.ts';
import { openTarget } from './target.ts';

const CONCURRENCY = 32;
/** After that a process at rest is judged. */
const SETTLE_MS = 10_000;
const LISTS = [
  `${paths.namespaces()}?limit=500`,
  `${paths.serviceAccounts()}?limit=500`,
  `${paths.secrets()}?limit=500&fieldSelector=metadata.name%3D${COPY}`,
];
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

const optIn: Write = {
  method: 'PATCH',
  path: paths.namespaces('ns-0i0'),
  type: 'application/merge-patch+json',
  body: { metadata: { annotations: { 'pullpass.dev/sync': 'enabled' } } },
};

await using target = await openTarget(flags.against);
await buildProgram(target.folder);
const config = new KubeConfig();
config.loadFromFile(target.kubeconfig);
const connection = connect(config);
const admin = createClient(connection);
const rows: Row[] = [];
const loops: Loop[] = [];
try {
  await prepare();
  // Each with a ServiceAccount of its own, so that API Priority and Fairness treats them as it treats others.
  const [controllerFile, bareFile, neighbourFile] = await Promise.all(
    ['pullpass', 'bare', 'neighbour'].map(target.account),
  );
  loops.push(startBare(bareFile ?? ''), startBare(neighbourFile ?? ''));
  const [bare, neighbour] = loops as [Loop, Loop];
  let made = 0;
  for (const size of flags.namespaces.split(',').map(Number)) {
    await populate(bare, made, size);
    await measureSize({ size, from: made, bare, neighbour, kubeconfig: controllerFile ?? '' });
    made = size;
  }
} finally {
  for (const loop of loops) loop.end();
  await connection.close();
}
if (flags.json)
  console.log(
    JSON.stringify(
      { against: target.name, node: process.version, flags: flags.flags ?? shippedFlags(), rows },
      null,
      2,
    ),
  );

interface Row {
  readonly row: string;
  readonly namespaces: number;
  readonly [figure: string]: number | string;
}

interface Size {
  readonly size: number;
  /** Namespaces that are in already. */
  readonly from: number;
  readonly bare: Loop;
  readonly neighbour: Loop;
  readonly kubeconfig: string;
}

async function measureSize({ size, from, bare, neighbour, kubeconfig }: Size): Promise<void> {
  const report = (row: string, figures: Record<string, number>): void => {
    const rounded = Object.entries(figures).map(([name, value]) => [name, Number(value.toPrecision(4))] as const);
    rows.push({ row, namespaces: size, ...Object.fromEntries(rounded) });
    if (!flags.json)
      console.log(`${String(size).padStart(6)}  ${row.padEnd(12)}`, rounded.map((each) => each.join(' ')).join(', '));
  };
  const start = (): Promise<Controller> => startController(kubeconfig, target.folder, flags.flags);
  await bare.do({ writes: [optIn], from, to: size, concurrency: CONCURRENCY });
  let controller = await start();
  report('onboarding', await onboarding(controller, { size, from, bare }));

  const rounds: Awaited<ReturnType<typeof rotation>>[] = [];
  for (let round = 1; round <= Number(flags.rounds); round++)
    rounds.push(await rotation(controller, bare, size, `${size}-${round}`));
  report('rotation', spread(rounds));
  await delay(SETTLE_MS);
  report('in step', { ...memoryOf(controller.pid) });

  const alone = await neighbour.during(() => delay(5_000));
  const crowded = await neighbour.during(() => rotate(controller, size, `${size}-neighbour`));
  report('neighbour', {
    ratio: crowded.p99 / alone.p99,
    p99: crowded.p99,
    alone: alone.p99,
    p50: crowded.p50,
    aloneP50: alone.p50,
  });
  const delayed = await controller.loopDelay(() => rotate(controller, size, `${size}-loop`));
  report('event loop', { p99: delayed });
  await controller.stop();

  const restarts: Record<'ratio' | 'seconds' | 'inStep' | 'list' | 'cpu' | 'peak', number>[] = [];
  for (let round = 1; round <= Number(flags.rounds); round++) {
    const startedAt = performance.now();
    controller = await start();
    const inStep = (performance.now() - startedAt) / 1000;
    await copies(controller, size);
    const seconds = (performance.now() - startedAt) / 1000;
    const cpu = cpuSeconds(controller.pid);
    const { seconds: list } = await bare.do({ list: LISTS });
    restarts.push({ ratio: seconds / list, seconds, inStep, list, cpu, peak: memoryOf(controller.pid).peak });
    if (round < Number(flags.rounds)) await controller.stop();
  }
  report('restart', spread(restarts));
  await delay(SETTLE_MS);
  report('restarted', { ...memoryOf(controller.pid) });
  await controller.stop();
}

/** The namespaces from `from` on have opted in while nobody led: two writes each, from the moment at which the controller is in step. */
async function onboarding(
  controller: Controller,
  { size, from, bare }: Pick<Size, 'size' | 'from' | 'bare'>,
): Promise<Record<string, number>> {
  const startedAt = performance.now();
  await copies(controller, size);
  const seconds = (performance.now() - startedAt) / 1000;
  const { peak } = memoryOf(controller.pid);
  await quiet(controller);
  const range = { from, to: size, concurrency: CONCURRENCY };
  const loop = await bare.do({ writes: [bareCopy('a'), bareReference], ...range });
  return { ratio: seconds / loop.seconds, seconds, bare: loop.seconds, cpu: cpuSeconds(controller.pid), peak };
}

/** From the write of the source to the log line that says that every copy has it. */
async function rotate(controller: Controller, size: number, round: string): Promise<number> {
  const complete = controller.said(/^rotation complete/);
  const startedAt = performance.now();
  await writeSource(round);
  const line = await complete;
  if (line['copies'] !== size) throw new Error(`rotated ${String(line['copies'])} copies of ${size}`);
  return (performance.now() - startedAt) / 1000;
}

async function rotation(controller: Controller, bare: Loop, size: number, round: string) {
  await quiet(controller);
  resetPeak(controller.pid);
  const cpuBefore = cpuSeconds(controller.pid);
  const counted = async (): Promise<readonly number[]> => [
    await controller.metric('rest_client_requests_total'),
    await controller.metric('pullpass_reconcile_duration_seconds_count'),
  ];
  const [requestsBefore = 0, reconcilesBefore = 0] = await counted();
  const { now: machine } = idleSince();
  const seconds = await rotate(controller, size, round);
  const { idle } = idleSince(machine);
  await quiet(controller);
  const cpu = ((cpuSeconds(controller.pid) - cpuBefore) / size) * 1e6;
  const [requests = 0, reconciles = 0] = await counted();
  const { peak } = memoryOf(controller.pid);
  const writes = await controller.metric('pullpass_write_concurrency');
  const loop = await bare.do({ writes: [bareCopy(round)], from: 0, to: size, concurrency: CONCURRENCY });
  const bareCpu = (loop.cpu / size) * 1e6;
  return {
    ...{
      ratio: seconds / loop.seconds,
      cpuRatio: cpu / bareCpu,
      seconds,
      bare: loop.seconds,
      cpu,
      bareCpu,
      peak,
      writes,
      idle,
    },
    requests: (requests - requestsBefore) / size,
    reconciles: (reconciles - reconcilesBefore) / size,
  };
}

/** Medians; of the first, which is a ratio, the least and the most, too. Of memory the most. */
function spread<T extends { readonly ratio: number; readonly peak: number }>(
  rounds: readonly T[],
): Record<string, number> {
  const [first] = rounds;
  const medians = Object.keys(first ?? {}).map(
    (name) => [name, median(rounds.map((round) => Number(round[name as keyof T])))] as const,
  );
  const ratios = rounds.map(({ ratio }) => ratio);
  return {
    ...Object.fromEntries(medians),
    least: Math.min(...ratios),
    most: Math.max(...ratios),
    peak: Math.max(...rounds.map(({ peak }) => peak)),
  };
}

async function prepare(): Promise<void> {
  await admin.create(paths.namespaces(), { apiVersion: 'v1', kind: 'Namespace', metadata: { name: SOURCE.namespace } });
  for (const name of ['pullpass', 'bare', 'neighbour'])
    await admin.create(paths.serviceAccounts('default'), {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name },
    });
  await admin.create('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'bench' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: ['pullpass', 'bare', 'neighbour'].map((name) => ({ kind: 'ServiceAccount', name, namespace: 'default' })),
  });
  await admin.create(paths.serviceAccounts('default', '').replace(/serviceaccounts.*/, 'configmaps'), {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'neighbour' },
  });
  await writeSource('0');
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

async function populate(bare: Loop, from: number, to: number): Promise<void> {
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

function content(round: string): string {
  const auths = {
    'registry.example': { auth: Buffer.from(`robot:password-${round}-${'x'.repeat(40)}`).toString('base64') },
  };
  return Buffer.from(JSON.stringify({ auths })).toString('base64');
}

async function writeSource(round: string): Promise<void> {
  await admin.patch(
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
