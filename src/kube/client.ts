/**
 * The few calls that Pullpass makes, over a {@link Connection}. Every call except a watch has a time limit. Every
 * failure is an ApiError (the server said no) or an UnreachableError (no usable answer). Only a 401 is retried here,
 * once: all other retries belong to the work queue and the reflector.
 */
import { MANAGER } from '../names.ts';
import { timeLimit } from '../async/time-limit.ts';
import { messageOf } from '../errors.ts';
import { apiErrorOf, TooLargeError, UnreachableError, MAX_MESSAGE } from './api-error.ts';
import type { Connection } from './connection.ts';
import { SupersededError } from './races.ts';
import type { Versions } from './store.ts';
import { fit } from '../text.ts';
import type { PageBuffers } from './lazy-list.ts';
import { linesOf, versionOf } from './lines.ts';

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
  /** Yields events until the server closes the stream; throws on errors and when `signal` aborts. */
  watch<T>(path: string, options: WatchOptions): AsyncGenerator<WatchEvent<T>>;
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

  async function exchange(
    method: Method,
    path: string,
    call: CallOptions,
    signal: AbortSignal,
    pool: 'call' | 'watch',
    body?: object,
    contentType?: string,
  ) {
    const target = path + queryString(call.query);
    const headers: Record<string, string> = { accept: call.accept ?? 'application/json', 'user-agent': userAgent };
    if (body !== undefined) headers['content-type'] = contentType ?? 'application/json';
    const text = body === undefined ? undefined : JSON.stringify(body);
    const verb = pool === 'watch' ? 'watch' : method.toLowerCase();
    for (let attempt = 0; ; attempt++) {
      let response;
      try {
        response = await connection.send({
          method,
          path: target,
          headers,
          ...(text !== undefined && { body: text }),
          signal,
          term: call.signal,
          pool,
        });
      } catch (error) {
        if (error instanceof SupersededError) throw error;
        onCall?.(verb, resourceOf(path), 0);
        throw unreachable(`${method} ${path}`, connection.server, error, signal);
      }
      onCall?.(verb, resourceOf(path), response.statusCode);
      if (response.statusCode < 300) return response;
      const answer = connection.redact(await readText(response.body, 64 * 1024).catch(() => ''));
      // A bound token is replaced on disk before it expires; the one in memory can be the old one.
      if (response.statusCode === 401 && attempt === 0) {
        connection.refresh();
        continue;
      }
      throw apiErrorOf(
        `${method} ${path}`,
        response.statusCode,
        answer,
        header(response.headers['retry-after']),
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
    using limit = timeLimit(timeoutMs, options.signal);
    const { signal } = limit;
    const response = await exchange(method, path, options, signal, 'call', body, contentType);
    try {
      const maxBytes = options.maxBytes ?? MAX_BODY_BYTES;
      if (options.into) return (await options.into.read(response.body, maxBytes)) as T;
      return JSON.parse(await readText(response.body, maxBytes)) as T;
    } catch (error) {
      // JSON.parse quotes the text that it could not parse, and the text can be a Secret: say only that it failed.
      if (error instanceof SyntaxError)
        throw new UnreachableError(`${method} ${path}: the answer of ${connection.server} is not JSON`);
      if (error instanceof TooLargeError)
        throw new TooLargeError(`${method} ${path}: ${connection.server}: ${error.message}`);
      throw unreachable(`${method} ${path}`, connection.server, error, signal);
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
    async *watch<T>(path: string, { known, ...options }: WatchOptions) {
      const response = await exchange(
        'GET',
        path,
        { ...options, query: { ...options.query, watch: 'true' } },
        options.signal,
        'watch',
      );
      try {
        for await (const lines of linesOf(response.body)) {
          for (const line of lines) {
            const resourceVersion = known && known.size > 0 ? versionOf(line) : undefined;
            if (resourceVersion !== undefined && known?.delete(resourceVersion)) {
              yield { type: 'BOOKMARK', object: { metadata: { resourceVersion } } as T };
              continue;
            }
            const event = JSON.parse(line) as WatchEvent<T>;
            yield event?.type === 'ERROR'
              ? (JSON.parse(connection.redact(JSON.stringify(event))) as WatchEvent<T>)
              : event;
          }
        }
      } catch (error) {
        if (error instanceof SyntaxError)
          throw new UnreachableError(`WATCH ${path}: the stream of ${connection.server} is not JSON`);
        throw unreachable(`WATCH ${path}`, connection.server, error, options.signal);
      }
    },
  };
}

async function readText(stream: AsyncIterable<Uint8Array>, limit: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > limit) throw new TooLargeError(`the answer is larger than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function unreachable(request: string, server: string, error: unknown, signal: AbortSignal): UnreachableError {
  const aborted = signal.aborted ? (signal.reason as { name?: string } | undefined)?.name : undefined;
  const why =
    aborted === 'TimeoutError'
      ? 'timed out'
      : aborted !== undefined
        ? 'was stopped'
        : fit(messageOf(causeOf(error)), MAX_MESSAGE);
  return new UnreachableError(`${request}: ${server}: ${why}`, { cause: error });
}

/** undici can wrap the reason in an error without a message, such as an AggregateError: unwraps it. */
function causeOf(error: unknown): unknown {
  if (error instanceof AggregateError && error.errors.length > 0) return causeOf(error.errors[0]);
  if (error instanceof Error && error.cause instanceof Error && error.message === '') return error.cause;
  return error;
}

function queryString(query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
  const text = search.toString();
  return text === '' ? '' : `?${text}`;
}

function header(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

/** `secrets` of `/api/v1/namespaces/x/secrets/y`: a bounded label for metrics. */
export function resourceOf(path: string): string {
  const parts = path.split('/').filter((part) => part !== '');
  const rest = parts.slice(parts[0] === 'api' ? 2 : 3);
  return (rest[0] === 'namespaces' && rest.length > 2 ? rest[2] : rest[0]) ?? '';
}
