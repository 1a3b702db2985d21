/** A KubeClient whose server is the test: it answers each call, and holds the other end of every watch. */
import { apiErrorOf, UnreachableError } from '../../src/kube/api-error.ts';
import type { CallOptions, KubeClient, PatchType, Query, WatchEvent } from '../../src/kube/client.ts';

export interface Call {
  verb: 'get' | 'create' | 'replace' | 'patch' | 'delete';
  path: string;
  query: Query;
  body?: object | undefined;
  type?: PatchType;
  sensitive: boolean;
  accept?: string | undefined;
}

/** The server's end of one watch. */
export interface Stream {
  readonly query: Query;
  readonly accept: string | undefined;
  /** Whether the client has gone. */
  readonly isClosed: () => boolean;
  send(...events: WatchEvent<object>[]): void;
  end(): void;
  fail(error: unknown): void;
}

/** `answer` may throw, or return a promise. `onWatch`: what it throws is the answer to a watch, before its first event. */
export function scriptedClient(
  answer: (call: Call) => unknown = () => ({}),
  onWatch: (query: Query) => void = () => undefined,
) {
  const calls: Call[] = [];
  const streams: Stream[] = [];

  const call = async (made: Call, { signal }: CallOptions): Promise<unknown> => {
    calls.push(made);
    if (signal?.aborted) throw new UnreachableError(`${made.verb} ${made.path}: was stopped`);
    const stopped = Promise.withResolvers<never>();
    const stop = (): void => stopped.reject(new UnreachableError(`${made.verb} ${made.path}: was stopped`));
    stopped.promise.catch(() => undefined); // also when the answer comes first
    signal?.addEventListener('abort', stop);
    try {
      return structuredClone(await Promise.race([answer(made), stopped.promise]));
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  };
  const of = (verb: Call['verb'], path: string, { query = {}, sensitive = false, accept }: CallOptions = {}): Call => ({
    verb,
    path,
    query,
    sensitive,
    accept,
  });

  const client: KubeClient = {
    server: 'https://scripted.test',
    get: <T>(path: string, options: CallOptions = {}) => call(of('get', path, options), options) as Promise<T>,
    create: <T>(path: string, body: object, options: CallOptions = {}) =>
      call({ ...of('create', path, options), body }, options) as Promise<T>,
    replace: <T>(path: string, body: object, options: CallOptions = {}) =>
      call({ ...of('replace', path, options), body }, options) as Promise<T>,
    patch: <T>(path: string, type: PatchType, body: object, options: CallOptions = {}) =>
      call({ ...of('patch', path, options), type, body }, options) as Promise<T>,
    delete: async (path, body, options = {}) => void (await call({ ...of('delete', path, options), body }, options)),
    async watch<T>(path: string, options: CallOptions & { signal: AbortSignal }, each: (event: WatchEvent<T>) => void) {
      onWatch(options.query ?? {});
      const { signal } = options;
      const waiting: WatchEvent<T>[] = [];
      let over: { error?: unknown } | undefined;
      let wake: () => void = () => undefined;
      let closed = false;
      const finish = (how: { error?: unknown }): void => {
        over ??= how;
        wake();
      };
      const stop = (): void => finish({ error: new UnreachableError(`WATCH ${path}: was stopped`) });
      signal.addEventListener('abort', stop);
      streams.push({
        query: options.query ?? {},
        accept: options.accept,
        isClosed: () => closed,
        send: (...events) => {
          waiting.push(...(structuredClone(events) as WatchEvent<T>[]));
          wake();
        },
        end: () => finish({}),
        fail: (error) => finish({ error }),
      });
      try {
        for (;;) {
          for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) each(next);
          if (over !== undefined) break;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        if ('error' in over) throw over.error;
      } finally {
        closed = true;
        signal.removeEventListener('abort', stop);
      }
    },
  };
  return { client, calls, streams };
}

/** An answer of the API server other than 2xx. */
export function refusal(code: number, status: object = {}, retryAfter?: string): Error {
  return apiErrorOf('GET /scripted', code, JSON.stringify(status), retryAfter, false);
}
