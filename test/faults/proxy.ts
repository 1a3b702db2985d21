/**
 * Stands between the controllers and an API server, and does to requests what networks, gateways and servers in trouble do. The
 * same faults so befall the sandbox and a real kube-apiserver. It adds to the user agent when a request came.
 */
import { once } from 'node:events';
import https from 'node:https';
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ApiServer } from '../integration/env/api-server.ts';
import { parseRequest } from '../sandbox/kube-api/serve/request-info.ts';
import type { RequestInfo } from '../sandbox/kube-api/serve/request-info.ts';
import { createCertificateAuthority } from '../sandbox/kube-api/tls/certificates.ts';
import { now } from './clock.ts';

export type ProxyFaultKind =
  /** Answered with a Status of this code; nothing is done. */
  | { readonly kind: 'status'; readonly code: number; readonly retryAfterSeconds?: number; readonly message?: string }
  /** Answered with a page, as a gateway does. */
  | { readonly kind: 'html'; readonly code: number }
  /** Cut before anything is done. */
  | { readonly kind: 'reset' }
  /** Done, and the answer is lost. */
  | { readonly kind: 'reset-after' }
  /** Done, and cut in the middle of the answer. */
  | { readonly kind: 'reset-in-body' }
  /** Takes so long; given up if the client gives up. */
  | { readonly kind: 'slow'; readonly milliseconds: number }
  /** Takes so long, and is done even if its client is long gone. */
  | { readonly kind: 'late'; readonly milliseconds: number }
  /** Never answered. */
  | { readonly kind: 'hang' }
  /** Watches: open ones and new ones are cut, fall silent, or tell everything twice. */
  | { readonly kind: 'drop-watch' }
  | { readonly kind: 'stall-watch' }
  | { readonly kind: 'duplicate-watch' }
  /** A gateway that does not know `sendInitialEvents`. */
  | { readonly kind: 'plain-watch' };

export type ProxyFault = ProxyFaultKind & {
  readonly verbs?: readonly string[];
  readonly resource?: string;
  /** One replica's requests only. */
  readonly agent?: string;
  /** One in so many requests; default: each. */
  readonly oneIn?: number;
};

export interface FaultProxy {
  readonly url: string;
  /** The CA to trust now. */
  readonly caPem: string;
  /** The fault is in force until the returned function is called. */
  add(fault: ProxyFault): () => void;
  /** Nobody listens any more, as while a server restarts. */
  down(): Promise<void>;
  up(): Promise<void>;
  /** A new CA and a certificate of it; every connection is cut. */
  rotateCa(): Promise<void>;
  /** This token is no good any more. */
  revoke(token: string): void;
  /** How many requests each kind of fault has hit. */
  readonly hits: ReadonlyMap<string, number>;
  close(): Promise<void>;
}

interface OpenWatch {
  readonly request: RequestInfo;
  readonly agent: string;
  readonly response: ServerResponse;
}

const WATCH_KINDS = ['drop-watch', 'stall-watch', 'duplicate-watch', 'plain-watch'];

