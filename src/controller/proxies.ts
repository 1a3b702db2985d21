/** The cache proxies of the configuration in force: their watches, what is known of each, and when each is reconciled again. */
import type { Configuration, SourceConfig } from '../config/schema.ts';
import type { ApiObject } from '../kube/list.ts';
import { createStore } from '../kube/store.ts';
import type { Store, Stored } from '../kube/store.ts';
import type { Feed } from '../observe/world.ts';
import type { State } from '../observe/state.ts';
import type { Target, Verdict } from '../proxies/adapter.ts';
import { createProxies } from '../proxies/kinds.ts';
import type { ConfiguredProxy } from '../proxies/kinds.ts';
import { createConsumers } from '../reconcile/consumers.ts';
import type { Consumers, ConsumersOptions } from '../reconcile/consumers.ts';
import { reconcileProxy } from '../reconcile/proxy.ts';
import type { ProxyDeps, ProxyOutcome } from '../reconcile/proxy.ts';
import { delayMs, retryUnwatched } from '../retry.ts';
import type { Retry } from '../retry.ts';
import type { Metrics } from '../server/metrics.ts';
import type { Leaving } from './leaving.ts';
import { createPace } from './pace.ts';
import type { Pace } from './pace.ts';
import { createProxyNews } from './proxy-news.ts';
import type { ProxyTellers } from './proxy-news.ts';
import type { Wake } from './triggers.ts';

export interface ProxyStanding {
  readonly name: string;
  readonly source: string;
  readonly applied: boolean;
  readonly verified: Verdict;
}

interface Proxies extends Pick<Wake, 'naming' | 'namespaceOf'>, Pick<Consumers, 'removeCopy'> {
  /** Puts a configuration in force, and returns the feeds to watch for it. */
  configure(configuration: Configuration): Feed[];
  handle(name: string, fence: AbortSignal): Promise<Retry>;
  /** Makes each cache proxy due for verification, at its next reconcile. */
  verifyAgain(): void;
}

interface ProxiesOptions
  extends Omit<ProxyDeps, 'fingerprints' | 'consumers'>, Pick<ConsumersOptions, 'isGoing'>, ProxyTellers {
  state: State;
  isSynced: (feed: string) => boolean;
  /** Why a feed cannot be read; undefined: nothing is wrong. */
  feedProblem: (feed: string) => string | undefined;
  metrics: ProxyTellers['metrics'] & Pick<Metrics, 'reconcileDuration'>;
  leaving: Leaving;
  /** The standing of each cache proxy by name: written here, read by other parts. */
  standings: Map<string, ProxyStanding>;
  /** Called when a cache proxy needs the login before no longer. */
  onDone: (source: string, name: string) => void;
}

interface Fingerprint extends Stored {
  /** Computed on demand: until then both the configured target and the key of the MACs can change. */
  readonly fingerprint: (target: Target) => string;
}

interface Watched {
  readonly feed: string;
  readonly store: Store<Fingerprint>;
  readonly target: Target;
}

/** A cache proxy, and what is known of it since it was configured for this source. */
interface Entry {
  readonly proxy: ConfiguredProxy;
  readonly source: SourceConfig;
  readonly watched: readonly Watched[];
  readonly known: {
    readonly pace: Pace;
    /** The problem that was logged last. */
    told?: string | undefined;
    /** When to verify it again, in milliseconds since 1970. */
    verifyAt?: number | undefined;
    /** How many reconciles in a row ended with "not yet". */
    notYet: number;
    /** How many verifications in a row ended with a refused or unknown pull. */
    failedPulls: number;
  };
}

/** How many "not yet" in a row are no problem: a few seconds. */
const PATIENCE = 3;

