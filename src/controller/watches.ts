/** The reflectors of the configuration in force: started, stopped and asked after as the configuration changes. */
import type { Configuration, SourceConfig } from '../config/schema.ts';
import type { KubeClient } from '../kube/client.ts';
import { startReflector } from '../kube/reflector.ts';
import type { Reflector, ReflectorTimings } from '../kube/reflector.ts';
import { sleep } from '../kube/sleep.ts';
import type { Log } from '../log.ts';
import { feedsOf, feedsOfSource } from '../reconcile/world.ts';
import type { Feed, World } from '../reconcile/world.ts';

export interface WatchesOptions {
  client: KubeClient;
  world: World;
  log: Log;
  /** A feed is about to start: attach triggers to its store. */
  onStart: (feed: Feed) => void;
  /** A feed holds all there is. */
  onSynced: (feed: Feed) => void;
  onRestart: (resource: string) => void;
  timings?: Partial<ReflectorTimings> | undefined;
}

export interface Watches {
  /** Starts what the configuration needs more, stops what it needs no longer, leaves the rest running. */
  configure(configuration: Configuration): Promise<void>;
  /** Resolves when each feed is synced or has said why it cannot be; namespaces and ServiceAccounts must be synced. */
  settled(signal: AbortSignal): Promise<void>;
  /** Whether the Secrets of a source and its copies have all been read. */
  isRead(source: SourceConfig): boolean;
  /** What keeps each feed from being synced or running, one line each. */
  problems(): string[];
  /** Feeds that only a restart of the process can bring back. */
  stuck(): string[];
  /** The longest silence of all feeds of a resource, in milliseconds. */
  silentForMs(resource: Feed['resource']): number;
  stop(): Promise<void>;
}

export function createWatches({ client, world, log, onStart, onSynced, onRestart, timings }: WatchesOptions): Watches {
  const running = new Map<string, { feed: Feed; reflector: Reflector }>();
  const isSynced = (id: string): boolean => running.get(id)?.reflector.isSynced === true;

  return {
    async configure(configuration) {
      const feeds = feedsOf(world, configuration);
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
      const essential = ['namespaces', 'serviceaccounts'];
      for (let waitedMs = 0; !signal.aborted; waitedMs += 50) {
        const open = [...running].filter(([id, { reflector }]) => !reflector.isSynced && (essential.includes(id) || reflector.problem === undefined));
        if (open.length === 0) return;
        if (waitedMs > 0 && waitedMs % 30_000 === 0) log.warn(`still waiting for the first answer about: ${open.map(([id]) => id).join(', ')}`);
        await sleep(50, signal);
      }
    },
    isRead: (source) => feedsOfSource(source).every(isSynced),
    problems: () => [...running].flatMap(([id, { reflector }]) => (reflector.problem !== undefined ? [`${id}: ${reflector.problem}`] : reflector.isSynced ? [] : [`${id}: not read yet`])),
    stuck: () => [...running].flatMap(([id, { reflector }]) => (reflector.isStuck() ? [`${id}: the watch is stuck`] : [])),
    silentForMs: (resource) => Math.max(0, ...[...running.values()].filter(({ feed }) => feed.resource === resource).map(({ reflector }) => reflector.silentForMs())),
    async stop() {
      await Promise.all([...running.values()].map(({ reflector }) => reflector.stop()));
      running.clear();
    },
  };
}
