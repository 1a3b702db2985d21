/** The controller as a whole: what is started, in which order, and how it stops. Everything it needs is handed in. */
import type { Configuration } from '../config/schema.ts';
import type { KubeClient } from '../kube/client.ts';
import { createEventRecorder } from '../kube/events.ts';
import type { ElectionTimings } from '../kube/leader-election.ts';
import type { ReflectorTimings } from '../kube/reflector.ts';
import { sleep, within } from '../async/sleep.ts';
import type { Log } from '../log.ts';
import type { ObservedScope } from '../plan/observed.ts';
import { isGoing } from '../plan/going.ts';
import { createApplier } from '../reconcile/apply.ts';
import { createRefusals } from '../observe/refusals.ts';
import { createState } from '../observe/state.ts';
import { createWorld, observeNamespace } from '../observe/world.ts';
import { createProxyKube } from '../proxies/kube.ts';
import type { Reach } from '../proxies/reach.ts';
import { createAccess, secured } from '../server/access.ts';
import type { Metrics } from '../server/metrics.ts';
import { createAudits } from './audits.ts';
import { createBrakeNews } from './brake-news.ts';
import { createBrake } from './brake.ts';
import { createController } from './reconciler.ts';
import { followConfiguration, warnOfLeftCopies } from './follow.ts';
import { leadInTurn } from './leading.ts';
import { createPause } from './pause.ts';
import { createProxyController } from './proxies.ts';
import { createMemory } from './remember.ts';
import { createReportPage } from './report-page.ts';
import { createRightsCheck } from './missing-rights.ts';
import { createRotations } from '../rotation/rotations.ts';
import { createSchedules } from './schedules.ts';
import { createSources } from '../sources/loop.ts';
import { startServing } from './serving.ts';
import { createTriggers, namespaceKey } from './triggers.ts';
import type { Key } from './triggers.ts';
import { createWatches } from './watches.ts';
import { createWorkQueue } from './work-queue.ts';
import { createReportPublisher } from './publish-report.ts';

export interface ManagerOptions {
  client: KubeClient;
  configuration: Configuration;
  /** File to follow; undefined where the configuration does not change. */
  configurationFile?: string | undefined;
  /** Where the Lease is, and what the manifests call our own namespace. */
  namespace: string;
  /** Unique among the replicas: the pod's name. */
  identity: string;
  leaderElection: boolean;
  concurrency: number;
  /** Listening address of /livez, /readyz, /metrics and /report. */
  address: string;
  /** Whether /report is for those only whom the cluster lets get that path. */
  secureReport?: boolean | undefined;
  /** Of the program, for the report. */
  version?: string | undefined;
  /** The way to registries and cache proxies. */
  reach: Reach;
  metrics: Metrics;
  log: Log;
  timings?: {
    election?: ElectionTimings | undefined;
    reflector?: Partial<ReflectorTimings> | undefined;
    configurationMs?: number;
    drainMs?: number;
    eventsMs?: number;
    firstAuditMs?: number;
    reportAgeMs?: number;
  };
  /** Told of the address that the server listens on, once it does. */
  onListening?: (url: string | undefined) => void;
}

/** How long writes in flight may take after SIGTERM, in milliseconds; the manifests give 30 s to all of it. */
const DRAIN_MS = 20_000;
/** How long after its start a leader audits for the first time, whatever the schedule says: metrics then speak of today. */
const FIRST_AUDIT_MS = 60_000;
/** How long Events may take after that. They are written ten a second at most, so there can be more than fit. */
const EVENTS_MS = 2_000;

