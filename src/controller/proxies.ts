/** The cache proxies of the configuration in force: their watches, their standing, and what is told of them. */
import type { Configuration, SourceConfig } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import type { EventRecorder } from '../kube/events.ts';
import type { ApiObject } from '../kube/list.ts';
import { createStore } from '../kube/store.ts';
import type { Store, Stored } from '../kube/store.ts';
import type { Log } from '../log.ts';
import { createProxies } from '../proxies/kinds.ts';
import type { ConfiguredProxy } from '../proxies/kinds.ts';
import type { Target, Verdict } from '../proxies/adapter.ts';
import { reconcileProxy } from '../reconcile/proxy.ts';
import type { ProxyDeps, ProxyOutcome } from '../reconcile/proxy.ts';
import { createConsumers } from '../reconcile/consumers.ts';
import type { Consumers, ConsumersOptions } from '../reconcile/consumers.ts';
import type { State } from '../observe/state.ts';
import type { Feed } from '../observe/world.ts';
import type { Metrics } from '../server/metrics.ts';
import { outcomeOfError } from './outcome.ts';
import { createLeaving } from './leaving.ts';
import { createPace } from './pace.ts';
import type { Outcome } from './outcome.ts';
import type { ProxyNames } from './triggers.ts';

export interface ProxyStanding {
  readonly name: string;
  readonly source: string;
  readonly applied: boolean;
  readonly verified: Verdict;
}

export interface Proxies extends ProxyNames, Pick<Consumers, 'removeCopy'> {
  /** Takes a configuration in force and returns what has to be watched for it. */
  configure(configuration: Configuration): Feed[];
  names(): string[];
  /** Names of those that are given the login of `source`. */
  of(source: string): string[];
  handle(name: string, fence: AbortSignal): Promise<Outcome>;
  /** From now on each is verified once more, as its key comes up. */
  verifyAgain(): void;
  standings(): readonly ProxyStanding[];
}

export interface ProxiesOptions
  extends Omit<ProxyDeps, 'fingerprints' | 'consumers'>, Pick<ConsumersOptions, 'isGoing'> {
  state: State;
  isSynced: (feed: string) => boolean;
  /** What keeps a feed from being read, or undefined. */
  feedProblem: (feed: string) => string | undefined;
  log: Log;
  events: Pick<EventRecorder, 'record' | 'resolve'>;
  metrics: Pick<Metrics, 'proxyApplied' | 'proxyVerified' | 'reconcileDuration'>;
  /** It carries the login that the source has now. */
  onApplied: (source: string, name: string) => void;
}

interface Fingerprint extends Stored {
  /** Made when it is asked for, for the target as it is configured then: the key of the macs can be another one by then, too. */
  readonly fingerprint: (target: Target) => string;
}
interface Entry {
  readonly proxy: ConfiguredProxy;
  readonly source: SourceConfig;
  readonly targets: {
    readonly feed: string;
    readonly store: Store<Fingerprint>;
    readonly namespace: string;
    readonly name: string;
  }[];
}

const LONGEST_PAUSE_MS = 15 * 60_000;
/** How often in a row something may be "not there yet" without a word: some seconds. */
const PATIENCE = 3;