export function createProxyController({
  isGoing,
  isSynced,
  feedProblem,
  leaving,
  standings,
  onDone,
  log,
  events,
  metrics,
  ...deps
}: ProxiesOptions): Proxies {
  const { state, now } = deps;
  const news = createProxyNews({ log, events, metrics });
  let entries = new Map<string, Entry>();
  const proxiesOf = (all: ReadonlyMap<string, Entry>): ConfiguredProxy[] => [...all.values()].map(({ proxy }) => proxy);
  const consumers = createConsumers({
    isGoing,
    context: deps.context,
    proxies: () => [...proxiesOf(entries), ...leaving.all()],
  });

  /** Reuses the store of a feed that stays the same. */
  function watch(proxy: ConfiguredProxy, before: Entry | undefined): Watched[] {
    return proxy.adapter.targets.map((target) => {
      // The id contains the path: a cache proxy with another target gets a new watch.
      const feed = `proxy/${proxy.config.name}${target.path}/${target.name}`;
      return { feed, target, store: before?.watched.find((old) => old.feed === feed)?.store ?? createStore() };
    });
  }

  const feedOf = (owner: string, { feed: id, target, store }: Watched): Feed => ({
    id,
    resource: 'proxies',
    owner,
    selector: { path: target.path, fieldSelector: `metadata.name=${target.name}` },
    project: (object: ApiObject): Fingerprint => ({
      namespace: object.metadata.namespace ?? '',
      name: object.metadata.name,
      uid: object.metadata.uid ?? '',
      resourceVersion: object.metadata.resourceVersion ?? '',
      fingerprint: (now) => now.fingerprint(object, state.mac),
    }),
    store,
  });

  function fingerprints(watched: readonly Watched[]): string[] | undefined {
    if (!watched.every(({ feed }) => isSynced(feed))) return undefined;
    return watched.map(
      ({ target, store }) =>
        store.get(target.namespace, target.name)?.fingerprint(target) ?? target.fingerprint(undefined, state.mac),
    );
  }

  /** A "not yet" that lasts becomes a problem. */
  function patient({ watched, known }: Entry, outcome: ProxyOutcome): ProxyOutcome {
    if (outcome.waits?.for !== 'not yet') {
      known.notYet = 0;
      return outcome;
    }
    if (++known.notYet <= PATIENCE) return outcome;
    const unread = watched.flatMap(({ feed }) => feedProblem(feed) ?? []);
    const note =
      unread.length > 0 ? `what it was given before cannot be read: ${unread.join('; ')}` : outcome.waits.note;
    return { ...outcome, problem: { reason: 'ProxyNotApplied', note } };
  }

  async function handle(name: string, fence: AbortSignal): Promise<Retry> {
    const entry = entries.get(name);
    if (entry === undefined) return 'done';
    const { proxy, source, watched, known } = entry;
    const pauseMs = known.pace.pauseMs();
    if (pauseMs > 0) return { afterMs: pauseMs };
    const startedAt = performance.now();
    const verifyDue = (known.verifyAt ?? Infinity) <= now();
    if (verifyDue) known.verifyAt = undefined;
    const outcome = patient(
      entry,
      await reconcileProxy(proxy, { ...deps, consumers, fingerprints: () => fingerprints(watched) }, verifyDue, fence),
    );
    metrics.reconcileDuration.observe(
      { kind: 'proxy', result: outcome.error !== undefined ? 'failed' : outcome.changed ? 'changed' : 'in-sync' },
      (performance.now() - startedAt) / 1000,
    );
    // No longer the leader: the failure may come only from that. Or no longer configured like this: nothing is kept of it.
    if (fence.aborted || entries.get(name)?.known !== known) return 'done';
    // Another writer may revert each of our writes to the product's object.
    if (proxy.adapter.consumer !== undefined && (outcome.changed || outcome.withdrawn === true)) known.pace.wrote();
    standings.set(name, { name, source: source.name, applied: outcome.applied, verified: outcome.verified });
    known.told = news.tell(proxy, source, outcome, known.told);
    if (outcome.done) onDone(source.name, name);
    if (outcome.error !== undefined) {
      if (verifyDue) known.verifyAt = now();
      return retryUnwatched(outcome.error);
    }
    return lookAgain(known, outcome);
  }

  function lookAgain(known: Entry['known'], { changed, waits }: ProxyOutcome): Retry {
    if (changed) {
      known.verifyAt = undefined;
      known.failedPulls = 0;
    }
    if (waits?.for === 'pull unknown' || waits?.for === 'pull refused') {
      // An event, such as one of its workload, woke it early: that was no verification, so the rest of the delay stays.
      const left = (known.verifyAt ?? 0) - now();
      if (left > 0) return { afterMs: left };
      const afterMs = delayMs(waits.for, known.failedPulls++);
      known.verifyAt = now() + afterMs;
      return { afterMs };
    }
    known.failedPulls = 0;
    switch (waits?.for) {
      case undefined:
        return 'done';
      case 'not yet':
        return { afterMs: delayMs('not yet', known.notYet - 1) };
      case 'administrator refused':
        return { afterMs: delayMs('administrator refused') };
      case 'login refused':
      case 'settling':
        return { afterMs: Math.max(1_000, waits.untilMs - now()) };
    }
  }

  return {
    configure(configuration) {
      const before = entries;
      entries = new Map(
        createProxies(configuration).flatMap((proxy): [string, Entry][] => {
          const { name } = proxy.config;
          const old = before.get(name);
          const source = configuration.sources.find((each) => each.name === proxy.config.source);
          if (source === undefined) return [];
          const fresh = { pace: createPace(now), notYet: 0, failedPulls: 0 };
          const known = old?.source.name === source.name ? old.known : fresh;
          return [[name, { proxy, source, known, watched: watch(proxy, old) }]];
        }),
      );
      leaving.configure(proxiesOf(before), proxiesOf(entries));
      for (const [name, { source }] of before) {
        if (entries.get(name)?.source.name === source.name) continue;
        standings.delete(name);
        news.forget(name, source.name);
      }
      return [...entries].flatMap(([name, { watched }]) => watched.map((each) => feedOf(name, each)));
    },
    removeCopy: consumers.removeCopy,
    naming: (namespace) =>
      [...entries].filter(([, { proxy }]) => proxy.adapter.consumer?.namespace === namespace).map(([name]) => name),
    namespaceOf: (name) => entries.get(name)?.proxy.adapter.consumer?.namespace,
    async handle(name, fence) {
      const retry = await handle(name, fence);
      // Last: the cache proxy that now owns this field of the object goes first.
      const left = await leaving.handle(name, consumers, fence);
      return retry === 'done' ? left : retry;
    },
    verifyAgain() {
      for (const { known } of entries.values()) known.verifyAt = now();
    },
  };
}
