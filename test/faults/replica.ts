/**
 * One replica of the controller in a process of its own, so that signals stop and kill it as they do a container. Timings are
 * short, and the registries are a word: a password that begins with `good` is taken. REPLICA holds the order, as JSON.
 */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as Schema from '../../src/config/schema.ts';
import type * as Manager from '../../src/controller/manager.ts';
import type * as Client from '../../src/kube/client.ts';
import type * as Connection from '../../src/kube/connection.ts';
import type * as Kubeconfig from '../../src/kube/kubeconfig.ts';
import type * as Log from '../../src/log.ts';
import type * as Metrics from '../../src/server/metrics.ts';
import type * as ConfigLoad from '../../src/config/load.ts';
import type * as Reach from '../../src/proxies/reach.ts';

export interface ReplicaOrder {
  /** The `src` to run: the project's own, or a copy with a mistake in it. */
  readonly source: string;
  readonly kubeconfig: string;
  readonly configurationFile: string;
  readonly namespace: string;
  readonly identity: string;
  /** Bookmarks come more often from the sandbox than from a real server. */
  readonly idleMs: number;
}

const order = JSON.parse(process.env['REPLICA'] ?? '') as ReplicaOrder;
const load = <T>(file: string): Promise<T> => import(pathToFileURL(path.join(order.source, file)).href) as Promise<T>;

const { runManager } = await load<typeof Manager>('controller/manager.ts');
const { createClient } = await load<typeof Client>('kube/client.ts');
const { connect } = await load<typeof Connection>('kube/connection.ts');
const { loadKubeConfig } = await load<typeof Kubeconfig>('kube/kubeconfig.ts');
const { createLog } = await load<typeof Log>('log.ts');
const { createMetrics } = await load<typeof Metrics>('server/metrics.ts');
const { loadConfiguration } = await load<typeof ConfigLoad>('config/load.ts');
const { createReach } = await load<typeof Reach>('proxies/reach.ts');

// The system's time, moved: every Date of this process, and nothing of the monotonic clock.
const RealDate = Date;
let offset = 0;
globalThis.Date = class extends RealDate {
  constructor(...args: unknown[]) {
    if (args.length === 0) super(RealDate.now() + offset);
    else super(...(args as [number]));
  }
  static override now(): number {
    return RealDate.now() + offset;
  }
} as DateConstructor;
process.on('message', (message: { moveMs?: number }) => {
  offset += message.moveMs ?? 0;
});

const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
process.once('disconnect', () => process.exit(1));

const configuration: Schema.Configuration = await loadConfiguration(order.configurationFile);
// Credentials are read again after a second or two, not after half a minute.
const hurried = (): number => performance.now() * 20;
const client = createClient(connect(loadKubeConfig({ kubeconfig: order.kubeconfig }), hurried), {
  userAgent: order.identity,
  timeoutMs: 1_500,
});
const reach = createReach({ userAgent: 'faults' });
await runManager(
  {
    client,
    configuration,
    configurationFile: order.configurationFile,
    namespace: order.namespace,
    identity: order.identity,
    leaderElection: true,
    concurrency: 32,
    address: '127.0.0.1:0',
    metrics: createMetrics({ version: 'test', processMetrics: false }),
    reach: {
      ...reach,
      check: (_configuration, { password }) =>
        Promise.resolve(
          password.startsWith('good')
            ? { state: 'accepted', why: 'takes the login' }
            : { state: 'refused', why: 'the login is refused' },
        ),
    },
    log: createLog('debug'),
    timings: {
      election: { leaseDurationMs: 2_000, renewDeadlineMs: 1_300, retryPeriodMs: 250 },
      reflector: {
        watchMs: 8_000,
        idleMs: order.idleMs,
        minBackoffMs: 20,
        maxBackoffMs: 400,
        pageSize: 100,
        ...{ initialMs: 1_500 },
      },
      configurationMs: 200,
      drainMs: 3_000,
      eventsMs: 100,
    },
    onListening: (url) => process.send?.({ url }),
  },
  stop.signal,
);
process.exit(0);
