/** The controller as a whole: what is started, in which order, and how it stops. Everything it needs is handed in. */
import type { Configuration } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import { createEventRecorder } from '../kube/events.ts';
import { createLeaderElector } from '../kube/leader-election.ts';
import type { ElectionTimings } from '../kube/leader-election.ts';
import type { ReflectorTimings } from '../kube/reflector.ts';
import { sleep } from '../kube/sleep.ts';
import type { Log } from '../log.ts';
import { LEASE_NAME, STATE_NAME } from '../names.ts';
import { createApplier } from '../reconcile/apply.ts';
import { createCanary } from '../reconcile/canary.ts';
import { failingPulls } from '../reconcile/failing-pulls.ts';
import { createPreflight } from '../reconcile/preflight.ts';
import { createSourceBook } from '../reconcile/sources.ts';
import { createState } from '../reconcile/state.ts';
import { createWorld, observeNamespace } from '../reconcile/world.ts';
import type { Digest } from '../reconcile/world.ts';
import { createProxyKube } from '../proxies/kube.ts';
import type { Reach } from '../registry/reach.ts';
import { startServer } from '../server/http.ts';
import type { Metrics } from '../server/metrics.ts';
import { createController } from './controller.ts';
import { followConfiguration, warnOfLeftCopies } from './follow.ts';
import { createProxyController } from './proxies.ts';
import { missingRights } from './rights.ts';
import { createRotations } from './rotation.ts';
import { createSchedules } from './schedules.ts';
import { announceSources, remindOfSources } from './source-news.ts';
import { publishStandings } from './standings.ts';
import { createTriggers } from './triggers.ts';
import type { Key } from './triggers.ts';
import { createWatches } from './watches.ts';
import { createWorkQueue } from './work-queue.ts';

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
  /** Listening address of /livez, /readyz and /metrics. */
  address: string;
  digest: Digest;
  /** The way to registries and cache proxies. */
  reach: Reach;
  metrics: Metrics;
  log: Log;
  timings?: { election?: ElectionTimings | undefined; reflector?: Partial<ReflectorTimings> | undefined; configurationMs?: number; drainMs?: number; eventsMs?: number };
  /** Told of the address that the server listens on, once it does. */
  onListening?: (url: string | undefined) => void;
}

/** How long writes in flight may take after SIGTERM, in milliseconds; the manifests give 30 s to all of it. */
const DRAIN_MS = 20_000;
/** How long Events may take after that. They are written ten a second at most, so there can be more than fit. */
const EVENTS_MS = 2_000;