/** Runs until `stop` aborts, then finishes what is in flight, gives the Lease back and returns. */
export async function runManager(options: ManagerOptions, stop: AbortSignal): Promise<void> {
  const { client, namespace, identity, log, metrics, timings = {} } = options;
  let { configuration } = options;

  const state = createState(client, namespace);
  const refusals = createRefusals(state);
  // The same digests in every replica and command: what is in force is known by them.
  const world = createWorld(state.mac);
  const queue = createWorkQueue<Key>({
    onDepth: (depth) => metrics.queueDepth.set(depth),
    onWait: (ms) => metrics.queueWait.observe(ms / 1000),
  });
  const events = createEventRecorder({ client, log, instance: identity });
  const rotations = createRotations(log, {
    pending: (source, namespaces) => metrics.rotationPending.set({ source }, namespaces),
    complete: (source, seconds) => metrics.rotationDuration.observe({ source }, seconds),
  });
  /** All that has to carry a source: namespaces by name, cache proxies as `proxy/<name>`, which no namespace can be called. */
  const carriers = (source: string): string[] => [
    ...[...world.namespaces.all()].map(({ name }) => name),
    ...proxies.of(source).map((name) => `proxy/${name}`),
  ];
  let leading = false;

  const pause = createPause({ queue, log, metrics, beforeWrites: () => memory.resume(stop) });
  const memory = createMemory(state, { namespace, log, paused: () => pause.on });
  const watches = createWatches({
    client,
    world,
    log,
    timings: timings.reflector,
    onStart: (feed) => triggers.watch(feed),
    onSynced: () => {
      sources.look();
      triggers.everything();
    },
    onRestart: (resource) => metrics.watchRestarts.inc({ resource }),
  });
  const sources = createSources({
    client,
    world,
    state,
    refusals,
    events,
    log,
    metrics,
    stop,
    reach: options.reach,
    configuration: () => configuration,
    leading: () => leading,
    pause,
    isRead: (source) => watches.isRead(source),
    proxiesOf: (source) => proxies.of(source),
    proxies: () => proxies.standings(),
    onAccepted: (source, digest, first) => {
      if (leading) rotations.begin(source, digest, carriers(source), first);
    },
    onChange: () => triggers.everything(),
  });
  const { book } = sources;
  const observe = (name: string): ObservedScope | undefined =>
    observeNamespace(world, name, book.observe(name), configuration.retiredCopyNames);
  const proxies = createProxyController({
    state,
    refusals,
    log,
    events,
    metrics,
    // What the brake keeps is not going.
    isGoing: (name, source) => isGoing(observe(name), source, { hold: !brake.isOpen() }),
    isSynced: (feed) => watches.isSynced(feed),
    feedProblem: (feed) => watches.problemOf(feed),
    credentials: (source, proxy) => book.credentials(source, proxy),
    context: ({ config, copyName }, signal) => ({
      kube: createProxyKube({ client, proxy: config.name, signal }),
      http: options.reach.http('ca' in config ? config.ca : undefined),
      mac: state.mac,
      signal,
      copyName,
    }),
    probe: (proxy, { kube, signal }) => options.reach.probe(proxy, kube, signal),
    now: Date.now,
    onApplied: (source, name) => rotations.arrive(source, `proxy/${name}`),
  });
  const triggers = createTriggers(world, (key) => queue.add(key), sources.look, proxies);

  const brake = createBrake({
    world,
    watches,
    sources,
    observe,
    configuration: () => configuration,
    enqueue: (name) => queue.add(namespaceKey(name)),
    news: createBrakeNews({ log, events, metrics, namespace }),
  });

  async function configure(next: Configuration): Promise<void> {
    pause.set(next.paused);
    const names = new Set(next.sources.map(({ name }) => name));
    // In this order: giving up a rotation sets a metric of its source.
    rotations.clear(names);
    for (const { name } of configuration.sources) if (!names.has(name)) metrics.forgetSource(name);
    warnOfLeftCopies(configuration, next, log);
    configuration = next;
    book.configure(next);
    if (leading) state.retain(next);
    schedules.configure(next);
    if (next.schedules.audit === undefined) metrics.forgetAudit();
    await watches.configure(next, proxies.configure(next));
    await pause.end();
    sources.look();
    brake.look();
    triggers.everything();
  }

  const rights = createRightsCheck({ client, namespace, secureReport: options.secureReport, log, metrics, stop });
  const audits = createAudits({
    client,
    world,
    state,
    watches,
    namespace,
    log,
    metrics,
    stop,
    configuration: () => configuration,
    leading: () => leading,
    idle: async () => {
      await sources.whenLooked();
      await queue.idle();
    },
    publisher: createReportPublisher({ client, log }),
  });

  const schedules = createSchedules(
    {
      async resync() {
        if (rights.missing()) await rights.check(configuration);
        sources.remind();
        brake.again();
        triggers.everything();
      },
      async probe() {
        if (!leading || pause.on) return;
        await sources.recheck();
        proxies.verifyAgain();
        triggers.everything();
      },
      audit: () => audits.scheduled(),
    },
    log,
  );

  const page = createReportPage({
    audits,
    enabled: () => configuration.schedules.audit !== undefined,
    problems: () => watches.problems(),
    version: options.version,
    maxAgeMs: timings.reportAgeMs,
  });
  const server = await startServing({
    address: options.address,
    metrics,
    watches,
    sources,
    configuration: () => configuration,
    leading: () => leading,
    standings: () => controller.standings().values(),
    report:
      options.secureReport === true
        ? secured(page, createAccess({ client, path: '/report', now: Date.now, log }))
        : page,
  });
  options.onListening?.(server.url);

  const controller = createController({
    queue,
    events,
    rotations,
    log,
    brake,
    observe,
    proxy: (name, fence) => proxies.handle(name, fence),
    applier: pause.guard(
      createApplier({ client, world, consumers: proxies, content: (source, digest) => book.content(source, digest) }),
    ),
    onReconciled: (result, seconds) => metrics.reconcileDuration.observe({ kind: 'namespace', result }, seconds),
  });

  /** One term as the leader. `fence` aborts when another may lead: from then on nothing is written. */
  async function lead(fence: AbortSignal): Promise<void> {
    // Another replica may have led meanwhile: what it remembered counts.
    await memory.load(fence);
    leading = true;
    brake.begin(AbortSignal.any([fence, stop]));
    // Not at once: copies that are only now being written would be found missing.
    void sleep(timings.firstAuditMs ?? FIRST_AUDIT_MS, AbortSignal.any([fence, stop])).then(() => audits.scheduled());
    state.retain(configuration);
    sources.takeOver();
    triggers.everything();
    await controller.run({ concurrency: options.concurrency, signal: AbortSignal.any([fence, stop]), fence });
    leading = false;
    rotations.clear();
    metrics.stopLeading();
  }

  try {
    log.info({ server: client.server, sources: configuration.sources.map(({ name }) => name) }, 'starting');
    pause.set(configuration.paused);
    await rights.check(configuration);
    await memory.load(stop);
    for (const resource of ['namespaces', 'serviceaccounts', 'copies', 'sources', 'proxies'] as const)
      metrics.observeWatch(resource, () => Date.now() - watches.silentForMs(resource));
    metrics.configReloadSuccess.set(1);
    metrics.configReloadTimestamp.set(Date.now() / 1000);
    await configure(configuration);
    await watches.settled(stop);
    followConfiguration({
      file: options.configurationFile,
      running: configuration,
      intervalMs: timings.configurationMs ?? 5_000,
      signal: stop,
      log,
      metrics,
      take: (next) => configure(next).then(() => rights.check(configuration)),
    });
    if (!stop.aborted)
      log.info(
        { namespaces: world.namespaces.size, serviceAccounts: world.serviceAccounts.size },
        'in step with the API server',
      );

    const drain = (): Promise<void> => within(timings.drainMs ?? DRAIN_MS, queue.shutdown());
    await leadInTurn(
      {
        client,
        namespace,
        identity,
        log,
        metrics,
        lead,
        drain,
        election: options.leaderElection,
        timings: timings.election,
      },
      stop,
    );
  } finally {
    schedules.stop();
    sources.stop();
    await within(timings.drainMs ?? DRAIN_MS, queue.shutdown());
    await within(timings.eventsMs ?? EVENTS_MS, events.flush());
    events.stop();
    await watches.stop();
    await server.close();
    log.info('stopped');
  }
}
