/** Starts and stops the reflectors that the configuration in force needs, and reports their state. */
import type { Configuration, SourceConfig } from '../config/schema.ts';
import type { KubeClient } from '../kube/client.ts';
import { startReflector } from '../kube/reflector.ts';
import type { Reflector, ReflectorTimings } from '../kube/reflector.ts';
import { sleep } from '../async/sleep.ts';
import type { Log } from '../log.ts';
import { feedsOf } from '../observe/world.ts';
import { isSourceRead } from '../observe/feed-ids.ts';
import type { Feed, World } from '../observe/world.ts';
import type { FeedStates } from '../observe/feed-ids.ts';
import type { Metrics } from '../server/metrics.ts';

interface WatchesOptions {
  client: KubeClient;
  world: World;
  log: Log;
  metrics: Pick<Metrics, 'watchRestarts'>;
  timings?: Partial<ReflectorTimings> | undefined;
}

interface FeedListener {
  /** Called before a feed starts: attach triggers to its store. */
  onStart: (feed: Feed) => void;
  /** Called when a feed has its first complete list. */
  onSynced: (feed: Feed) => void;
}

export interface Watches extends FeedStates {
  /** Starts the feeds that are new, stops those no longer needed, and leaves the others running. */
  configure(configuration: Configuration, targets: readonly Feed[], listener: FeedListener): Promise<void>;
  /**
   * Resolves when each feed is synced or has a problem. Namespaces and ServiceAccounts must be synced, but for listed namespaces
   * that may not be read.
   */
  settled(signal: AbortSignal): Promise<void>;
  /** Whether the feeds of a source's Secrets and of its copies are synced. */
  isRead(source: SourceConfig): boolean;
  /** Ids of the synced feeds. */
  synced(): readonly string[];
  /** Whether a feed is synced that is not one of these. */
  hasOthers(known: ReadonlySet<string>): boolean;
  /** The feeds of the cluster itself that are not synced, and why. */
  unread(): Map<Feed, string>;
  /** What is wrong with a feed, by its id. */
  problemOf(id: string): string | undefined;
  /**
   * Why this replica is not ready, one line each: a feed that was not read yet, or a problem of an essential feed. A missing
   * right for one source or cache proxy is reported in the log and the metrics, and does not block the rest.
   */
  problems(): string[];
  /** Feeds that only a restart of the process can repair. */
  stuck(): string[];
  /** The longest silence of all feeds of a resource, in milliseconds. */
  silentForMs(resource: Feed['resource']): number;
  stop(): Promise<void>;
}

/** Without these feeds nothing can be planned. */
const ESSENTIAL: readonly Feed['resource'][] = ['namespaces', 'serviceaccounts'];

/** What an audit reads by itself, or does not need. */
const OF_OTHERS: readonly Feed['resource'][] = ['proxies', 'pods'];

interface Running {
  readonly feed: Feed;
  readonly reflector: Reflector;
}

/** A listed namespace that may not be read, maybe because it does not exist, is its own trouble only. */
const isLeftOut = ({ feed, reflector }: Running): boolean => feed.listed !== undefined && reflector.isRefused;
const isEssential = (each: Running): boolean => ESSENTIAL.includes(each.feed.resource) && !isLeftOut(each);

export function createWatches({ client, world, log, metrics, timings }: WatchesOptions): Watches {
  const running = new Map<string, Running>();
  const onRestart = (resource: string): void => metrics.watchRestarts.inc({ resource });
  let configured = false;
  const isSynced = (id: string): boolean => running.get(id)?.reflector.isSynced === true;
  const isRefused = (id: string): boolean => running.get(id)?.reflector.isRefused === true;

  /** Of a list, one namespace must be there. */
  function allLeftOut(): string[] {
    const accounts = [...running.values()].filter(({ feed }) => feed.resource === 'serviceaccounts');
    const [first] = accounts;
    if (first === undefined || !accounts.every(isLeftOut)) return [];
    return [`none of the ${accounts.length} namespaces listed may be read: ${first.reflector.problem ?? ''}`];
  }

  return {
    async configure(configuration, targets, { onStart, onSynced }) {
      const feeds = [...feedsOf(world, configuration), ...targets];
      const wanted = new Set(feeds.map(({ id }) => id));
      const old = [...running].filter(([id]) => !wanted.has(id));
      for (const [id] of old) running.delete(id);
      for (const feed of feeds) {
        if (running.has(feed.id)) continue;
        onStart(feed);
        const reflector = startReflector({ client, log, onRestart, ...feed, ...(timings && { timings }) });
        running.set(feed.id, { feed, reflector });
        void reflector.synced.then(() => onSynced(feed));
      }
      configured = true;
      await Promise.all(old.map(([, { reflector }]) => reflector.stop()));
    },
    async settled(signal) {
      for (let waitedMs = 0; !signal.aborted; waitedMs += 50) {
        const open = [...running].filter(
          ([, each]) => !each.reflector.isSynced && (isEssential(each) || each.reflector.problem === undefined),
        );
        if (open.length === 0) return;
        if (waitedMs > 0 && waitedMs % 30_000 === 0)
          log.warn(`still waiting for the first answer about: ${open.map(([id]) => id).join(', ')}`);
        await Promise.race([Promise.all(open.map(([, { reflector }]) => reflector.synced)), sleep(50, signal)]);
      }
    },
    isSynced,
    isRefused,
    synced: () => [...running.keys()].filter(isSynced),
    hasOthers(known) {
      let found = false;
      running.forEach(({ reflector }, id) => (found ||= reflector.isSynced && !known.has(id)));
      return found;
    },
    unread: () =>
      new Map(
        [...running.values()]
          .filter(({ feed, reflector }) => !OF_OTHERS.includes(feed.resource) && !reflector.isSynced)
          .map(({ feed, reflector }) => [feed, reflector.problem ?? 'not read yet']),
      ),
    problemOf: (id) => running.get(id)?.reflector.problem,
    isRead: (source) => isSourceRead(world, source, { isSynced, isRefused }),
    problems: () => [
      ...(configured ? [] : ['nothing was read yet']),
      ...allLeftOut(),
      ...[...running].flatMap(([id, each]) => {
        const { problem, isSynced: isRead } = each.reflector;
        if (problem !== undefined) return isEssential(each) ? [`${id}: ${problem}`] : [];
        return isRead ? [] : [`${id}: not read yet`];
      }),
    ],
    stuck: () =>
      [...running].flatMap(([id, { reflector }]) => (reflector.isStuck() ? [`${id}: the watch is stuck`] : [])),
    silentForMs: (resource) =>
      Math.max(
        0,
        ...[...running.values()]
          .filter((each) => each.feed.resource === resource && !isLeftOut(each))
          .map(({ reflector }) => reflector.silentForMs()),
      ),
    async stop() {
      await Promise.all([...running.values()].map(({ reflector }) => reflector.stop()));
      running.clear();
    },
  };
}