export function createProxyController({
  isGoing,
  isSynced,
  feedProblem,
  log,
  events,
  metrics,
  onApplied,
  ...deps
}: ProxiesOptions): Proxies {
  const { state } = deps;
  let entries = new Map<string, Entry>();
  const standings = new Map<string, ProxyStanding>();
  const reported = new Map<string, string>();
  /** When each is to be verified again, in milliseconds since 1970. */
  const due = new Map<string, number>();
  const notYet = new Map<string, number>();
  /** How often in a row a cache proxy's pull failed: each look can be a login upstream, so they become rarer. */
  const failedPulls = new Map<string, number>();
  const pace = createPace(deps.now);
  const consumers = createConsumers({
    isGoing,
    context: deps.context,
    proxies: () => [...configured(entries), ...leaving.all()],
  });
  const leaving = createLeaving({ consumers, log });

  function fingerprints(proxy: ConfiguredProxy): string[] | undefined {
    const targets = entries.get(proxy.config.name)?.targets ?? [];
    if (!targets.every(({ feed }) => isSynced(feed))) return undefined;
    return proxy.adapter.targets.map((target, i) => {
      const at = targets[i];
      return (
        (at && at.store.get(at.namespace, at.name)?.fingerprint(target)) ?? target.fingerprint(undefined, state.mac)
      );
    });
  }

  /** What is merely not there yet becomes a problem when it lasts, and is looked at again all the same. */
  function patient(name: string, { targets }: Entry, outcome: ProxyOutcome): ProxyOutcome {
    const times = outcome.notYet === undefined ? 0 : (notYet.get(name) ?? 0) + 1;
    notYet.set(name, times);
    if (outcome.notYet === undefined) return outcome;
    const unread = targets.flatMap(({ feed }) => feedProblem(feed) ?? []);
    const againMs = Math.min(LONGEST_PAUSE_MS, 1_000 * 2 ** Math.min(times, 10));
    return times <= PATIENCE
      ? { ...outcome, againMs }
      : {
          ...outcome,
          againMs,
          problem: {
            reason: 'ProxyNotApplied',
            note: unread.length > 0 ? `what it was given before cannot be read: ${unread.join('; ')}` : outcome.notYet,
          },
        };
  }

  function tell({ proxy: { config, adapter }, source }: Entry, outcome: ProxyOutcome): void {
    const about = { proxy: config.name, kind: config.kind, source: source.name };
    const regarding = {
      apiVersion: 'v1',
      kind: 'Secret',
      namespace: source.secret.namespace,
      name: source.secret.name,
    };
    if (outcome.changed) log.info(about, `cache proxy ${config.name}: login forwarded`);
    if (outcome.withdrawn === true)
      log.info(about, `cache proxy ${config.name}: ${adapter.consumer?.object} names its copy no longer`);
    const before = reported.get(config.name);
    const { problem } = outcome;
    if (problem === undefined) {
      reported.delete(config.name);
      if (before !== undefined)
        for (const reason of ['ProxyNotApplied', 'ProxyLoginRefused', 'ProxyNotVerified'] as const)
          events.resolve(regarding, reason);
      if (before !== undefined && outcome.applied)
        log.info(
          about,
          `cache proxy ${config.name}: ${outcome.verified.state === 'verified' ? 'applied and verified' : 'applied'}`,
        );
    } else {
      const note = `Cache proxy ${config.name}: ${problem.note}`;
      events.record({ regarding, type: 'Warning', reason: problem.reason, action: 'Forward', note });
      if (before !== note) log.warn({ ...about, reason: problem.reason }, note);
      reported.set(config.name, note);
    }
    if (outcome.error !== undefined && problem === undefined)
      log.warn(about, `cache proxy ${config.name}: ${messageOf(outcome.error)}`);
  }

  function publish(standing: ProxyStanding): void {
    standings.set(standing.name, standing);
    metrics.proxyApplied.set({ proxy: standing.name, source: standing.source }, standing.applied ? 1 : 0);
    for (const verdict of ['verified', 'refused', 'unknown'] as const) {
      metrics.proxyVerified.set(
        { proxy: standing.name, source: standing.source, state: verdict },
        standing.verified.state === verdict ? 1 : 0,
      );
    }
  }

  return {
    configure(configuration) {
      const before = entries;
      entries = new Map();
      const feeds: Feed[] = [];
      for (const proxy of createProxies(configuration)) {
        const source = configuration.sources.find(({ name }) => name === proxy.config.source);
        if (source === undefined) continue;
        const targets = proxy.adapter.targets.map((target) => {
          // The place is in the id: a proxy that now watches something else gets a watch of its own.
          const feed = `proxy/${proxy.config.name}${target.path}/${target.name}`;
          const store =
            before.get(proxy.config.name)?.targets.find((old) => old.feed === feed)?.store ??
            createStore<Fingerprint>();
          const project = (object: ApiObject): Fingerprint => ({
            namespace: object.metadata.namespace ?? '',
            name: object.metadata.name,
            uid: object.metadata.uid ?? '',
            resourceVersion: object.metadata.resourceVersion ?? '',
            fingerprint: (now) => now.fingerprint(object, state.mac),
          });
          feeds.push({
            id: feed,
            resource: 'proxies',
            owner: proxy.config.name,
            selector: { path: target.path, fieldSelector: `metadata.name=${target.name}` },
            project: project,
            store: store,
          });
          return { feed, store, namespace: /\/namespaces\/([^/]+)\//.exec(target.path)?.[1] ?? '', name: target.name };
        });
        entries.set(proxy.config.name, { proxy, source, targets });
      }
      leaving.configure(configured(before), configured(entries));
      for (const [name, { source }] of before) {
        if (entries.get(name)?.source.name === source.name) continue;
        standings.delete(name);
        for (const memory of [reported, due, failedPulls, notYet]) memory.delete(name);
        pace.forget(name);
        metrics.proxyApplied.remove({ proxy: name, source: source.name });
        for (const verdict of ['verified', 'refused', 'unknown'])
          metrics.proxyVerified.remove({ proxy: name, source: source.name, state: verdict });
      }
      return feeds;
    },
    names: () => [...new Set([...entries.keys(), ...[...leaving.all()].map(({ config }) => config.name)])],
    removeCopy: consumers.removeCopy,
    naming: (namespace) =>
      [...entries.values()]
        .filter(({ proxy }) => proxy.adapter.consumer?.namespace === namespace)
        .map(({ proxy }) => proxy.config.name),
    namespaceOf: (name) => entries.get(name)?.proxy.adapter.consumer?.namespace,
    of: (source) =>
      [...entries.values()].filter((entry) => entry.source.name === source).map(({ proxy }) => proxy.config.name),
    async handle(name, fence) {
      const outcome = await handleConfigured(name, fence);
      // Last: who has its place in the object by now comes first.
      const left = await leaving.handle(name, fence);
      return outcome.then === 'done' ? left : outcome;
    },
    verifyAgain() {
      for (const name of entries.keys()) due.set(name, deps.now());
    },
    standings: () => [...standings.values()],
  };

  async function handleConfigured(name: string, fence: AbortSignal): Promise<Outcome> {
    const entry = entries.get(name);
    if (entry === undefined) return { then: 'done' };
    const pauseMs = pace.pauseMs(name);
    if (pauseMs > 0) return { then: 'wait', afterMs: pauseMs };
    const startedAt = performance.now();
    const verifyDue = (due.get(name) ?? Infinity) <= deps.now();
    if (verifyDue) due.delete(name);
    const outcome = patient(
      name,
      entry,
      await reconcileProxy(entry.proxy, { ...deps, consumers, fingerprints }, verifyDue, fence),
    );
    metrics.reconcileDuration.observe(
      { kind: 'proxy', result: outcome.error !== undefined ? 'failed' : outcome.changed ? 'changed' : 'in-sync' },
      (performance.now() - startedAt) / 1000,
    );
    // Not leading any more: what failed for that reason says nothing.
    if (fence.aborted) return { then: 'done' };
    // What is pointed somewhere may be pointed back by somebody else, at each of our writes.
    if (entry.proxy.adapter.consumer !== undefined && (outcome.changed || outcome.withdrawn === true)) pace.wrote(name);
    publish({ name, source: entry.source.name, applied: outcome.applied, verified: outcome.verified });
    tell(entry, outcome);
    if (outcome.applied) onApplied(entry.source.name, name);
    if (outcome.error !== undefined) {
      if (verifyDue) due.set(name, deps.now());
      const then = outcomeOfError(outcome.error);
      return then.then === 'refused' ? { then: 'retry' } : then;
    }
    if (outcome.changed) for (const memory of [due, failedPulls]) memory.delete(name);
    if (outcome.verifyAgainMs !== undefined) {
      const left = (due.get(name) ?? 0) - deps.now();
      // Woken before its time, by an event of its workload for instance: that was no look, and is no reason for one.
      if (left > 0) return { then: 'wait', afterMs: left };
      const times = failedPulls.get(name) ?? 0;
      failedPulls.set(name, times + 1);
      const afterMs = Math.min(LONGEST_PAUSE_MS, outcome.verifyAgainMs * 2 ** Math.min(times, 12));
      due.set(name, deps.now() + afterMs);
      return { then: 'wait', afterMs };
    }
    failedPulls.delete(name);
    return outcome.againMs === undefined ? { then: 'done' } : { then: 'wait', afterMs: outcome.againMs };
  }
}

const configured = (entries: ReadonlyMap<string, Entry>): ConfiguredProxy[] =>
  [...entries.values()].map(({ proxy }) => proxy);