/** Runs until `stop` aborts, then finishes what is in flight, gives the Lease back and returns. */
export async function runManager(options: ManagerOptions, stop: AbortSignal): Promise<void> {
  const { client, namespace, identity, log, metrics, timings = {} } = options;
  let { configuration } = options;

  const world = createWorld(options.digest);
  const queue = createWorkQueue<Key>({ onDepth: (depth) => metrics.queueDepth.set(depth), onWait: (ms) => metrics.queueWait.observe(ms / 1000) });
  const events = createEventRecorder({ client, log, instance: identity });
  const rotations = createRotations(log, {
    pending: (source, namespaces) => metrics.rotationPending.set({ source }, namespaces),
    complete: (source, seconds) => metrics.rotationDuration.observe({ source }, seconds),
  });
  /** All that has to carry a source: namespaces by name, cache proxies as `proxy/<name>`, which no namespace can be called. */
  const carriers = (source: string): string[] => [...[...world.namespaces.all()].map(({ name }) => name), ...proxies.of(source).map((name) => `proxy/${name}`)];
  let leading = false;

  const state = createState(client, namespace);
  const preflight = createPreflight({
    state,
    check: (credential, signal) => options.reach.check(configuration, credential, signal),
    onVerdict: () => {
      lookAtSources();
      // Only the leader remembers: what a replica finds that does not lead, it finds again when it does.
      if (leading) state.save(stop).catch((error: unknown) => log.debug({ err: error }, 'the verdict could not be remembered'));
    },
  });

  const watches = createWatches({
    client, world, log, timings: timings.reflector,
    onStart: (feed) => triggers.watch(feed),
    onSynced: () => {
      lookAtSources();
      triggers.everything();
    },
    onRestart: (resource) => metrics.watchRestarts.inc({ resource }),
  });
  const book = createSourceBook(world, (source) => watches.isRead(source), (source, content, credentials) => {
    // One replica asks: two would try a bad login twice as often.
    const asks = leading || source.verify === 'off';
    return asks ? preflight.judge(source, state.mac(content), credentials) : { state: 'pending' };
  }, (source, digest) => canary.phase(source, digest));
  const canary = createCanary({
    candidates: (source) => ({
      namespaces: [...(world.copies.get(source.copyName)?.all() ?? [])].filter(({ ours }) => ours).map((copy) => copy.namespace).sort(),
      proxies: proxies.of(source.name),
    }),
    failing: async ({ namespaces, proxies: first }, signal) => [
      ...(await failingPulls(client, namespaces, signal)),
      ...proxies.standings().filter(({ name, verified }) => first.has(name) && verified.state === 'refused').map(({ name }) => `cache proxy ${name}: a private pull through it fails`),
    ],
    onChange: (name) => {
      const { state: phase } = canary.phase(name, book.observe().find(({ config }) => config.name === name)?.digest);
      if (phase === 'halted') log.warn({ source: name }, 'rotation halted: pulls started to fail at the canaries; the rest keeps the content before');
      else log.info({ source: name }, 'the canaries are well: the rest follows');
      if (leading) remindOfSources(book.observe(), events);
      triggers.everything();
    },
  });
  const proxies = createProxyController({
    state, log, events, metrics,
    isSynced: (feed) => watches.isSynced(feed),
    feedProblem: (feed) => watches.problemOf(feed),
    credentials: (source, proxy) => book.credentials(source, proxy),
    context: ({ config, copyName }, signal) => ({
      kube: createProxyKube({ client, proxy: config.name, signal }),
      http: options.reach.http('ca' in config ? config.ca : undefined),
      mac: state.mac, signal, copyName,
    }),
    probe: (proxy, { kube, signal }) => options.reach.probe(proxy, kube, signal),
    now: Date.now,
    onApplied: (source, name) => rotations.arrive(source, `proxy/${name}`),
  });
  const triggers = createTriggers(world, (key) => queue.add(key), lookAtSources, () => proxies.names());

  function lookAtSources(): void {
    const changes = book.refresh();
    if (changes.length === 0) return;
    announceSources(changes, { log, metrics, events: leading ? events : undefined });
    const digests = new Map(book.observe().map(({ config, digest }) => [config.name, digest]));
    for (const change of changes) {
      const digest = digests.get(change.source.name);
      if (change.type === 'accepted' && digest !== undefined && !change.first) canary.begin(change.source, digest);
      if (change.type === 'accepted' && leading && digest !== undefined) rotations.begin(change.source.name, digest, carriers(change.source.name), change.first);
    }
    triggers.everything();
  }

  async function configure(next: Configuration): Promise<void> {
    const names = new Set(next.sources.map(({ name }) => name));
    // In this order: giving up a rotation sets a metric of its source.
    rotations.clear(names);
    for (const { name } of configuration.sources) if (!names.has(name)) metrics.forgetSource(name);
    warnOfLeftCopies(configuration, next, log);
    configuration = next;
    book.configure(next);
    if (leading) forgetUnknown();
    schedules.configure(next);
    await watches.configure(next, proxies.configure(next));
    lookAtSources();
    triggers.everything();
  }

  let rightsAreMissing = false;
  async function checkRights(): Promise<void> {
    try {
      const missing = await missingRights(client, configuration, namespace, stop);
      metrics.missingRights.set(missing.length);
      for (const right of missing) log.error(right);
      if (rightsAreMissing && missing.length === 0) log.info('every right that the configuration needs is there now');
      rightsAreMissing = missing.length > 0;
    } catch (error) {
      if (!stop.aborted) log.warn(`cannot check our own rights: ${messageOf(error)}`);
      rightsAreMissing = true;
    }
  }

  const schedules = createSchedules({
    async resync() {
      if (rightsAreMissing) await checkRights();
      if (leading) remindOfSources(book.observe(), events);
      triggers.everything();
    },
    async probe() {
      if (!leading) return;
      await Promise.all(configuration.sources.map((source) => preflight.recheck(source, book.credentials(source.name) ?? [])));
      await state.save(stop).catch((error: unknown) => log.debug({ err: error }, 'the verdicts could not be remembered'));
      proxies.verifyAgain();
      triggers.everything();
    },
  });

  /** What is remembered of names that the configuration no longer has goes with the next save. */
  function forgetUnknown(): void {
    const known = { proxies: configuration.cacheProxies.map(({ name }) => name), sources: configuration.sources.map(({ name }) => name) };
    for (const name of state.proxies()) if (!known.proxies.includes(name)) state.setProxy(name, undefined);
    for (const name of state.sources()) if (!known.sources.includes(name)) state.setSource(name, undefined);
  }

  /** Without the Secret the controller still works; it then forgets at a restart what it gave to whom. */
  async function loadState(signal: AbortSignal): Promise<void> {
    try {
      await state.load(signal);
    } catch (error) {
      if (signal.aborted) return;
      state.forget();
      log.warn(`cannot keep state in Secret ${namespace}/${STATE_NAME}: ${messageOf(error)}. Cache proxies are given their login again at each restart.`);
    }
  }

  const server = await startServer({
    address: options.address,
    livez: () => watches.stuck(),
    readyz: () => watches.problems(),
    metrics: () => {
      metrics.leader.set(leading ? 1 : 0);
      for (const { source, key, state: now } of preflight.standings()) {
        for (const verdict of ['accepted', 'refused', 'unknown']) metrics.credentialVerified.set({ source, registry: key, state: verdict }, now === verdict ? 1 : 0);
      }
      publishStandings(configuration.sources.map(({ name }) => name), leading ? controller.standings().values() : [], metrics);
      return metrics.expose();
    },
    contentType: metrics.contentType,
  });
  options.onListening?.(server.url);

  const controller = createController({
    queue, events, rotations, log,
    proxy: (name, fence) => proxies.handle(name, fence),
    observe: (name) => observeNamespace(world, name, book.observe(name), configuration.retiredCopyNames),
    applier: createApplier({ client, world, content: (source, digest) => book.content(source, digest) }),
    onReconciled: (result, seconds) => metrics.reconcileDuration.observe({ kind: 'namespace', result }, seconds),
  });

  /** One term as the leader. `fence` aborts when another may lead: from then on nothing is written. */
  async function lead(fence: AbortSignal): Promise<void> {
    // Another replica may have led meanwhile: what it remembered counts.
    await loadState(fence);
    leading = true;
    forgetUnknown();
    lookAtSources();
    for (const { config, digest } of book.observe()) if (digest !== undefined) rotations.begin(config.name, digest, carriers(config.name), true);
    remindOfSources(book.observe(), events);
    triggers.everything();
    await controller.run({ concurrency: options.concurrency, signal: AbortSignal.any([fence, stop]), fence });
    leading = false;
    rotations.clear();
  }

  try {
    log.info({ server: client.server, sources: configuration.sources.map(({ name }) => name) }, 'starting');
    await checkRights();
    await loadState(stop);
    for (const resource of ['namespaces', 'serviceaccounts', 'copies', 'sources', 'proxies'] as const) metrics.observeWatch(resource, () => Date.now() - watches.silentForMs(resource));
    metrics.configReloadSuccess.set(1);
    metrics.configReloadTimestamp.set(Date.now() / 1000);
    await configure(configuration);
    await watches.settled(stop);
    if (options.configurationFile !== undefined) {
      followConfiguration({
        file: options.configurationFile, running: configuration, intervalMs: timings.configurationMs ?? 5_000, signal: stop, log, metrics,
        take: async (next) => {
          await configure(next);
          await checkRights();
        },
      });
    }
    if (!stop.aborted) log.info({ namespaces: world.namespaces.size, serviceAccounts: world.serviceAccounts.size }, 'in step with the API server');

    if (!options.leaderElection) {
      await lead(new AbortController().signal);
    } else if (!stop.aborted) {
      // The Lease is kept until the writes in flight are done: only then may the other replica begin.
      const campaign = new AbortController();
      const elector = createLeaderElector({
        client, namespace, name: LEASE_NAME, identity, log,
        onStartedLeading: lead,
        onStoppedLeading: () => metrics.leader.set(0),
        ...(timings.election && { timings: timings.election }),
      });
      const running = elector.run(campaign.signal);
      await aborted(stop);
      await within(timings.drainMs ?? DRAIN_MS, queue.shutdown());
      campaign.abort();
      await running;
    }
  } finally {
    schedules.stop();
    preflight.stop();
    canary.stop();
    await within(timings.drainMs ?? DRAIN_MS, queue.shutdown());
    await within(timings.eventsMs ?? EVENTS_MS, events.flush());
    events.stop();
    await watches.stop();
    await server.close();
    log.info('stopped');
  }
}

/** Waits for `work`, but not longer than `ms`, and leaves no timer behind that would keep the process alive. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const done = new AbortController();
  await Promise.race([work.finally(() => done.abort()).catch(() => undefined), sleep(ms, done.signal)]);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
