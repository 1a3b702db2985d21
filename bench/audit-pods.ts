/**
 * `pullpass audit` of many pods, in turn with a loop that only reads and parses the same lists in the same pages:
 * `node bench/audit-pods.ts --against envtest --pods 10000`. What it lists, and in which pages, is what an audit was seen to ask for.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { KubeConfig } from '@kubernetes/client-node';
import { buildProgram } from '../build.ts';
import { runAudit } from '../src/commands/audit.ts';
import { configurationSchema } from '../src/config/schema.ts';
import { createClient } from '../src/kube/client.ts';
import type { KubeClient } from '../src/kube/client.ts';
import { connect } from '../src/kube/connection.ts';
import { paths } from '../src/kube/paths.ts';
import { startBare } from './bare-process.ts';
import { costOf } from './child.ts';
import type { Cost } from './child.ts';
import { idleSince, median } from './measure.ts';
import { COPY, makePods } from './pods.ts';
import { openTarget } from './target.ts';

const SOURCE = { namespace: 'pullpass-system', name: 'hub' };
const CONFIGURATION = {
  apiVersion: 'pullpass.dev/v1alpha1',
  kind: 'Configuration',
  sources: [{ name: 'hub', secret: SOURCE, copyName: COPY }],
};
const { values: flags } = parseArgs({
  options: {
    against: { type: 'string', default: 'sandbox' },
    pods: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '7' },
    json: { type: 'boolean', default: false },
  },
});

await using target = await openTarget(flags.against);
const config = new KubeConfig();
config.loadFromFile(target.kubeconfig);
const connection = connect(config);
const client = createClient(connection, { timeoutMs: 120_000 });
const bare = startBare(target.kubeconfig);
try {
  const bytesOfAPod = await populate();
  const program = path.join(target.folder, 'program');
  mkdirSync(program);
  writeFileSync(path.join(program, 'package.json'), '{"type":"module"}');
  await buildProgram(program);
  const file = (name: string, content: string): string => {
    writeFileSync(path.join(program, name), content);
    return path.join(program, name);
  };
  const pullpass = path.join(program, 'pullpass.js');
  const empty = file('empty.mjs', '');
  const configFile = file('config.json', JSON.stringify(CONFIGURATION));
  const audit = [pullpass, 'audit', '--config', configFile, '--kubeconfig', target.kubeconfig];
  const { lists, requests } = await listsOf();
  const rounds: Record<'audit' | 'version' | 'node', Cost>[] = [];
  const loops: { seconds: number; cpu: number }[] = [];
  const { now: machine } = idleSince();
  for (let round = 0; round < Number(flags.rounds); round++) {
    loops.push(await bare.do({ list: lists }));
    rounds.push({
      audit: await costOf(program, audit),
      version: await costOf(program, [pullpass, '--version']),
      node: await costOf(program, [empty]),
    });
  }
  const { idle } = idleSince(machine);
  const spread = (values: readonly number[]): string =>
    `${median(values).toFixed(2)} (${Math.min(...values).toFixed(2)}..${Math.max(...values).toFixed(2)})`;
  const peaks = (which: 'audit' | 'version' | 'node'): readonly number[] =>
    rounds.map((round) => round[which].megabytes);
  const ratios = (of: (cost: Cost, loop: (typeof loops)[number]) => number): string =>
    spread(rounds.map((round, i) => of(round.audit, loops[i] ?? { seconds: Number.NaN, cpu: Number.NaN })));
  const row = {
    server: target.name,
    pods: Number(flags.pods),
    'bytes of a pod': bytesOfAPod,
    requests,
    'time, s': spread(rounds.map((round) => round.audit.wall / 1000)),
    'time / the loop': ratios(({ wall }, { seconds }) => wall / 1000 / seconds),
    'CPU, s': spread(rounds.map((round) => round.audit.cpu / 1000)),
    'CPU / the loop': ratios(({ cpu }, loop) => cpu / 1000 / loop.cpu),
    'peak, MB': spread(peaks('audit')),
    'peak of --version': spread(peaks('version')),
    'peak of bare Node': spread(peaks('node')),
    'above --version': spread(rounds.map((round) => round.audit.megabytes - round.version.megabytes)),
    'idle share of the machine': idle.toFixed(2),
  };
  if (flags.json) console.log(JSON.stringify(row));
  else for (const [name, value] of Object.entries(row)) console.log(`${name.padEnd(26)} ${String(value)}`);
} finally {
  bare.end();
  await connection.close();
}

/** Unless the pods are there already: a cluster that was made once serves several runs. Returns how large one is as JSON. */
async function populate(): Promise<number> {
  const one = async (): Promise<object | undefined> =>
    (await client.get<{ items: object[] }>(paths.pods('team-0'), { query: { limit: 1 } })).items[0];
  if ((await one()) === undefined) await makeAll();
  return JSON.stringify(await one()).length;
}

async function makeAll(): Promise<void> {
  await client.create(paths.namespaces(), {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: SOURCE.namespace },
  });
  const auths = { 'registry.example': { auth: Buffer.from('robot:new').toString('base64') } };
  await client.create(paths.secrets(SOURCE.namespace), {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: SOURCE.name },
    type: 'kubernetes.io/dockerconfigjson',
    stringData: { '.dockerconfigjson': JSON.stringify({ auths }) },
  });
  await makePods(client, Number(flags.pods));
}

/** With their page size; `requests`: of all kinds, pages included. */
async function listsOf(): Promise<{ lists: string[]; requests: number }> {
  const lists: string[] = [];
  let requests = 0;
  const counted = createClient(connection, { timeoutMs: 120_000, onCall: () => requests++ });
  const watched: KubeClient = {
    ...counted,
    get(path, options) {
      const { continue: token, ...query } = options?.query ?? {};
      if (query['limit'] !== undefined && token === undefined) {
        const given = Object.entries(query).flatMap(([name, value]) =>
          value === undefined ? [] : [[name, String(value)]],
        );
        lists.push(`${path}?${new URLSearchParams(given as [string, string][]).toString()}`);
      }
      return counted.get(path, options);
    },
  };
  await runAudit({
    client: watched,
    configuration: configurationSchema.parse(CONFIGURATION),
    controller: { namespace: SOURCE.namespace, name: 'pullpass' },
    output: 'table',
    color: false,
  });
  return { lists, requests };
}
