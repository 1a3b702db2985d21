/** One product's HTTP server on loopback, in front of which a test can inject faults. */
import { createServer as createHttp } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Call {
  readonly method: string;
  /** As it came, still encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A `body` that is not a string is sent as JSON. */
export interface Reply {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** `cut`: the connection is closed without an answer. `lose`: the request is done, but the answer is lost. `hang`: never an answer. */
export type Trouble = Reply | 'cut' | 'lose' | 'hang';

export interface ProductServer {
  readonly url: string;
  /** Every request that arrived, oldest first. */
  readonly calls: Call[];
  /** Asked first; undefined: the product answers itself. */
  trouble: ((call: Call) => Trouble | undefined) | undefined;
  /** Cuts every connection and listens no more. */
  goDown(): Promise<void>;
  /** On the same port as before. */
  comeBack(): Promise<void>;
}

export interface Tls {
  readonly certPem: string;
  readonly keyPem: string;
}

export async function serveProduct(answer: (call: Call) => Reply | Promise<Reply>, tls?: Tls): Promise<ProductServer> {
  const sockets = new Set<Socket>();
  const calls: Call[] = [];
  let server = createHttp();

  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://product');
    const call: Call = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body: await text(request),
    };
    calls.push(call);
    const reply = product.trouble?.(call) ?? (await answer(call));
    if (reply === 'lose') await answer(call);
    if (reply === 'cut' || reply === 'lose') request.socket.destroy();
    else if (reply !== 'hang') send(response, reply);
  };
  const listener: RequestListener = (request, response) =>
    void respond(request, response).catch(() => request.socket.destroy());

  async function listen(port: number): Promise<void> {
    server = tls === undefined ? createHttp(listener) : createHttps({ cert: tls.certPem, key: tls.keyPem }, listener);
    server.on(
      'connection',
      (socket) =>
        sockets.add(socket).size && socket.on('error', () => undefined).on('close', () => sockets.delete(socket)),
    );
    await new Promise<void>((resolve, reject) => server.on('error', reject).listen(port, '127.0.0.1', resolve));
  }
  await listen(0);
  const { port } = server.address() as AddressInfo;

  const product: ProductServer = {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    calls,
    trouble: undefined,
    async goDown() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    comeBack: () => listen(port),
  };
  return product;
}

function send(response: ServerResponse, { status, body, headers }: Reply): void {
  const json = typeof body === 'string' ? {} : { 'content-type': 'application/json' };
  response.writeHead(status, { ...json, ...headers });
  response.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
}

/** The login of a request: `Basic` as [username, password], `Bearer` as [token]. */
export function loginOf({ headers }: Call): string[] {
  const [scheme, value = ''] = (headers.authorization ?? '').split(' ');
  if (scheme === 'Bearer') return [value];
  const text = scheme === 'Basic' ? Buffer.from(value, 'base64').toString() : '';
  const colon = text.indexOf(':');
  return colon < 0 ? [] : [text.slice(0, colon), text.slice(colon + 1)];
}

/** The body as JSON; undefined: it is not JSON, or not declared as JSON. */
export function jsonOf({ headers, body }: Call): unknown {
  if (!/^application\/json\b/.test(headers['content-type'] ?? '')) return undefined;
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
