/** Runs a provider: its loop, its Events, its HTTP endpoints. */
import { createHash } from 'node:crypto';
import { within } from '../async/sleep.ts';
import { wall } from '../clock.ts';
import type { ProviderConfig } from '../config/provider.ts';
import type { KubeClient } from '../kube/client.ts';
import { createEventRecorder } from '../kube/events.ts';
import type { Regarding } from '../kube/event-body.ts';
import type { Log } from '../log.ts';
import { minute } from '../text.ts';
import { startServer } from '../server/listener.ts';
import { createProviderMetrics } from '../server/provider-metrics.ts';
import { createAsk } from './ask.ts';
import { FAILURE_REASONS } from './failure.ts';
import { createLoop } from './loop.ts';
import type { Standing } from './loop.ts';
import { TIMINGS } from './schedule.ts';
import type { Timings } from './schedule.ts';

export interface ProviderOptions {
  readonly client: KubeClient;
  readonly config: ProviderConfig;
  /** The folder of the programs. */
  readonly folder: string;
  /** The value of a variable of this process. */
  readonly variable: (name: string) => string | undefined;
  /** The pod's name. */
  readonly identity: string;
  /** Listening address of /livez, /readyz and /metrics. */
  readonly address: string;
  readonly log: Log;
  readonly timings?: Partial<Timings>;
  /** Gets the URL that the server listens on; undefined if it is switched off. */
  readonly onListening?: (url: string | undefined) => void;
}

/** How long Events may take after the end. */
const EVENTS_MS = 2_000;
/** A call to the API server takes half a minute at most. */
const STUCK_MS = 5 * 60_000;

/** Runs until `stop` aborts. */
export async function runProvider(
  { client, config, folder, variable, identity, address, log, onListening, ...options }: ProviderOptions,
  stop: AbortSignal,
): Promise<void> {
  const timings = { ...TIMINGS, ...options.timings };
  const { namespace, name } = config.secret;
  const events = createEventRecorder({ client, log, instance: identity });
  const regarding: Regarding = { apiVersion: 'v1', kind: 'Secret', namespace, name };
  const metrics = createProviderMetrics({
    secret: `${namespace}/${name}`,
    reasons: FAILURE_REASONS,
    times() {
      const { login, failure } = loop.standing();
      return { ...times(login), failing: failure !== undefined };
    },
  });
  const loop = createLoop({
    client,
    config,
    by: digestOf(config),
    ask: createAsk(config.ask, { folder, variable, timeoutMs: timings.programMs }),
    timings,
    onRenewed({ expiresAt, renewAt }, changed) {
      const facts = { expiresAt: time(expiresAt), nextRenewal: time(renewAt) };
      log.info(facts, changed ? 'a new login is in the Secret' : 'the program gave the login that is in the Secret');
    },
    onFailure(failure, retryMs, there) {
      metrics.countFailure(failure.reason);
      const { login } = loop.standing();
      const facts = {
        reason: failure.reason,
        retrySeconds: Math.ceil(retryMs / 1000),
        expiresAt: time(login?.expiresAt),
      };
      log.warn({ ...facts, err: failure }, 'the login is not renewed');
      events.record({
        regarding: { ...regarding, ...there },
        type: 'Warning',
        reason: failure.reason === 'not_ours' ? 'SecretNotOurs' : 'RenewalFailed',
        action: 'RenewLogin',
        note: `${failure.message}. ${whatHolds(login)}`,
      });
    },
    onRecovered() {
      for (const reason of ['RenewalFailed', 'SecretNotOurs'] as const) events.resolve(regarding, reason);
    },
  });
  const programs = 'plugin' in config.ask ? 1 : config.ask.registries.length;
  const server = await startServer({
    address,
    livez: () => stuck(loop.standing(), STUCK_MS + programs * timings.programMs),
    readyz: () => unready(loop.standing()),
    pages: { '/metrics': () => metrics.exposition() },
  });
  onListening?.(server.url);
  log.info({ server: client.server, secret: `${namespace}/${name}` }, 'starting');
  try {
    await loop.run(stop);
  } finally {
    await within(EVENTS_MS, events.flush());
    events.stop();
    await server.close();
    log.info('stopped');
  }
}

/** Of the document, which is no secret: its ConfigMap is read more widely than the Secret that carries this. */
const digestOf = (config: ProviderConfig): string =>
  createHash('sha256').update(JSON.stringify(config)).digest('hex').slice(0, 12);

const times = (login: Standing['login']) => ({ renewAt: login?.renewAt, expiresAt: login?.expiresAt });

const time = (ms: number | undefined): string | undefined =>
  ms === undefined ? undefined : new Date(ms).toISOString();

function whatHolds(login: Standing['login']): string {
  if (login === undefined) return 'No login of this provider is known to be in force';
  return login.expiresAt === undefined
    ? 'The last login stays in force'
    : `The last login stays in force, and ends ${minute(login.expiresAt)}`;
}

const stuck = ({ silentMs }: Standing, mostMs: number): string[] =>
  silentMs > mostMs ? [`nothing was done for ${Math.round(silentMs / 60_000)} minutes`] : [];

/** A renewal that fails while the last login is good is for alerts: a restart would not mend it. */
function unready({ login, failure }: Standing): string[] {
  if (failure?.reason === 'not_ours' || failure?.reason === 'superseded') return [failure.message];
  if (login === undefined) return [failure?.message ?? 'no login yet'];
  const { expiresAt } = login;
  return expiresAt !== undefined && expiresAt <= wall() ? [`the login ended ${minute(expiresAt)}`] : [];
}
