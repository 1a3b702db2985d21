/** A CONNECT proxy on loopback, as companies have one: it remembers every target, and may want a login or refuse. */
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

export interface EgressProxyOptions {
  /** Where a target leads to: `registry.test:443` to `127.0.0.1:port`. Others: 502. */
  readonly routes?: Readonly<Record<string, string>>;
  /** `user:password` that it wants. */
  readonly login?: string;
  /** Answers every CONNECT with this status; `silent`: with nothing; `cut`: closes the connection. */
  readonly answer?: number | 'silent' | 'cut';
  readonly tls?: { certPem: string; keyPem: string };
}
export interface SandboxEgressProxy {
  readonly url: string;
  readonly host: string;
  /** `host:port` of every CONNECT that was let through. */
  readonly targets: readonly string[];
  /** Proxy-Authorization of every CONNECT. */
  readonly authorizations: readonly (string | undefined)[];
  /** Method and URL of every request that was no CONNECT. */
  readonly others: readonly string[];
  stop(): Promise<void>;
}

export async function startEgressProxy(options: EgressProxyOptions = {}): Promise<SandboxEgressProxy> {
  const { routes = {}, login, answer, tls } = options;
  const targets: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const others: string[] = [];
  const sockets = new Set<Duplex>();
  const keep = (socket: Duplex): void => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
  };
  const server = tls === undefined ? createServer() : createTlsServer({ cert: tls.certPem, key: tls.keyPem });
  server.on('request', (request: IncomingMessage, response) => {
    others.push(`${request.method} ${request.url}`);
    response.writeHead(403).end('{"errors":[{"code":"DENIED"}]}');
  });
  server.on('connection', keep);
  server.on('connect', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const target = request.url ?? '';
    const said = request.headers['proxy-authorization'];
    authorizations.push(said);
    const deny = (status: number): void => void socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`);
    if (login !== undefined && said !== `Basic ${Buffer.from(login).toString('base64')}`) return deny(407);
    if (answer === 'silent') return;
    if (answer === 'cut') return void socket.destroy();
    if (answer !== undefined) return deny(answer);
    const route = routes[target];
    if (route === undefined) return deny(502);
    targets.push(target);
    const [host = '', port = ''] = route.split(':');
    const upstream = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    keep(upstream);
    upstream.on('close', () => socket.destroy());
    socket.on('close', () => upstream.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${host}`,
    host,
    targets,
    authorizations,
    others,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
        server.closeAllConnections();
      }),
  };
}
