/** The small HTTP server for probes, metrics and pages. It answers GET and HEAD on fixed paths and reads no body. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { messageOf, UserError } from '../errors.ts';
import { quote } from '../text.ts';
import { createTurns } from '../async/fair.ts';
import { createBodies } from './body.ts';
import { createRoom } from './room.ts';

/** How long close() waits for answers under way before it cuts them, in milliseconds. */
const CLOSE_GRACE_MS = 1_000;
const PROBES = ['/livez', '/readyz'];
/** Most connections at a time. */
const PLACES = 256;

/** What a page may depend on. */
interface PageRequest {
  /** The header as it came. */
  readonly authorization?: string | undefined;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
}

export interface Page {
  contentType: string;
  body: string;
  /** HTTP status; 200 unless given. */
  status?: number;
  /** Further headers, names in lower case; they win over the server's own. */
  headers?: Readonly<Record<string, string>>;
}

export type PageHandler = (request: PageRequest) => Page | Promise<Page>;

export interface ServerOptions {
  /** `:8080`, `127.0.0.1:0`, `[::1]:8080`, a bare port; `0` starts nothing. */
  address: string;
  /** Problems that only a restart solves, one line each; empty when alive. */
  livez: () => string[];
  /** Problems that keep this replica from its work, one line each; empty when ready. */
  readyz: () => string[];
  /** Further pages by path. */
  pages?: Readonly<Record<string, PageHandler>>;
}

export interface RunningServer {
  /** `http://host:port` for clients on the same machine; undefined when switched off. */
  readonly url: string | undefined;
  /** Stops listening and ends every connection: idle ones at once, others after a second at the latest. */
  close(): Promise<void>;
}

/**
 * Listens and answers until closed.
 * @throws UserError when the address is malformed or cannot be listened on.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const at = parseAddress(options.address);
  if (at === undefined) return { url: undefined, close: () => Promise.resolve() };

  const pages = new Map<string, PageHandler>(Object.entries(options.pages ?? {}));
  pages.set('/livez', () => health(options.livez()));
  pages.set('/readyz', () => health(options.readyz()));
  const bodyOf = createBodies();
  const room = createRoom(PLACES);
  const turn = createTurns();

  // Every pod in the cluster network can connect: limits on all that a client decides.
  const server = createServer({
    maxHeaderSize: 8 * 1024,
    headersTimeout: 5_000,
    requestTimeout: 10_000,
    keepAliveTimeout: 5_000,
    connectionsCheckingInterval: 2_000,
  });
  server.on('connection', room.enter);
  server.on('request', (request, response) => {
    request.resume();
    if (room.asks(request.socket, response)) void answer(request, response);
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').split('?', 1)[0] ?? '';
    const gone = goneSignal(response);
    // A probe waits for at most one slow page, however many are requested.
    if (!PROBES.includes(path)) await turn();
    if (gone.aborted) return;
    const page = await pageFor(path, request, gone);
    const { plain, gzipped } = bodyOf(path, page.body);
    const packed = takesGzip(request.headers['accept-encoding']) ? await gzipped?.().catch(() => undefined) : undefined;
    if (response.destroyed) return;
    if (!server.listening) response.setHeader('connection', 'close');
    response.writeHead(page.status ?? 200, {
      'content-type': page.contentType,
      // For HEAD too: its headers are those of the GET.
      'content-length': (packed ?? plain).length,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...page.headers,
      ...(gzipped && { vary: 'accept-encoding' }),
      ...(packed && { 'content-encoding': 'gzip' }),
    });
    response.end(request.method === 'HEAD' ? undefined : (packed ?? plain));
  }

  async function pageFor(
    path: string,
    { method, headers: { authorization } }: IncomingMessage,
    signal: AbortSignal,
  ): Promise<Page> {
    const page = pages.get(path);
    if (page === undefined) return text(404, 'not found');
    if (method !== 'GET' && method !== 'HEAD') return text(405, 'only GET and HEAD', { allow: 'GET, HEAD' });
    try {
      return await page({ authorization, signal });
    } catch (error) {
      return text(500, messageOf(error));
    }
  }

  await listen(server, at, options.address);
  return { url: urlOf(server, at.host), close: () => close(server) };
}

/** Parses `host:port`, `[v6]:port`, `:port` or a port; undefined means off. An empty host means every address. */
export function parseAddress(address: string): { host: string | undefined; port: number } | undefined {
  if (address === '0') return undefined;
  const match = /^(?:(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<host>[^[\]:\s]*)):)?(?<port>\d{1,5})$/.exec(address);
  const port = Number(match?.groups?.['port']);
  if (match === null || port > 65_535) {
    throw new UserError(
      `cannot listen on ${quote(address)}: use HOST:PORT, [IPV6]:PORT or :PORT, or 0 to switch it off`,
    );
  }
  const host = match.groups?.['v6'] ?? match.groups?.['host'];
  return { host: host === '' ? undefined : host, port };
}

function health(problems: string[]): Page {
  return problems.length === 0
    ? text(200, 'ok')
    : text(503, problems.map((problem) => problem.replace(/\s*\n\s*/g, ' ')).join('\n'));
}

/** A plain text page. */
export const text = (status: number, body: string, headers: Page['headers'] = {}): Page => ({
  status,
  contentType: 'text/plain; charset=utf-8',
  body: `${body}\n`,
  headers,
});

function goneSignal(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  return gone.signal;
}

/** Whether `Accept-Encoding` names gzip, and does not give it the quality 0. */
function takesGzip(header: string | string[] | undefined): boolean {
  return String(header ?? '')
    .split(',')
    .some((each) => {
      const [coding = '', ...parameters] = each.split(';').map((part) => part.trim().toLowerCase());
      return coding === 'gzip' && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
    });
}

function listen(server: Server, at: { host: string | undefined; port: number }, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EADDRINUSE'
          ? 'the port is in use'
          : error.code === 'EACCES'
            ? 'not permitted'
            : messageOf(error);
      reject(new UserError(`cannot listen on ${address}: ${why}`, { cause: error }));
    });
    server.listen({ port: at.port, ...(at.host === undefined ? {} : { host: at.host }) }, () => {
      server.removeAllListeners('error');
      // accept() can fail later, when file descriptors run out: that connection is lost, the server goes on.
      server.on('error', () => undefined);
      resolve();
    });
  });
}

function urlOf(server: Server, host: string | undefined): string {
  const bound = server.address();
  const port = bound !== null && typeof bound === 'object' ? bound.port : 0;
  const name = host ?? 'localhost';
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

function close(server: Server): Promise<void> {
  if (!server.listening) return Promise.resolve();
  return new Promise((resolve) => {
    const grace = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
    server.close(() => {
      clearTimeout(grace);
      resolve();
    });
    server.closeIdleConnections();
  });
}
