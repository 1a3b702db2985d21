/**
 * Starts the bundled program, and a bare Node in turn with it: CPU and peak memory until it ends, as ratios to the bare one. The
 * controller: until it is in step with an empty cluster, the sandbox's. `node bench/start.ts [ROUNDS [PROGRAM]]`; PROGRAM: another
 * bundle, to compare.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildProgram } from '../build.ts';
import { CONTROLLER_NAMESPACE, createCluster } from '../test/integration/env/cluster.ts';
import { startSandbox } from '../test/sandbox/kube-api/index.ts';
import { costOf } from './child.ts';
import type { Cost } from './child.ts';
import { median } from './measure.ts';

const IN_STEP = 'in step with the API server';
const CONFIG = path.resolve(import.meta.dirname, '../manifests/config.yaml');
export async function start(rounds = 11, other?: string): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'pullpass-start-'));
  await using sandbox = await startSandbox();
  const cluster = await createCluster(sandbox);
  try {
    await cluster.namespace(CONTROLLER_NAMESPACE);
    const file = (name: string): string => path.join(folder, name);
    const [empty, kubeconfig] = [file('empty.mjs'), file('kubeconfig')];
    await writeFile(empty, '');
    await writeFile(kubeconfig, sandbox.adminKubeconfig());
    await writeFile(file('package.json'), '{"type":"module"}');
    await buildProgram(folder);
    const controller = ['controller', '--config', CONFIG, '--kubeconfig', kubeconfig, '--address', '0'];
    const cases: Record<string, readonly string[]> = { 'bare Node': [empty] };
    for (const [which, program] of Object.entries({
      '': file('pullpass.js'),
      ...(other && { 'other ': other }),
    }))
      for (const [name, args] of Object.entries({
        '--version': ['--version'],
        'audit --help': ['audit', '--help'],
        schema: ['schema'],
        validate: ['validate', CONFIG],
        'controller, in step': [...controller, '--no-leader-election'],
      }))
        cases[which + name] = [program, ...args];
    const costs = new Map<string, Cost[]>(Object.keys(cases).map((name) => [name, []]));
    for (let round = 0; round < rounds; round++)
      for (const [name, args] of Object.entries(cases)) costs.get(name)?.push(await costOf(folder, args, IN_STEP));
    const bare = summary(costs.get('bare Node') ?? []);
    for (const [name, all] of costs) {
      const { cpu, wall, megabytes, spread } = summary(all);
      console.log(
        `  ${name.padEnd(25)} CPU ${cpu.toFixed(0).padStart(4)} ms (${spread}), ${(cpu / bare.cpu).toFixed(2)}x; ` +
          `wall ${wall.toFixed(0).padStart(4)} ms; peak ${megabytes.toFixed(1)} MB, ${(megabytes / bare.megabytes).toFixed(2)}x`,
      );
    }
  } finally {
    await cluster.close();
    await rm(folder, { recursive: true });
  }
}

function summary(all: readonly Cost[]) {
  const cpus = all.map(({ cpu }) => cpu);
  return {
    cpu: median(cpus),
    wall: median(all.map(({ wall }) => wall)),
    megabytes: median(all.map(({ megabytes }) => megabytes)),
    spread: `${Math.min(...cpus).toFixed(0)}..${Math.max(...cpus).toFixed(0)}`,
  };
}

if (process.argv[1] === import.meta.filename) {
  const [rounds = '11', other] = process.argv.slice(2);
  await start(Number(rounds), other);
}
