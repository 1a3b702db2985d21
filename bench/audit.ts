/**
 * A controller's audit of 5,000 namespaces with 40,000 pods, every fifth namespace broken in some way: how long it holds the
 * loop that leases and probes wait for, from the first read to the page and the report object.
 */
import { setImmediate } from 'node:timers/promises';
import { configurationSchema } from '../src/config/schema.ts';
import type { Configuration } from '../src/config/schema.ts';
import { createAudits } from '../src/controller/audits.ts';
import { createReportPublisher } from '../src/controller/publish-report.ts';
import { createReportPage } from '../src/controller/report-page.ts';
import { createLog } from '../src/log.ts';
import { projectNamespace, projectServiceAccount } from '../src/observe/projections.ts';
import type { World } from '../src/observe/world.ts';
import { createMetrics } from '../src/server/metrics.ts';
import { refusal, scriptedClient } from '../test/kube/scripted-client.ts';
import type { Call } from '../test/kube/scripted-client.ts';
import { createMemory } from '../test/sources/memory.ts';
import { recordOf } from '../test/sources/records.ts';
import { dockerConfig, putCopy, putSource, rawAccount, rawSecret, worldFor } from '../test/sources/worlds.ts';

const HERE = 'pullpass-system';
const NAMESPACES = 5_000;
const PODS = 8;
const CONTENT = dockerConfig('new', 'registry.corp');

export async function audit(): Promise<void> {
  const configuration = configurationSchema.parse({
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Configuration',
    sources: [{ name: 'hub', secret: { namespace: HERE, name: 'hub' }, copyName: 'hub-copy' }],
    schedules: { audit: '0 * * * *' },
    audit: { reportObject: true },
  });
  // A warm-up: the first run of a process takes longer, since no code is compiled yet.
  await measure(configuration, 500);
  const { audited, page } = await measure(configuration, NAMESPACES);
  console.log(`  ${NAMESPACES} namespaces, ${NAMESPACES * PODS} pods:`);
  for (const [what, { ms, holdMs, cpuMs }] of [['the scheduled audit', audited] as const, ['the page', page] as const])
    console.log(
      `  ${what} takes ${ms.toFixed(0)} ms and holds the loop for ${holdMs.toFixed(0)} ms at most: ` +
        `${(holdMs / ms).toFixed(3)} of its time; without what other processes take, ${cpuMs.toFixed(0)} ms`,
    );
}

async function measure(configuration: Configuration, namespaces: number) {
  const world = worldFor(configuration);
  fill(world, namespaces);
  const state = createMemory();
  state.setSource('hub', recordOf(state, CONTENT));
  const { client } = scriptedClient(async (call) => {
    await setImmediate();
    return answer(call, namespaces);
  });
  const log = createLog('silent');
  const audits = createAudits({
    client,
    world,
    state,
    log,
    namespace: HERE,
    watches: { isRead: () => true, isSynced: () => true, unread: () => new Map(), problems: () => [] },
    configuration: () => configuration,
    leading: () => true,
    term: () => new AbortController().signal,
    idle: () => Promise.resolve(),
    publisher: createReportPublisher({ client, instance: 'pullpass-system', log }),
    metrics: createMetrics({ version: 'bench', processMetrics: false }),
    stop: new AbortController().signal,
  });
  const page = createReportPage({ audits, enabled: () => true, problems: () => [], version: 'bench' });
  return { audited: await holding(() => audits.scheduled()), page: await holding(page) };
}

/** `holdMs`: the longest time in which no other work could run; `cpuMs`: the most CPU time that was used in such a time. */
async function holding(run: () => Promise<unknown>): Promise<{ ms: number; holdMs: number; cpuMs: number }> {
  const startedAt = performance.now();
  let holdMs = 0;
  let cpuMs = 0;
  let over = false;
  const watching = (async () => {
    for (let last = startedAt; !over;) {
      const before = process.threadCpuUsage();
      await setImmediate();
      const { user, system } = process.threadCpuUsage(before);
      const now = performance.now();
      holdMs = Math.max(holdMs, now - last);
      cpuMs = Math.max(cpuMs, (user + system) / 1000);
      last = now;
    }
  })();
  await run();
  over = true;
  await watching;
  return { ms: performance.now() - startedAt, holdMs, cpuMs };
}

function fill(world: World, namespaces: number): void {
  putSource(world, rawSecret({ namespace: HERE, name: 'hub', content: CONTENT }));
  for (let i = 0; i < namespaces; i++) {
    const namespace = `team-${i}`;
    const at = { uid: namespace, resourceVersion: '1' };
    const annotations = { 'pullpass.dev/sync': i % 20 === 1 ? 'yes' : 'enabled' };
    world.namespaces.put(projectNamespace({ metadata: { name: namespace, ...at, annotations } }));
    for (let n = 0; n < 3; n++) {
      const { metadata, ...raw } =
        n === 0 && i % 20 !== 2 ? rawAccount(['hub-copy'], { added: 'hub-copy' }) : rawAccount([]);
      world.serviceAccounts.put(
        projectServiceAccount({
          ...raw,
          metadata: { ...metadata, ...at, namespace, name: n === 0 ? 'default' : `account-${n}` },
        }),
      );
    }
    if (i % 20 === 3) continue;
    const content = i % 20 === 0 ? dockerConfig('old', 'registry.corp') : CONTENT;
    putCopy(world, rawSecret({ name: 'hub-copy', namespace, content, ...(i % 20 !== 4 && { source: 'hub' }) }));
  }
}

const REPORTS = '/apis/openreports.io/v1alpha1';

function answer({ verb, path, query }: Call, namespaces: number): unknown {
  if (path === '/api/v1/pods') {
    const from = Number(query.continue ?? 0);
    const to = Math.min(from + Number(query.limit), namespaces * PODS);
    return {
      metadata: { ...(to < namespaces * PODS && { continue: String(to) }) },
      items: Array.from({ length: to - from }, (_, i) => podOf(from + i)),
    };
  }
  if (path === REPORTS) return { resources: [{ name: 'clusterreports' }] };
  if (path.includes('/secrets/')) return rawSecret({ content: dockerConfig('old', 'registry.corp') });
  if (verb !== 'get') return {};
  throw refusal(404);
}

function podOf(i: number) {
  const [team, n] = [Math.floor(i / PODS), i % PODS];
  const image = `registry.corp/team-${team}/app-${n}:1.${team}`;
  const waiting = { reason: 'ImagePullBackOff', message: 'Back-off pulling image: not found' };
  return {
    metadata: {
      namespace: `team-${team}`,
      name: `app-${n}-x`,
      ownerReferences: [{ kind: 'StatefulSet', name: `app-${n}`, controller: true }],
    },
    spec: {
      serviceAccountName: 'default',
      imagePullSecrets: n === 0 && team % 5 === 0 ? [] : [{ name: 'hub-copy' }],
      containers: [
        { name: 'app', image },
        { name: 'proxy', image: 'docker.io/envoyproxy/envoy:v1.31' },
      ],
    },
    status: {
      phase: 'Running',
      containerStatuses: n === 1 && team % 50 === 0 ? [{ name: 'app', image, state: { waiting } }] : [],
    },
  };
}
