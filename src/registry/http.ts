/** A small HTTP client for registries and cache proxies, with limits on everything that the server decides. */
import tls from 'node:tls';
import { dropWhenOver, isOver } from '../async/term.ts';
import { Agent, buildConnector } from 'undici';
import type { Dispatcher } from 'undici';
import { readEgress } from './egress.ts';
import type { Egress, EgressProxy } from './egress.ts';
import { createTunnels } from './tunnel.ts';
import type { Tunnels } from './tunnel.ts';
import { HttpError, redactUrl, toHttpError } from './http-error.ts';

export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Goes into the Authorization header, and only to the origin of the request's URL. */
export type HttpAuth = { readonly username: string; readonly password: string } | { readonly bearer: string };

export interface HttpRequest {
  readonly method: HttpMethod;
  /** Absolute, without a login in it. `http://` sends everything unencrypted: the caller decides that. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly auth?: HttpAuth | undefined;
  /** Stops the exchange. If it is a leader's term, nothing is sent when the term is over. */
  readonly signal?: AbortSignal | undefined;
  /** Longest body to read, in bytes; a longer one is an error. Default: 1 MiB. */
  readonly maxBytes?: number;
}

export interface HttpResponse {
  readonly status: number;
  /** Names in lower case; several fields of one name are joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  /** Read as UTF-8. */
  readonly body: string;
  /** Target of a redirect that was not followed, as `scheme://host[:port]`. It comes from the server: do not trust it. */
  readonly redirectedTo?: string;
}

export interface HttpClient {
  /** Resolves for every status; a redirect is followed only for GET and HEAD within the same origin. @throws HttpError */
  request(request: HttpRequest): Promise<HttpResponse>;
  /** Aborts all requests under way and closes all connections. */
  close(): Promise<void>;
}

export interface HttpClientOptions {
  /** PEM of CAs to trust on top of the usual ones. */
  readonly ca?: string | undefined;
  /** Which egress proxy a request takes; default: none. */
  readonly egress?: Egress | undefined;
  /** From sending a request to the headers of its answer, in milliseconds. Default: 10,000. */
  readonly requestMs?: number;
  /** The whole exchange, with redirects and body, in milliseconds. Default: 30,000. */
  readonly exchangeMs?: number;
  readonly userAgent?: string;
}

/** Redirects followed in one exchange. */
const MAX_REDIRECTS = 3;
const MAX_HEADERS = 32 * 1024;
/** The part of `requestMs` that an egress proxy gets to connect: then an error can still tell it from a slow host. */
const EGRESS_SHARE = 0.8;

