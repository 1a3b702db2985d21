/**
 * The few calls that Pullpass makes, over a {@link Connection}. Every call except a watch has a time limit. Every
 * failure is an ApiError (the server said no) or an UnreachableError (no usable answer). Only a 401 is retried here,
 * once: all other retries belong to the work queue and the reflector.
 */
import { MANAGER } from '../names.ts';
import { createUnderWay } from '../async/under-way.ts';
import { messageOf } from '../errors.ts';
import { apiErrorOf, TooLargeError, UnreachableError, MAX_MESSAGE } from './api-error.ts';
import type { Connection } from './connection.ts';
import { isGood } from './exchange.ts';
import type { Answer } from './exchange.ts';
import { SupersededError } from './races.ts';
import type { Versions } from './store.ts';
import { fit } from '../text.ts';
import type { PageBuffers } from './lazy-list.ts';
import { createLines, versionOf } from './lines.ts';

export type PatchType = 'application/json-patch+json' | 'application/merge-patch+json' | 'application/apply-patch+yaml';
type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
export type Query = Record<string, string | number | boolean | undefined>;

export interface CallOptions {
  query?: Query;
  accept?: string;
  /** Stops the call. If it is a leader's term, nothing is sent when the term is over. */
  signal?: AbortSignal | undefined;
  /** The body holds a credential: then errors repeat no text from the server. */
  sensitive?: boolean;
  /** Largest answer to read, in bytes; a larger one is a TooLargeError. Default: 64 MiB. */
  maxBytes?: number | undefined;
  /** Where a list is read into: its `items` may then be LazyItems. */
  into?: PageBuffers;
}

interface WatchOptions extends CallOptions {
  signal: AbortSignal;
  /** Versions whose objects were taken already: their events are not parsed, and come as bookmarks of these versions. */
  known?: Versions | undefined;
}

/** One line of a watch. */
export interface WatchEvent<T> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  object: T;
}

/** `T` is the type that the caller expects. It is not checked: the server is trusted to keep its schema. */
export interface KubeClient {
  get<T>(path: string, options?: CallOptions): Promise<T>;
  create<T>(path: string, body: object, options?: CallOptions): Promise<T>;
  replace<T>(path: string, body: object, options?: CallOptions): Promise<T>;
  patch<T>(path: string, type: PatchType, body: object, options?: CallOptions): Promise<T>;
  delete(path: string, body?: object, options?: CallOptions): Promise<void>;
  /** Calls `each` per event until the server closes the stream; rejects on errors, when `signal` aborts, and with what `each` throws. */
  watch<T>(path: string, options: WatchOptions, each: (event: WatchEvent<T>) => void): Promise<void>;
  readonly server: string;
}

export interface ClientOptions {
  /** Longest time for one call, in milliseconds. */
  timeoutMs?: number;
  userAgent?: string;
  /** Called after each request, for metrics. `code` is 0 when there was no answer. */
  onCall?: (verb: string, resource: string, code: number) => void;
}

