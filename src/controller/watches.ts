/** The reflectors of the configuration in force: started, stopped and asked after as the configuration changes. */
import type { Configuration, SourceConfig } from '../config/schema.ts';
import type { KubeClient } from '../kube/client.ts';
import { startReflector } from '../kube/reflector.ts';
import type { Reflector, ReflectorTimings } from '../kube/reflector.ts';
import { sleep } from '../async/sleep.ts';
import type { Log } from '../log.ts';
import { feedsOf, feedsOfSource } from '../observe/world.ts';
import type { Feed, World } from '../observe/world.ts';
import type { Metrics } from '../server/metrics.ts';

interface WatchesOptions {
  client: KubeClient;
  world: World;
  log: Log;
  metrics: Pick<Metrics, 'watchRestarts'>;
  timings?: Partial<ReflectorTimings> | undefined;
}

interface FeedListener {
  /** A feed is about to start: attach triggers to its store. */
  onStart: (feed: Feed) => void;
  /** A feed holds all there is. */
  onSynced: (feed: Feed) => void;
}

export interface Watches {
  /** Starts what the configuration needs more, stops what it needs no longer, leaves the rest running. */
  configure(configuration: Configuration, targets: readonly Feed[], listener: FeedListener): Promise<void>;
  /** Resolves when each feed is synced or has said why it cannot be; namespaces and ServiceAccounts must be synced. */
  settled(signal: AbortSignal): Promise<void>;
  /** Whether the Secrets of a source and its copies have all been read. */
  isRead(source: SourceConfig): boolean;
  /** Whether a feed, by its id, holds all there is. */
  isSynced(id: string): boolean;
  /** Ids of the feeds that hold all there is. */
  synced(): string[];
  /** What is wrong with one feed, by its id. */
  problemOf(id: string): string | undefined;
  /**
   * What keeps us from doing our work, one line each: a feed that was not read yet, or one without which nothing can be
   * done. A right that one source or cache proxy lacks is told in the log and the metrics, and holds up nothing else.
   */
  problems(): string[];
  /** Feeds that only a restart of the process can bring back. */
  stuck(): string[];
  /** The longest silence of all feeds of a resource, in milliseconds. */
  silentForMs(resource: Feed['resource']): number;
  stop(): Promise<void>;
}

/** Without these nothing can be planned. */
const ESSENTIAL = ['namespaces', 'serviceaccounts'];

export function createWatches({ client, world, log, metrics, timings }: WatchesOptions): Watches {
  const running = new Map<string, { feed: Feed; reflector: Reflector }>();
  const onRestart = (resource: string): void => metrics.watchRestarts.inc({ resource });
  const isSynced = (id: string): boolean => running.get(id)?.reflector.isSynced === true;

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
      await Promise.all(old.map(([, { reflector }]) => reflector.stop()));
    },
    async settled(signal) {
      for (let waitedMs = 0; !signal.aborted; waitedMs += 50) {
        const open = [...running].filter(
          ([id, { reflector }]) => !reflector.isSynced && (ESSENTIAL.includes(id) || reflector.problem === undefined),
        );
        if (open.length === 0) return;
        if (waitedMs > 0 && waitedMs % 30_000 === 0)
          log.warn(`still waiting for the first answer about: ${open.map(([id]) => id).join(', ')}`);
        await sleep(50, signal);
      }
    },
    isSynced,
    synced: () => [...running.keys()].filter(isSynced),
    problemOf: (id) => running.get(id)?.reflector.problem,
    isRead: (source) => feedsOfSource(source).every(isSynced),
    problems: () =>
      [...running].flatMap(([id, { reflector }]) => {
        if (reflector.problem !== undefined) return ESSENTIAL.includes(id) ? [`${id}: ${reflector.problem}`] : [];
        return reflector.isSynced ? [] : [`${id}: not read yet`];
      }),
    stuck: () =>
      [...running].flatMap(([id, { reflector }]) => (reflector.isStuck() ? [`${id}: the watch is stuck`] : [])),
    silentForMs: (resource) =>
      Math.max(
        0,
        ...[...running.values()]
          .filter(({ feed }) => feed.resource === resource)
          .map(({ reflector }) => reflector.silentForMs()),
      ),
    async stop() {
      await Promise.all([...running.values()].map(({ reflector }) => reflector.stop()));
      running.clear();
    },
  };
}
