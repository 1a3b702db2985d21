/** Creates the parts of the controller. Each part gets only parts that are created above it. */
import { steady } from '../clock.ts';
import type { Configuration } from '../config/schema.ts';
import { createPendingPods } from '../observe/pending-pods.ts';
import { createRefusals } from '../observe/refusals.ts';
import { createState } from '../observe/state.ts';
import { createWorld, isUnread, observeNamespace } from '../observe/world.ts';
import { isGoing } from '../plan/going.ts';
import type { ObservedScope } from '../plan/observed.ts';
import { createProxyKube } from '../proxies/kube.ts';
import { createProver } from '../proxies/probe.ts';
import { createApplier } from '../reconcile/apply.ts';
import { createSources } from '../sources/loop.ts';
import { createAudits } from './audits.ts';
import { createBrakeNews } from './brake-news.ts';
import { createBrake } from './brake.ts';
import type { Current, ManagerOptions } from './manager-options.ts';
import { createHealingParts } from './healing-parts.ts';
import { createLeaving } from './leaving.ts';
import { createListed } from './listed.ts';
import { createMemory } from './memory.ts';
import { createRightsCheck } from './missing-rights.ts';
import { createPause } from './pause.ts';
import { createProxyController } from './proxies.ts';
import type { ProxyStanding } from './proxies.ts';
import { createReportPublisher } from './publish-report.ts';
import { createReconciler } from './reconciler.ts';
import { createRotationStatus } from './rotation-status.ts';
import { createSchedules } from './schedules.ts';
import { createServerVersion } from './server-version.ts';
import { createStatusObject } from './status-object.ts';
import { createTellers } from './tellers.ts';
import { createTriggers, namespaceKey } from './triggers.ts';
import type { Key } from './triggers.ts';
import { createWatches } from './watches.ts';
import { createWorkQueue } from './work-queue.ts';
import { limited } from './write-limit.ts';

export type Parts = ReturnType<typeof createParts>;

