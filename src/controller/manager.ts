/** Runs the controller: starts its parts in order, puts configurations in force, leads for a term, and stops. */
import { monotonic, wall } from '../clock.ts';
import { sleep, within } from '../async/sleep.ts';
import { during, isOver } from '../async/term.ts';
import type { Configuration } from '../config/schema.ts';
import { messageOf, UserError } from '../errors.ts';
import { beyondTheList } from '../proxies/kinds.ts';
import { createAccess, secured } from '../server/access.ts';
import { followConfiguration, warnOfLeftCopies } from './follow.ts';
import { leadInTurn } from './leading.ts';
import type { ManagerOptions } from './manager-options.ts';
import { createParts } from './parts.ts';
import type { Parts } from './parts.ts';
import { createReportPage } from './report-page.ts';
import { startServing } from './serving.ts';

/** How long writes in flight may take after SIGTERM, in milliseconds. The manifests allow 30 s for the whole shutdown. */
const DRAIN_MS = 20_000;
/** How long after the start of its term a leader first audits, whatever the schedule: its metrics are then up to date. */
const FIRST_AUDIT_MS = 60_000;
/** How long Events may take after the writes. At most ten a second are written, so some may be lost. */
const EVENTS_MS = 2_000;
const CONFIGURATION_MS = 5_000;

/**
 * Runs until `asked` aborts; then finishes writes in flight, releases the Lease and returns.
 *
 * @throws UserError after the same clean end, if this program must not run here: the API server is too old, or the state is of a newer program.
 */
export async function runManager(options: ManagerOptions, asked: AbortSignal): Promise<void> {
  const { client, log, metrics, timings = {} } = options;
  const halted = new AbortController();
  const stop = AbortSignal.any([asked, halted.signal]);
  const parts = createParts(options, stop, (why) => halted.abort(why));
  const {
    current,
    serverVersion,
    memory,
    world,
    watches,
    queue,
    pause,
    events,
    tenantLog,
    sources,
    rights,
    schedules,
  } = parts;
  const drain = (): Promise<void> => within(timings.drainMs ?? DRAIN_MS, queue.shutdown());

  // The server comes first: it must answer probes before anything is read.
  const server = await serve(options, parts);
  options.onListening?.(server.url);
  try {
    log.info(
      {
        server: client.server,
        sources: current.configuration.sources.map(({ name }) => name),
        ...(options.namespaces && { namespaces: options.namespaces }),
      },
      'starting',
    );
    pause.set(current.configuration.paused);
    await Promise.all([serverVersion.check(), rights.check(current.configuration)]);
    await memory.load(pause.on, stop);
    for (const resource of ['namespaces', 'serviceaccounts', 'copies', 'sources', 'proxies'] as const)
      metrics.observeWatch(resource, () => watches.silentForMs(resource));
    metrics.observeRunning(queue.running);
    metrics.configReloadSuccessful.set(1);
    metrics.configReloadTimestamp.set(wall() / 1000);
    await configure(current.configuration, options, parts);
    await watches.settled(stop);
    followConfiguration({
      file: options.configurationFile,
      running: current.configuration,
      intervalMs: timings.configurationMs ?? CONFIGURATION_MS,
      signal: stop,
      log,
      metrics,
      refuse(next) {
        const [first] = beyondTheList(next, options);
        if (first !== undefined) throw new UserError(`--namespaces: ${first}`);
      },
      take: (next) => configure(next, options, parts).then(() => rights.check(current.configuration)),
    });
    if (!stop.aborted)
      log.info(
        { namespaces: world.namespaces.size, serviceAccounts: world.serviceAccounts.size },
        'in step with the API server',
      );
    await leadInTurn(
      {
        client,
        log,
        namespace: options.namespace,
        identity: options.identity,
        election: options.leaderElection,
        timings: timings.election,
        lead: (fence) => lead(fence, stop, options, parts),
        drain,
      },
      stop,
    );
  } finally {
    schedules.stop();
    sources.stop();
    await drain();
    await within(timings.eventsMs ?? EVENTS_MS, events.flush());
    events.stop();
    await watches.stop();
    await server.close();
    tenantLog.stop();
    log.info('stopped');
  }
  if (halted.signal.aborted) throw halted.signal.reason;
}