export async function startFaultProxy(server: Pick<ApiServer, 'url' | 'caPem'>): Promise<FaultProxy> {
  let ca = await createCertificateAuthority('faults');
  const pair = await ca.serving();
  const upstream = new https.Agent({ keepAlive: true, ca: server.caPem, maxSockets: 512 });
  const armed = new Map<object, { fault: ProxyFault; seen: number }>();
  const watches = new Set<OpenWatch>();
  const hits = new Map<string, number>();
  const revoked = new Set<string>();
  const sockets = new Set<Duplex>();
  let port = 0;

  const front = https.createServer({ cert: pair.certPem, key: pair.keyPem }, (request, response) => {
    response.on('error', () => undefined);
    void serve(request, response).catch(() => response.destroy());
  });
  front.requestTimeout = 0;
  front.keepAliveTimeout = 90_000;
  front.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  });
  front.on('tlsClientError', () => undefined);

  const count = (kind: string): void => void hits.set(kind, (hits.get(kind) ?? 0) + 1);
  const cut = (response: ServerResponse): void => {
    response.socket?.destroy();
    response.destroy();
  };

  function hitting(request: RequestInfo, agent: string): ProxyFault[] {
    return [...armed.values()].flatMap((each) => {
      const { fault } = each;
      if (!matches(fault, request, agent) || each.seen++ % (fault.oneIn ?? 1) !== 0) return [];
      count(fault.kind === 'status' ? String(fault.code) : fault.kind);
      return [fault];
    });
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const arrivedAt = now();
    const info = parseRequest(request.method ?? 'GET', request.url ?? '/');
    const agent = request.headers['user-agent'] ?? '';
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (revoked.has(request.headers.authorization ?? '')) return refuse(response, { code: 401 });
    const faults = hitting(info, agent);
    let [late, lost, half, twice, plain, silent] = [false, false, false, false, false, false];
    for (const fault of faults) {
      if (fault.kind === 'status') return refuse(response, fault);
      if (fault.kind === 'html') {
        response.writeHead(fault.code, { 'content-type': 'text/html' });
        response.end('<!doctype html><html><head><title>Sign in</title></head><body>gateway</body></html>');
        return;
      }
      if (fault.kind === 'reset') return cut(response);
      if (fault.kind === 'hang') return;
      if (fault.kind === 'slow' || fault.kind === 'late') {
        late ||= fault.kind === 'late';
        await new Promise((resolve) => setTimeout(resolve, fault.milliseconds));
      }
      lost ||= fault.kind === 'reset-after';
      half ||= fault.kind === 'reset-in-body';
      twice ||= fault.kind === 'duplicate-watch';
      plain ||= fault.kind === 'plain-watch';
      silent ||= fault.kind === 'stall-watch';
      if (fault.kind === 'drop-watch') return cut(response);
    }
    if (response.destroyed && !late) return;
    const asked = https.request(server.url + (plain ? withoutInitialEvents(request.url) : (request.url ?? '/')), {
      method: request.method,
      agent: upstream,
      headers: { ...request.headers, 'user-agent': `${agent}/arrived-${arrivedAt.toFixed(3)}` },
    });
    if (!late) response.once('close', () => asked.destroy());
    asked.end(Buffer.concat(chunks));
    const answer = await answered(asked);
    if (lost) {
      answer.resume();
      return cut(response);
    }
    if (response.destroyed) return void answer.resume();
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    if (info.verb !== 'watch') return half ? halfOf(answer, response) : void answer.pipe(response);
    follow(answer, { request: info, agent, response }, { twice, silent, half });
  }

  /** Whole lines only: a watch that is told twice is told each event twice. */
  function follow(
    answer: IncomingMessage,
    open: OpenWatch,
    { twice, silent, half }: { twice: boolean; silent: boolean; half: boolean },
  ): void {
    const { response } = open;
    watches.add(open);
    response.flushHeaders();
    response.once('close', () => watches.delete(open));
    let rest = '';
    let stalled = silent;
    stallings.set(open, () => {
      stalled = true;
    });
    answer.setEncoding('utf8');
    answer.on('data', (text: string) => {
      if (stalled) return;
      if (!twice && !half) return void response.write(text);
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) response.write(twice ? `${line}\n${line}\n` : `${line}\n`);
      if (half && lines.length > 0) {
        response.write(`{"type":"MODIFIED","object":{"me`);
        cut(response);
      }
    });
    answer.on('end', () => (stalled ? undefined : response.end()));
    answer.on('error', () => cut(response));
    answer.on('close', () => (answer.complete || stalled ? undefined : cut(response)));
  }
  const stallings = new WeakMap<OpenWatch, () => void>();

  await listen();

  async function listen(): Promise<void> {
    front.listen(port, '127.0.0.1');
    await once(front, 'listening');
    ({ port } = front.address() as AddressInfo);
  }
  async function down(): Promise<void> {
    if (!front.listening) return;
    front.close();
    for (const socket of sockets) socket.destroy();
    await once(front, 'close');
  }

  return {
    get url() {
      return `https://127.0.0.1:${port}`;
    },
    get caPem() {
      return ca.certPem;
    },
    add(fault) {
      const handle = {};
      armed.set(handle, { fault, seen: 0 });
      for (const open of watches) {
        if (!matches(fault, open.request, open.agent)) continue;
        if (fault.kind === 'drop-watch') cut(open.response);
        if (fault.kind === 'stall-watch') stallings.get(open)?.();
        if (fault.kind === 'drop-watch' || fault.kind === 'stall-watch') count(fault.kind);
      }
      return () => void armed.delete(handle);
    },
    down,
    async up() {
      if (!front.listening) await listen();
    },
    async rotateCa() {
      ca = await createCertificateAuthority('faults');
      const fresh = await ca.serving();
      front.setSecureContext({ cert: fresh.certPem, key: fresh.keyPem });
      for (const socket of sockets) socket.destroy();
    },
    revoke: (token) => void revoked.add(`Bearer ${token}`),
    hits,
    async close() {
      await down();
      upstream.destroy();
    },
  };
}

function matches({ kind, verbs, resource, agent }: ProxyFault, request: RequestInfo, from: string): boolean {
  if (WATCH_KINDS.includes(kind) && request.verb !== 'watch') return false;
  // What comes again and again at each watch only costs time: those have faults of their own.
  if (kind === 'hang' && request.verb === 'watch') return false;
  return (
    (verbs === undefined || verbs.includes(request.verb)) &&
    (resource === undefined || request.resource?.resource === resource) &&
    (agent === undefined || agent === from)
  );
}

function answered(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    request.on('error', reject);
  });
}

const REASONS: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  409: 'Conflict',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
};

function refuse(
  response: ServerResponse,
  { code, retryAfterSeconds, message = 'a fault' }: { code: number; retryAfterSeconds?: number; message?: string },
): void {
  const headers = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
  response.writeHead(code, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify({ kind: 'Status', status: 'Failure', code, reason: REASONS[code], message }));
}

function halfOf(answer: IncomingMessage, response: ServerResponse): void {
  answer.once('data', (chunk: Buffer) => {
    response.write(chunk.subarray(0, chunk.length >> 1), () => response.socket?.destroy());
  });
  answer.once('end', () => response.destroy());
}

function withoutInitialEvents(url = '/'): string {
  const { pathname, searchParams } = new URL(url, 'https://proxy');
  searchParams.delete('sendInitialEvents');
  searchParams.delete('resourceVersionMatch');
  return `${pathname}?${searchParams.toString()}`;
}