export function createHttpClient({
  ca,
  egress = readEgress(),
  requestMs = 10_000,
  exchangeMs = 30_000,
  userAgent = 'pullpass',
}: HttpClientOptions = {}): HttpClient {
  const direct = buildConnector({
    timeout: requestMs,
    allowH2: false,
    ...(ca !== undefined && { ca: [...tls.getCACertificates('default'), ca] }),
  });
  const tunnels = new Map<EgressProxy, Tunnels>();
  for (const proxy of new Set([egress.https, egress.http]))
    if (proxy !== undefined)
      tunnels.set(
        proxy,
        createTunnels(proxy, {
          secure: direct,
          connectMs: requestMs * EGRESS_SHARE,
          maxHeaderSize: MAX_HEADERS,
          userAgent,
        }),
      );

  const agent: Dispatcher = new Agent({
    allowH2: false,
    pipelining: 1,
    connections: 8,
    maxHeaderSize: MAX_HEADERS,
    // The time limits below are exact and cover everything: undici's own are not needed.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect(options, callback) {
      const proxy = egress.proxyFor(new URL(`${options.protocol}//${options.host}`));
      const tunnel = proxy === undefined ? undefined : tunnels.get(proxy);
      (tunnel?.connect ?? direct)(options, callback);
    },
  }).compose(dropWhenOver(() => new HttpError('cancelled', 'this replica may no longer be the leader')));

  async function hop(
    url: URL,
    { method, headers, body, auth, signal, maxBytes = 1_048_576 }: HttpRequest,
    exchange: AbortSignal,
  ): Promise<HttpResponse> {
    const proxy = egress.proxyFor(url);
    const what = `${method} ${redactUrl(url)}${proxy === undefined ? '' : ` through egress proxy ${proxy.host}`}`;
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), requestMs);
    try {
      const answer = await agent.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method,
        headers: headersOf({ accept: '*/*', 'user-agent': userAgent, ...headers }, auth, what),
        body: body ?? null,
        signal: AbortSignal.any([exchange, late.signal, ...(signal === undefined ? [] : [signal])]),
        ...{ term: signal },
      });
      clearTimeout(timer);
      const text = await readBody(answer, method === 'HEAD' ? Infinity : maxBytes, what);
      return { status: answer.statusCode, headers: flatten(answer.headers), body: text };
    } catch (error) {
      if (isOver(signal)) throw new HttpError('cancelled', `${what}: cancelled`);
      if (exchange.aborted) throw new HttpError('timeout', `${what}: not complete after ${exchangeMs / 1000} s`);
      if (late.signal.aborted) throw new HttpError('timeout', `${what}: no answer after ${requestMs / 1000} s`);
      throw error instanceof HttpError && error.failure === 'egress'
        ? new HttpError('egress', `${what}: ${error.message}`)
        : toHttpError(error, what);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    async request(request) {
      const exchange = AbortSignal.timeout(exchangeMs);
      let url = urlOf(request);
      for (let redirects = 0; ; redirects++) {
        const response = await hop(url, request, exchange);
        const target = redirectOf(response, url);
        if (target === undefined) return response;
        // Otherwise another origin could get this login, or an address inside the cluster our request.
        const follow =
          target !== 'malformed' &&
          target.origin === url.origin &&
          (request.method === 'GET' || request.method === 'HEAD') &&
          redirects < MAX_REDIRECTS;
        if (!follow) return { ...response, redirectedTo: target === 'malformed' ? 'a malformed URL' : target.origin };
        url = target;
      }
    },
    async close() {
      await Promise.all([agent.destroy(), ...[...tunnels.values()].map((tunnel) => tunnel.close())]);
    },
  };
}

function urlOf({ method, url: text }: HttpRequest): URL {
  const url = URL.parse(text);
  const no = (why: string): HttpError => new HttpError('invalid', `${method} ${redactUrl(text)}: ${why}`);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw no('use an http:// or https:// URL');
  if (url.username !== '' || url.password !== '') throw no('the URL holds a login; give it separately');
  return url;
}

function headersOf(headers: Record<string, string>, auth: HttpAuth | undefined, what: string): Record<string, string> {
  const all = auth === undefined ? headers : { ...headers, authorization: authorization(auth) };
  for (const [name, value] of Object.entries(all)) {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name) || /[^\t\x20-\x7e]/.test(value))
      throw new HttpError('invalid', `${what}: a header is not valid`);
  }
  return all;
}

/** Base64 keeps a login from adding a header; {@link headersOf} stops a token that would. */
function authorization(auth: HttpAuth): string {
  return 'bearer' in auth
    ? `Bearer ${auth.bearer}`
    : `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`;
}

async function readBody({ headers, body }: Dispatcher.ResponseData, limit: number, what: string): Promise<string> {
  const tooLarge = (): HttpError => new HttpError('too large', `${what}: the answer is longer than ${limit} bytes`);
  try {
    if (Number(headers['content-length'] ?? 0) > limit) throw tooLarge();
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > limit) throw tooLarge();
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  } finally {
    // A body that is not read to its end would hold its connection; destroy() can cause an `error` event.
    body.on('error', () => undefined).destroy();
  }
}

function flatten(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
    ),
  );
}

function redirectOf({ status, headers }: HttpResponse, from: URL): URL | 'malformed' | undefined {
  if (![301, 302, 303, 307, 308].includes(status)) return undefined;
  const target = URL.parse(headers['location'] ?? '', from.href);
  const usable =
    headers['location'] !== undefined &&
    target !== null &&
    /^https?:$/.test(target.protocol) &&
    target.username === '' &&
    target.password === '';
  return usable ? target : 'malformed';
}
