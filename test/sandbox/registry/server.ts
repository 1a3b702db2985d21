/** The common part of the sandbox's registries: an HTTP(S) server on a free loopback port that logs no credential. */
import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}
export interface Reply {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer | string;
}

/** Without query, headers and bodies: they hold logins and tokens. */
export interface LoggedRequest {
  readonly method: string;
  readonly path: string;
  readonly auth: 'none' | 'basic' | 'bearer' | 'other';
  readonly status: number;
}

export interface RunningServer {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** `127.0.0.1:port`, as in an image name. */
  readonly host: string;
  readonly requests: readonly LoggedRequest[];
  stop(): Promise<void>;
}

export interface ServerOptions {
  /** PEM; https when given. */
  readonly tls?: { readonly certPem: string; readonly keyPem: string } | undefined;
  /** Default: any free one. */
  readonly port?: number | undefined;
}

const MAX_BODY = 64 * 1024 * 1024;

export async function serve(
  options: ServerOptions,
  answer: (exchange: Exchange) => Reply | Promise<Reply>,
): Promise<RunningServer> {
  const requests: LoggedRequest[] = [];
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const { method = 'GET', headers } = request;
    const url = new URL(request.url ?? '/', 'http://sandbox');
    void readBody(request)
      .then((body) =>
        answer({ method, path: decodeURIComponent(url.pathname), query: url.searchParams, headers, body }),
      )
      .catch((): Reply => failure(500, 'UNKNOWN', 'the sandbox failed'))
      .then(({ status, headers: own, body = '' }) => {
        requests.push({ method, path: url.pathname, auth: kindOf(headers.authorization), status });
        // A HEAD states the length of the body that a GET would have.
        response.writeHead(status, {
          'docker-distribution-api-version': 'registry/2.0',
          'content-length': Buffer.byteLength(body),
          ...own,
        });
        response.end(method === 'HEAD' ? undefined : body);
      });
  };
  const server =
    options.tls === undefined
      ? createHttpServer(handle)
      : createHttpsServer({ cert: options.tls.certPem, key: options.tls.keyPem }, handle);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://${host}`,
    host,
    requests,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function json(status: number, value: unknown, headers: Record<string, string> = {}): Reply {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) };
}

/** The error document of the distribution specification. */
export function failure(status: number, code: string, message: string, headers: Record<string, string> = {}): Reply {
  return json(status, { errors: [{ code, message }] }, headers);
}

/** User name and password of a Basic header; undefined: there is none. */
export function basicLogin(header: string | undefined): { username: string; password: string } | undefined {
  const encoded = /^basic +(\S+)$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

function kindOf(header: string | undefined): LoggedRequest['auth'] {
  if (header === undefined) return 'none';
  const scheme = header.split(' ', 1)[0]?.toLowerCase();
  return scheme === 'basic' || scheme === 'bearer' ? scheme : 'other';
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY) throw new Error('body too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
