/** The cache proxies of the configuration in force: their watches, what is known of each, and when each is reconciled again. */
import type { Configuration, SourceConfig } from '../config/schema.ts';
import type { ApiObject } from '../kube/list.ts';
import { createStore } from '../kube/store.ts';
import type { Store, Stored } from '../kube/store.ts';
import type { Feed } from '../observe/world.ts';
import type { State } from '../observe/state.ts';
import { otherWriter } from '../plan/writer.ts';
import type { Target, Verdict } from '../proxies/adapter.ts';
import { createProxies } from '../proxies/kinds.ts';
import type { ConfiguredProxy } from '../proxies/kinds.ts';
import { createConsumers } from '../reconcile/consumers.ts';
import type { Consumers, ConsumersOptions } from '../reconcile/consumers.ts';
import { chooseLogin } from '../plan/proxy.ts';
import { carries, loginMac, NOTHING_DONE, reconcileProxy } from '../reconcile/proxy.ts';
import type { ProxyDeps, ProxyOutcome } from '../reconcile/proxy.ts';
import { retryUnwatched } from '../retry.ts';
import type { Retry } from '../retry.ts';
import type { Metrics } from '../server/metrics.ts';
import type { Leaving } from './leaving.ts';
import { lookAgain } from './proxy-again.ts';
import type { ProxyChecks } from './proxy-again.ts';
import { createProxyContests } from './proxy-contests.ts';
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
  /** Namespace of the controller. */
  instance: string;
  isSynced: (feed: string) => boolean;
  /** Why a feed cannot be read; undefined: nothing is wrong. */
  feedProblem: (feed: string) => string | undefined;
  metrics: ProxyTellers['metrics'] & Pick<Metrics, 'reconcileDuration' | 'contestedObjects'>;
  leaving: Leaving;
  /** The standing of each cache proxy by name: written here, read by other parts. */
  standings: Map<string, ProxyStanding>;
  /** Called when a cache proxy needs the login before no longer. */
  onDone: (source: string, name: string) => void;
}

interface Fingerprint extends Stored {
  /** Computed on demand: until then both the configured target and the key of the MACs can change. */
  readonly fingerprint: (target: Target) => string;
  /** Who else wrote it, in words. */
  readonly other: () => string | undefined;
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
    /** The problem that was logged last. */
    told?: string | undefined;
  } & ProxyChecks;
}

/** How many "not yet" in a row are no problem: a few seconds. */
const PATIENCE = 3;

export function createProxyController({
  instance,
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
  const contests = createProxyContests({ metrics, now });
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
      other: () => otherWriter(object.metadata, '', [['data']]),
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

  const choiceOf = ({ config: { name, source, registry } }: ConfiguredProxy) =>
    chooseLogin(deps.credentials(source, name) ?? [], registry);

  /** What a write is to achieve: another login, or none. */
  function intentOf(proxy: ConfiguredProxy): string {
    const choice = choiceOf(proxy);
    return JSON.stringify([consumers.isGoing(proxy), choice.ok && loginMac({ state, proxy, login: choice.login })]);
  }

  /** Whether its objects have the login that it is to have, so that nothing is to be written. */
  function isCarried({ proxy, watched }: Entry): boolean {
    const choice = choiceOf(proxy);
    const now = fingerprints(watched);
    return choice.ok && now !== undefined && carries(proxy, choice.login, now, state.mac) === true;
  }

  function settle({ proxy, source, known }: Entry, outcome: ProxyOutcome): void {
    const { name } = proxy.config;
    standings.set(name, { name, source: source.name, applied: outcome.applied, verified: outcome.verified });
    known.told = news.tell(proxy, source, outcome, known.told);
  }

  async function handle(name: string, fence: AbortSignal): Promise<Retry> {
    const entry = entries.get(name);
    if (entry === undefined) return 'done';
    const { proxy, source, watched, known } = entry;
    const intent = intentOf(proxy);
    const pauseMs = isCarried(entry) ? 0 : contests.pauseMs(name, intent, watched);
    if (pauseMs > 0) {
      settle(entry, contests.judge(name, NOTHING_DONE));
      return { afterMs: pauseMs };
    }
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
    if (watched.length > 0 && (outcome.changed || outcome.withdrawn === true)) contests.wrote(name, intent);
    settle(entry, contests.judge(name, outcome));
    if (outcome.done) onDone(source.name, name);
    if (outcome.error !== undefined) {
      if (verifyDue) known.verifyAt = now();
      return retryUnwatched(outcome.error);
    }
    return lookAgain(known, outcome, now());
  }

  return {
    configure(configuration) {
      const before = entries;
      entries = new Map(
        createProxies(configuration, instance).flatMap((proxy): [string, Entry][] => {
          const { name } = proxy.config;
          const old = before.get(name);
          const source = configuration.sources.find((each) => each.name === proxy.config.source);
          if (source === undefined) return [];
          const fresh = { notYet: 0, failedPulls: 0 };
          const known = old?.source.name === source.name ? old.known : fresh;
          return [[name, { proxy, source, known, watched: watch(proxy, old) }]];
        }),
      );
      leaving.configure(proxiesOf(before), proxiesOf(entries));
      for (const [name, { source }] of before) {
        if (entries.get(name)?.source.name === source.name) continue;
        standings.delete(name);
        contests.forget(name);
        news.forget(name, source.name);
      }
      return [...entries].flatMap(([name, { watched }]) => watched.map((each) => feedOf(name, each)));
    },
    removeCopy: consumers.removeCopy,
    naming: (namespace) =>
      [...entries].filter(([, { proxy }]) => proxy.adapter.consumer?.namespace === namespace).map(([name]) => name),
    namespaceOf: (name) => entries.get(name)?.proxy.adapter.consumer?.namespace,
    async handle(name, fence) {
      const retry = contests.again(name, await handle(name, fence));
      // Last: the cache proxy that now owns this field of the object goes first.
      const left = await leaving.handle(name, consumers, fence);
      return retry === 'done' ? left : retry;
    },
    verifyAgain() {
      for (const { known } of entries.values()) known.verifyAt = now();
    },
  };
}