/** Puts a configuration in force: the first one, and each later one. */
async function configure(next: Configuration, { log, metrics }: ManagerOptions, parts: Parts): Promise<void> {
  const { current, state, watches, pause, pods, rotations, sources, brake, healing, proxies, schedules, triggers } =
    parts;
  pause.set(next.paused);
  const names = new Set(next.sources.map(({ name }) => name));
  // In this order, because giving up a rotation sets a metric of its source, which must then be removed.
  rotations.clear(names);
  for (const { name } of current.configuration.sources) if (!names.has(name)) metrics.forgetSource(name);
  warnOfLeftCopies(current.configuration, next, log);
  current.configuration = next;
  sources.book.configure(next);
  if (current.leading) state.retain(next);
  const wake = {
    naming: proxies.naming,
    namespaceOf: proxies.namespaceOf,
    sourceChanged: sources.look,
    podsChanged: healing.touch,
  };
  await watches.configure(next, [...proxies.configure(next), ...pods.feeds(next)], {
    onStart: (feed) => triggers.watch(feed, wake),
    onSynced: () => {
      sources.look();
      triggers.everything();
    },
  });
  // After the first requests are on their way: the first look at a time zone takes as long as they do.
  schedules.configure(next);
  if (next.schedules.audit === undefined) metrics.forgetAudit();
  await pause.end();
  sources.look();
  brake.look();
  triggers.everything();
}

/** One term as the leader. `fence` aborts when another replica may lead: from then on nothing is written. */
async function lead(
  fence: AbortSignal,
  stop: AbortSignal,
  { log, metrics, concurrency, timings }: ManagerOptions,
  {
    current,
    state,
    serverVersion,
    memory,
    pause,
    rotations,
    sources,
    brake,
    healing,
    reconciler,
    audits,
    status,
    triggers,
    listed,
  }: Parts,
): Promise<void> {
  const term = AbortSignal.any([fence, stop]);
  await serverVersion.check();
  // Another replica may have led in between: load the state that it saved.
  await memory.load(pause.on, term);
  if (stop.aborted) return;
  current.leading = true;
  current.term = fence;
  brake.begin(term);
  // Not at once: it would report copies as missing that are just being written.
  void sleep(timings?.firstAuditMs ?? FIRST_AUDIT_MS, term).then(() => audits.scheduled());
  state.retain(current.configuration);
  listed.takeOver();
  sources.takeOver();
  triggers.everything();
  const unexpected = (error: unknown): void => log.error({ err: error }, `unexpected: ${messageOf(error)}`);
  status.run(term).catch(unexpected);
  const healed = healing.run(during(fence, stop)).catch(unexpected);
  await reconciler.run({ concurrency, signal: term, fence });
  await healed;
  current.leading = false;
  rotations.clear();
  metrics.stopLeading();
}

/** Starts the HTTP server for health, metrics and the report. */
function serve(
  { client, log, metrics, address, version, secureReport, timings }: ManagerOptions,
  { configuration, current, memory, watches, sources, reconciler, audits }: Parts,
): ReturnType<typeof startServing> {
  const problems = (): string[] => {
    const trouble = memory.trouble();
    return trouble === undefined ? watches.problems() : [trouble, ...watches.problems()];
  };
  const page = createReportPage({
    audits,
    enabled: () => configuration().schedules.audit !== undefined,
    problems,
    version,
    maxAgeMs: timings?.reportAgeMs,
  });
  return startServing({
    address,
    metrics,
    livez: watches.stuck,
    readyz: problems,
    sources,
    configuration,
    // A replica that was stopped and goes on knows by the clock that its term is over, before anything else tells it.
    leading: () => current.leading && !isOver(current.term),
    standings: () => reconciler.standings().values(),
    report:
      secureReport === true ? secured(page, createAccess({ client, path: '/report', now: monotonic, log })) : page,
  });
}
