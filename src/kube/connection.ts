/**
 * Connections to one API server. client-node opens a new connection for every request; these are kept and shared:
 * one pool for calls, one for watches, so that long watches never delay a write.
 */
import { KubeConfig } from '@kubernetes/client-node';
import { createSecureContext } from 'node:tls';
import { buildConnector, Pool, ProxyAgent } from 'undici';
import type { Dispatcher } from 'undici';
import type { AgentOptions, RequestOptions } from 'node:https';
import { monotonic } from '../clock.ts';
import { UserError } from '../errors.ts';
import { exchange } from './exchange.ts';
import type { Answer, Exchange } from './exchange.ts';

/** Tokens and CAs are read again after this long; client-go does the same once a minute. */
const CREDENTIALS_MAX_AGE_MS = 30_000;
/** After a 401 they are read at once, but not more often than this. */
const REFRESH_INTERVAL_MS = 1_000;
/** More connections than this only make one API server slower (its CPU is the limit). */
const MAX_CALL_CONNECTIONS = 64;

const LIMITS = {
  pipelining: 1,
  keepAliveTimeout: 20_000,
  bodyTimeout: 0,
  headersTimeout: 0,
  // Over HTTP/2, a request with a body that is dropped because its term is over makes Node write empty frames for ever.
  // Tried by test/integration/replica-metrics.test.ts.
  allowH2: false,
};
type Limits = typeof LIMITS & { readonly connections: number | null };

export interface Connection {
  /** One HTTP exchange. Rejects only when there is no answer; the caller reads the status. */
  send(asked: Exchange & { readonly pool: 'call' | 'watch' }): Promise<Answer>;
  /** Forgets token and CA, so that the next call reads them again. For use after a 401. */
  refresh(): void;
  /** The text without our own credential, which a server or a gateway may repeat. */
  redact(text: string): string;
  readonly server: string;
  close(): Promise<void>;
}

interface Session {
  readonly readAt: number;
  /** Names and values in turn, as undici takes them. */
  readonly headers: readonly string[];
  readonly credential: string;
  readonly pools: Pools;
}
type Pools = Record<'call' | 'watch', Dispatcher>;

/** `now`: milliseconds of a clock that never goes back. */
export function connect(config: KubeConfig, now: () => number = monotonic): Connection {
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new UserError('no cluster to talk to');
  const server = cluster.server.replace(/\/+$/, '');
  const { origin, pathname } = new URL(server);
  const prefix = pathname === '/' ? '' : pathname;
  let reader = config;
  let session: Session | undefined;
  let opening: Promise<Session> | undefined;
  let refreshedAt: number | undefined;
  let pools: Pools | undefined;
  /** CA, client certificate and key that the pools were made with. */
  let poolsTls: string | undefined;

  const isFresh = ({ readAt }: Session): boolean => now() - readAt < CREDENTIALS_MAX_AGE_MS;

  async function open(): Promise<Session> {
    if (session !== undefined && isFresh(session)) return session;
    if (opening !== undefined) return opening;
    if (readsTokenFile(config)) reader = copyOf(config);
    // All waiting calls share one read: it can run a program (`exec` of a kubeconfig).
    const read_ = read(reader).finally(() => {
      if (opening === read_) opening = undefined;
    });
    return (opening = read_);
  }

  async function read(from: KubeConfig): Promise<Session> {
    const options: RequestOptions = { headers: {} };
    await from.applyToHTTPSOptions(options);
    const headers = Object.entries(options.headers ?? {}).flatMap(([name, value]) => [name, String(value).trim()]);
    if (options.auth) headers.push('Authorization', `Basic ${Buffer.from(options.auth).toString('base64')}`);
    const at = headers.indexOf('Authorization');
    const credential = at < 0 ? '' : (headers[at + 1]?.split(' ').at(-1) ?? '');

    // A new CA or client certificate needs new connections; a new token does not.
    const tls = [options.ca, options.cert, options.key]
      .map((part) => (part === undefined ? '' : Buffer.from(part as string | Buffer).toString('base64')))
      .join('|');
    if (pools === undefined || poolsTls !== tls) {
      const old = pools;
      poolsTls = tls;
      const makePool = poolMaker(options);
      pools = {
        call: makePool({ ...LIMITS, connections: MAX_CALL_CONNECTIONS }),
        watch: makePool({ ...LIMITS, connections: null }),
      };
      // close() lets calls in flight on the old connections finish.
      if (old) void Promise.allSettled([old.call.close(), old.watch.close()]);
    }
    const fresh = { readAt: now(), headers, credential, pools };
    // If refresh() was called meanwhile, this read is too old to keep.
    if (from === reader) session = fresh;
    return fresh;
  }

  /** How both pools connect: with the same CAs, read once, and with the session of the connection before. */
  function poolMaker(options: RequestOptions): (limits: Limits) => Dispatcher {
    const wanted = config.createDispatcherOptions(cluster, options as AgentOptions);
    switch (wanted.type) {
      case 'proxy':
        return (limits) => new ProxyAgent({ ...limits, uri: wanted.uri, requestTls: wanted.requestTls as object });
      case 'agent': {
        const connect = buildConnector({
          ...(wanted.connect as object),
          secureContext: createSecureContext(wanted.connect),
          timeout: 10_000,
          allowH2: LIMITS.allowH2,
        });
        return (limits) => new Pool(origin, { ...limits, connect });
      }
      case 'none':
        return (limits) => new Pool(origin, limits);
      case 'socks':
        throw new UserError('kubeconfig: SOCKS proxies are not supported; use an HTTP proxy-url');
    }
  }

  return {
    server,
    send(asked) {
      const now = ({ headers, pools: { [asked.pool]: pool } }: Session): Promise<Answer> =>
        exchange(pool, { origin, path: prefix + asked.path, headers: [...asked.headers, ...headers] }, asked);
      return session !== undefined && isFresh(session) ? now(session) : open().then(now);
    },
    refresh() {
      // Many calls get a 401 at the same time: one read serves them all.
      if (refreshedAt !== undefined && now() - refreshedAt < REFRESH_INTERVAL_MS) return;
      refreshedAt = now();
      reader = copyOf(config);
      session = undefined;
      opening = undefined;
    },
    redact(text) {
      const { credential = '' } = session ?? {};
      return credential === '' ? text : text.replaceAll(credential, '***');
    },
    async close() {
      await Promise.allSettled([pools?.call.destroy(), pools?.watch.destroy()]);
    },
  };
}

/**
 * client-node caches the token of a file for a minute of the time of day, and that of a program until it expires: only a new
 * KubeConfig reads again.
 */
function copyOf({ clusters, users, contexts, currentContext }: KubeConfig): KubeConfig {
  const copy = new KubeConfig();
  copy.loadFromOptions({ clusters, users, contexts, currentContext });
  return copy;
}

/** Reading a file costs nothing. A program is run only when its token has expired or was refused. */
function readsTokenFile(config: KubeConfig): boolean {
  const { authProvider } = (config.getCurrentUser() ?? {}) as {
    authProvider?: { config?: { tokenFile?: unknown } | null };
  };
  return authProvider?.config?.tokenFile !== undefined;
}
