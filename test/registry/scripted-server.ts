/** A server on loopback that says what a test tells it to, and remembers what it was sent. */
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface Seen {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly authorization: string | undefined;
  readonly body: string;
}
export interface Say {
  readonly status: number;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string;
}
export interface ScriptedServer {
  readonly url: string;
  readonly host: string;
  readonly seen: readonly Seen[];
  /** TCP connections taken. */
  readonly connections: () => number;
  stop(): Promise<void>;
}

/** `script` returns what to say, or undefined when it wrote the response, or holds it back, by itself. */
export type Script = (seen: Seen, response: ServerResponse, request: IncomingMessage) => Say | undefined;

export async function startScripted(
  script: Script,
  tls?: { certPem: string; keyPem: string },
): Promise<ScriptedServer> {
  const seen: Seen[] = [];
  let connections = 0;
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const chunks: Buffer[] = [];
    request
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => {
        const one = {
          method: request.method ?? '',
          url: request.url ?? '',
          authorization: request.headers.authorization,
          body: Buffer.concat(chunks).toString('utf8'),
        };
        seen.push(one);
        const say = script(one, response, request);
        if (say !== undefined) response.writeHead(say.status, say.headers).end(say.body);
      });
  };
  const server =
    tls === undefined
      ? createServer({ maxHeaderSize: 1024 * 1024 }, handle)
      : createTlsServer({ cert: tls.certPem, key: tls.keyPem }, handle);
  server.on('connection', () => connections++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${host}`,
    host,
    seen,
    connections: () => connections,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