/** One object is far smaller, also as JSON; list pages have a lower limit, see `list.ts`. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

export function createClient(connection: Connection, options: ClientOptions = {}): KubeClient {
  const { timeoutMs = 30_000, userAgent = MANAGER, onCall } = options;
  const calls = createUnderWay(timeoutMs);
  const watches = createUnderWay(Infinity);

  /** A good answer, or an error. */
  async function exchange(
    method: Method,
    path: string,
    call: CallOptions,
    pool: 'call' | 'watch',
    { body, contentType = 'application/json', onData }: Sent = {},
  ): Promise<Answer> {
    const headers = ['accept', call.accept ?? 'application/json', 'user-agent', userAgent];
    if (body !== undefined) headers.push('content-type', contentType);
    const verb = pool === 'watch' ? 'watch' : method.toLowerCase();
    let code: number | undefined;
    const count = (status: number): void => {
      code = status;
      onCall?.(verb, resourceOf(path), status);
    };
    const asked = {
      method,
      path: path + queryString(call.query),
      headers,
      signal: call.signal,
      term: call.signal,
      pool,
      onStatus: count,
      onData,
      body: body && JSON.stringify(body),
      underWay: pool === 'watch' ? watches : calls,
      maxBytes: call.maxBytes ?? MAX_BODY_BYTES,
    };
    for (let attempt = 0; ; attempt++) {
      code = undefined;
      let answer;
      try {
        answer = await connection.send(asked);
      } catch (error) {
        if (error instanceof SupersededError) throw error;
        if (code === undefined) count(0);
        const request = `${pool === 'watch' ? 'WATCH' : method} ${path}`;
        if (error instanceof TooLargeError)
          throw new TooLargeError(`${request}: ${connection.server}: ${error.message}`);
        throw unreachable(request, connection.server, error);
      }
      if (isGood(answer.status)) return answer;
      // A bound token is replaced on disk before it expires; the one in memory can be the old one.
      if (answer.status === 401 && attempt === 0) {
        connection.refresh();
        continue;
      }
      throw apiErrorOf(
        `${method} ${path}`,
        answer.status,
        connection.redact(answer.body.toString()),
        answer.retryAfter,
        call.sensitive === true,
      );
    }
  }

  async function call<T>(
    method: Method,
    path: string,
    options: CallOptions,
    body?: object,
    contentType?: string,
  ): Promise<T> {
    const page = options.into?.page(options.maxBytes ?? MAX_BODY_BYTES);
    const answer = await exchange(method, path, options, 'call', { body, contentType, onData: page?.take });
    try {
      return (page ? page.parse() : JSON.parse(answer.body.toString())) as T;
    } catch (error) {
      // JSON.parse quotes the text that it could not parse, and the text can be a Secret: say only that it failed.
      if (error instanceof SyntaxError)
        throw new UnreachableError(`${method} ${path}: the answer of ${connection.server} is not JSON`);
      throw error;
    }
  }

  return {
    server: connection.server,
    get: (path, options = {}) => call('GET', path, options),
    create: (path, body, options = {}) => call('POST', path, options, body),
    replace: (path, body, options = {}) => call('PUT', path, options, body),
    patch: (path, type, body, options = {}) => call('PATCH', path, options, body, type),
    delete: async (path, body, options = {}) => {
      await call('DELETE', path, options, body);
    },
    async watch<T>(path: string, { known, ...options }: WatchOptions, each: (event: WatchEvent<T>) => void) {
      const lines = createLines();
      let thrown: { readonly error: unknown } | undefined;
      const take = (event: WatchEvent<T>): void => {
        try {
          each(event);
        } catch (error) {
          thrown = { error };
          throw error;
        }
      };
      const onData = (chunk: Uint8Array): void => {
        for (const line of lines(chunk)) {
          if (line === '') continue;
          const resourceVersion = known && known.size > 0 ? versionOf(line) : undefined;
          if (resourceVersion !== undefined && known?.delete(resourceVersion)) {
            take({ type: 'BOOKMARK', object: { metadata: { resourceVersion } } as T });
            continue;
          }
          const event = JSON.parse(line) as WatchEvent<T>;
          take(
            event?.type === 'ERROR' ? (JSON.parse(connection.redact(JSON.stringify(event))) as WatchEvent<T>) : event,
          );
        }
      };
      try {
        await exchange('GET', path, { ...options, query: { ...options.query, watch: 'true' } }, 'watch', { onData });
      } catch (error) {
        if (thrown) throw thrown.error;
        if (error instanceof UnreachableError && error.cause instanceof SyntaxError)
          throw new UnreachableError(`WATCH ${path}: the stream of ${connection.server} is not JSON`);
        throw error;
      }
    },
  };
}

interface Sent {
  readonly body?: object | undefined;
  readonly contentType?: string | undefined;
  readonly onData?: ((chunk: Uint8Array) => void) | undefined;
}

function unreachable(request: string, server: string, error: unknown): UnreachableError {
  return new UnreachableError(`${request}: ${server}: ${fit(messageOf(causeOf(error)), MAX_MESSAGE)}`, {
    cause: error,
  });
}

/** undici can wrap the reason in an error without a message, such as an AggregateError: unwraps it. */
function causeOf(error: unknown): unknown {
  if (error instanceof AggregateError && error.errors.length > 0) return causeOf(error.errors[0]);
  if (error instanceof Error && error.cause instanceof Error && error.message === '') return error.cause;
  return error;
}

function queryString(query: Query = {}): string {
  let text = '';
  for (const name in query) {
    const value = query[name];
    if (value !== undefined) text += `${text === '' ? '?' : '&'}${name}=${encodeURIComponent(value)}`;
  }
  return text;
}

/** `secrets` of `/api/v1/namespaces/x/secrets/y`: a bounded label for metrics. */
export function resourceOf(path: string): string {
  const parts = path.split('/').filter((part) => part !== '');
  const rest = parts.slice(parts[0] === 'api' ? 2 : 3);
  return (rest[0] === 'namespaces' && rest.length > 2 ? rest[2] : rest[0]) ?? '';
}
