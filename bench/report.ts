/**
 * The report of 5,000 namespaces with 40,000 pods, every fifth of them broken in some way: how long the longest step is
 * that leases and probes of a controller wait for, as a share of the whole; and what the page of it takes.
 */
import { createReport, createReportInTurns } from '../src/audit/report/create.ts';
import type { Observation, PullContent, Workload } from '../src/audit/observe/observation.ts';
import { renderReport } from '../src/audit/render/outputs.ts';
import { configurationSchema } from '../src/config/schema.ts';
import type { ObservedScope } from '../src/plan/observed.ts';

export async function report(): Promise<void> {
  const observation = observe(5_000, 8);
  createReport(observe(500, 8));
  const startedAt = performance.now();
  const made = createReport(observation);
  const whole = performance.now() - startedAt;

  let longest = 0;
  let turns = 0;
  let since = performance.now();
  await createReportInTurns(observation, () => {
    longest = Math.max(longest, performance.now() - since);
    turns++;
    return new Promise((resolve) => {
      setImmediate(() => {
        since = performance.now();
        resolve(undefined);
      });
    });
  });
  longest = Math.max(longest, performance.now() - since);
  console.log(
    `  ${made.summary.namespaces} namespaces, ${made.summary.pods} pods, ${made.findings.length} findings: the report takes ${whole.toFixed(0)} ms in one go;`,
  );
  console.log(
    `  in ${turns} turns the longest takes ${longest.toFixed(0)} ms: ${(longest / whole).toFixed(2)} of the whole`,
  );
  for (const output of ['html', 'json'] as const) {
    const from = performance.now();
    const size = Buffer.byteLength(renderReport(made, { output, color: false }));
    const ms = performance.now() - from;
    console.log(`  as ${output}: ${(size / 2 ** 20).toFixed(1)} MiB, ${(ms / whole).toFixed(2)} of that time`);
  }
}

function observe(namespaces: number, workloads: number): Observation {
  const [config] = configurationSchema.parse({
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Configuration',
    sources: [{ name: 'hub', secret: { namespace: 'pullpass-system', name: 'hub' }, copyName: 'hub-copy' }],
  }).sources;
  if (config === undefined) throw new Error('unreachable');
  const source = { config, digest: 'new', read: true, problems: [] };
  const content: PullContent = { id: 'new', entries: [{ key: 'registry.corp', login: 'l' }], warnings: [] };
  const names = Array.from({ length: namespaces }, (_, i) => `team-${i}`);
  return {
    server: 'https://cluster.example',
    now: Date.parse('2030-01-01T00:00:00Z'),
    configured: true,
    podsSeen: true,
    strayCopies: [],
    couldNotSee: [],
    sources: [{ config, observed: source, state: 'good', content }],
    scopes: names.map((name, i): ObservedScope => {
      const at = { uid: name, resourceVersion: '1' };
      return {
        namespace: {
          name,
          ...at,
          terminating: false,
          sync: i % 20 === 1 ? 'yes' : 'enabled',
          sources: undefined,
          serviceAccounts: undefined,
        },
        serviceAccounts: Array.from({ length: 3 }, (_, n) => ({
          namespace: name,
          name: n === 0 ? 'default' : `account-${n}`,
          ...at,
          pullSecrets: n === 0 && i % 20 !== 2 ? ['hub-copy'] : [],
          sync: undefined,
          added: n === 0 ? 'hub-copy' : undefined,
          annotated: n === 0,
        })),
        copies: new Map(
          i % 20 === 3
            ? []
            : [
                [
                  'hub-copy',
                  {
                    namespace: name,
                    name: 'hub-copy',
                    ...at,
                    type: 'kubernetes.io/dockerconfigjson',
                    ours: i % 20 !== 4,
                    source: 'hub',
                    adopt: false,
                    digest: i % 20 === 0 ? 'old' : 'new',
                    terminating: false,
                  },
                ],
              ],
        ),
        sources: [source],
        retiredCopyNames: [],
      };
    }),
    workloads: names.flatMap((namespace, i) =>
      Array.from({ length: workloads }, (_, n): Workload => ({
        namespace,
        owner: { kind: 'Deployment', name: `app-${n}` },
        serviceAccount: 'default',
        pullSecrets: n === 0 && i % 5 === 0 ? [] : ['hub-copy'],
        images: [`registry.corp/team-${i}/app-${n}:1.${i}`, 'docker.io/envoyproxy/envoy:v1.31'],
        pods: 1,
        example: `app-${n}-x`,
        isStatic: false,
        failures:
          n === 1 && i % 50 === 0
            ? [
                {
                  image: `registry.corp/team-${i}/app-${n}:1.${i}`,
                  container: 'app',
                  containerKind: 'container',
                  reason: 'ImagePullBackOff',
                  message: 'not found',
                },
              ]
            : [],
      })),
    ),
    pullSecrets: new Map(names.map((name) => [`${name}/hub-copy`, { state: 'read', content }])),
  };
}