/** `halt`: ends the process, as this program must not run here. */
export function createParts(options: ManagerOptions, stop: AbortSignal, halt: (why: Error) => void) {
  const { client, namespace, log, metrics, reach, timings = {} } = options;
  const current: Current = { configuration: options.configuration, leading: false, term: AbortSignal.abort() };
  const configuration = (): Configuration => current.configuration;
  const leading = (): boolean => current.leading;
  const term = (): AbortSignal => current.term;

  // What is known: the saved state, refused logins, and the watched objects.
  const state = createState(client, namespace);
  const serverVersion = createServerVersion({ client, log, halt, stop });
  const memory = createMemory(state, { namespace, log, halt });
  const refusals = createRefusals(state);
  // The state's key makes the digests equal in every replica and command: the content in force is found by its digest.
  const world = createWorld(state.mac, namespace, options.namespaces);
  const pods = createPendingPods(options.namespaces);
  const watches = createWatches({ client, world, log, metrics, timings: timings.reflector });

  // What tells people.
  const { events, tenantLog, rotations } = createTellers(options);
  const status = createRotationStatus({
    ...{ client, world, state, watches, configuration, events },
    identity: options.identity,
    object: createStatusObject({ client, log, namespace }),
    isBusy: () => due > 0,
    everyMs: timings.statusMs,
  });

  // The work queue, what fills it, and what stops it.
  let due = 0;
  const queue = createWorkQueue<Key>({
    meter: {
      ...metrics.queue,
      onDepth: (depth) => {
        due = depth;
        metrics.queue.onDepth?.(depth);
        status.touch();
      },
    },
  });
  const leaving = createLeaving({ log });
  const triggers = createTriggers(world, queue.add, () => [
    ...configuration().cacheProxies.map(({ name }) => name),
    ...leaving.names(),
  ]);
  const pause = createPause({ queue, log, metrics, beforeWrites: () => memory.resume(stop) });

  const listed = createListed({ namespaces: options.namespaces, state, log, tenantLog });
  /** Carriers of a source: all namespaces by name, its cache proxies as `proxy/<name>`, which is no valid namespace name. */
  const carriers = (source: string): string[] => [
    ...[...world.namespaces.all()].map(({ name }) => name),
    ...configuration().cacheProxies.flatMap((proxy) => (proxy.source === source ? [`proxy/${proxy.name}`] : [])),
  ];

  // The content of sources, and the brake.
  const standings = new Map<string, ProxyStanding>();
  const sources = createSources({
    ...{ client, world, state, refusals, events, log, stop, reach, configuration, leading, term, pause },
    isRead: watches.isRead,
    proxies: () => [...standings.values()],
    onAccepted: (source, digest, first) => {
      if (!leading()) return;
      rotations.begin(source, digest, carriers(source), first);
      if (!first) status.begun(source);
    },
    onChange: triggers.everything,
  });
  const { book } = sources;
  const observe = (name: string): ObservedScope | undefined =>
    observeNamespace(world, name, book.observe(name), configuration().retiredCopyNames, watches.isSynced);
  const brake = createBrake({
    world,
    watches,
    sources,
    observe,
    configuration,
    enqueue: (name) => queue.add(namespaceKey(name)),
    news: createBrakeNews({ log, events, metrics, namespace }),
  });

  // The writers.
  const proxies = createProxyController({
    state,
    instance: namespace,
    refusals,
    log,
    events,
    metrics,
    leaving,
    standings,
    // A copy that the brake holds is not going, nor one in a listed namespace that could not be read.
    isGoing: (name, source) =>
      !isUnread(world, name, watches) && isGoing(observe(name), source, { hold: !brake.isOpen() }),
    isSynced: watches.isSynced,
    feedProblem: watches.problemOf,
    credentials: book.credentials,
    context: ({ config, copyName }, signal) => ({
      kube: createProxyKube({ client, proxy: config.name, instance: namespace, signal }),
      http: reach.http('ca' in config ? config.ca : undefined),
      mac: state.mac,
      signal,
      copyName,
    }),
    ...createProver(reach, configuration),
    // A change of the system's time must not make a wait shorter; a machine that sleeps makes it longer.
    now: steady,
    onDone: (source, name) => rotations.arrive(source, `proxy/${name}`),
  });
  const reconciler = createReconciler({
    queue,
    events,
    rotations,
    log,
    metrics,
    tenantLog,
    brake,
    observe,
    isUnread: (name) => isUnread(world, name, watches),
    onSeen: listed.saw,
    proxy: (name, fence) => proxies.handle(name, fence).finally(status.touch),
    applier: pause.pausable(
      limited(createApplier({ client, world, consumers: proxies, content: book.content }), {
        most: options.concurrency,
        onChange: (writes) => metrics.writeConcurrency.set(writes),
      }),
    ),
    onReconciled: (result, seconds) => {
      metrics.reconcileDuration.observe({ kind: 'namespace', result }, seconds);
      status.touch();
    },
  });

  const healing = createHealingParts({
    ...{ client, pods: pods.store, observe, sources, state, refusals, brake, pause, events, tenantLog, metrics },
    timings: timings.healing,
  });

  // Checks, audits and schedules.
  const { secureReport, namespaces } = options;
  const rights = createRightsCheck({ client, namespace, log, metrics, stop, secureReport, namespaces });
  const audits = createAudits({
    client,
    world,
    state,
    watches,
    namespace,
    log,
    metrics,
    stop,
    configuration,
    leading,
    term,
    idle: async () => {
      await sources.whenLooked();
      await queue.idle();
    },
    publisher: createReportPublisher({ client, log, instance: namespace }),
  });
  const schedules = createSchedules(
    {
      async resync() {
        if (rights.missing()) await rights.check(configuration());
        sources.remind();
        brake.again();
        healing.everything();
        triggers.everything();
      },
      async probe() {
        if (!leading() || pause.on) return;
        await sources.recheck();
        proxies.verifyAgain();
        triggers.everything();
      },
      audit: audits.scheduled,
    },
    log,
  );

  return {
    audits,
    brake,
    configuration,
    current,
    events,
    healing,
    leading,
    listed,
    memory,
    pause,
    pods,
    proxies,
    queue,
    reconciler,
    rights,
    rotations,
    schedules,
    serverVersion,
    sources,
    state,
    status,
    tenantLog,
    triggers,
    watches,
    world,
  };
}
