/** The steps of a request: authentication, injected faults, authorization, answer. */
import https from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { authenticate } from '../auth/authenticate.ts';
import { authorize, forbiddenBy, type Attributes } from '../auth/authorize.ts';
import { impersonate } from '../auth/impersonate.ts';
import { ANONYMOUS, type User } from '../auth/user.ts';
import { Faults, type OpenWatch } from '../faults.ts';
import { watch } from '../handlers/watch.ts';
import { RequestLog } from '../request-log.ts';
import { ApiError, internal } from '../status.ts';
import type { Cluster, Context } from './context.ts';
import { handle, resolve } from './dispatch.ts';
import { negotiate } from './negotiation.ts';
import { servePlainPath } from './plain-paths.ts';
import { parseRequest, truthy, type RequestInfo } from './request-info.ts';
import { respond, respondError } from './respond.ts';

export interface ServerOptions {
  readonly cluster: Cluster;
  readonly certPem: string;
  readonly keyPem: string;
  readonly clientCaPem: string;
  readonly port: number;
  readonly anonymous: boolean;
}

const BODY_LIMIT = 3 * 1024 * 1024;

export class ApiHttpServer {
  readonly log = new RequestLog();
  readonly faults: Faults;
  readonly #watches = new Set<OpenWatch>();
  readonly #options: ServerOptions;
  readonly #server: https.Server;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.faults = new Faults(this.#watches);
    this.#server = https.createServer(
      {
        cert: options.certPem,
        key: options.keyPem,
        ca: options.clientCaPem,
        requestCert: true,
        rejectUnauthorized: false,
      },
      (request, response) => void this.#serve(request, response),
    );
    // Watches live long and idle connections are worth keeping: nothing here times out on its own.
    this.#server.requestTimeout = 0;
    this.#server.keepAliveTimeout = 90_000;
  }

  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#options.port, '127.0.0.1', () => resolve((this.#server.address() as AddressInfo).port));
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const info = parseRequest(request.method ?? 'GET', request.url ?? '/');
    let user: User = ANONYMOUS;
    let cut = false;
    // A watch is on record from its start, everything else from its end.
    let recorded = false;
    const record = (): void => {
      if (!recorded) this.#record(request, info, user, cut ? 0 : response.statusCode);
      recorded = true;
    };
    response.once('close', record);
    try {
      user = authenticate(request, this.#options.cluster.tokens, this.#options.anonymous);
      user = impersonate(this.#options.cluster.store, user, request.headers);
      const body = await readAll(request);
      let loseAnswer = false;
      for (const fault of this.faults.hitting(info)) {
        if (fault.kind === 'slow') await delay(fault.milliseconds);
        else if (fault.kind === 'reset') {
          cut = true;
          response.destroy();
          request.socket.destroy();
          return;
        } else if (fault.kind === 'reset-after-write') loseAnswer = true;
        else if (fault.kind === 'status') throw faultError(fault.code, fault.message, fault.retryAfterSeconds);
      }
      if (response.destroyed) return;
      this.#authorize(user, info);
      if (!info.resource || !this.#options.cluster.kinds.serves(info.resource)) {
        servePlainPath(this.#options.cluster, info, request.headers.accept, response);
        return;
      }
      const context: Context = {
        cluster: this.#options.cluster,
        kind: resolve(this.#options.cluster.kinds, info),
        resource: info.resource,
        query: info.query,
        user,
        body,
        warnings: [],
        userAgent: request.headers['user-agent'] ?? '',
        contentType: request.headers['content-type'] ?? '',
      };
      const representation = negotiate(request.headers.accept, truthy(info.query.get('pretty')));
      if (info.verb === 'watch') {
        this.#watch(context, info, response, representation);
        record();
        return;
      }
      const author = { user: user.name, userAgent: context.userAgent };
      const result = context.cluster.store.as(author, () => handle(context, info.verb));
      if (loseAnswer) {
        cut = true;
        response.destroy();
        request.socket.destroy();
        return;
      }
      respond(response, context, result, representation);
    } catch (error) {
      if (response.destroyed) return;
      if (response.headersSent) {
        response.destroy();
        return;
      }
      respondError(response, error instanceof ApiError ? error : crash(error));
    }
  }

  #authorize(user: User, { resource, verb, path }: RequestInfo): void {
    const attributes: Attributes = resource ? { ...resource, verb } : { verb, path };
    const decision = authorize(this.#options.cluster.store, user, attributes);
    if (!decision.allowed) throw forbiddenBy(user, attributes, decision.reason);
  }

  #watch(
    context: Context,
    info: RequestInfo,
    response: ServerResponse,
    representation: ReturnType<typeof negotiate>,
  ): void {
    let stalled = false;
    const open: OpenWatch = {
      request: info,
      drop: () => response.destroy(),
      stall: () => {
        stalled = true;
      },
    };
    watch(context, response, representation, () => stalled);
    this.#watches.add(open);
    response.once('close', () => this.#watches.delete(open));
    this.faults.opened(open);
  }

  #record(request: IncomingMessage, { verb, path, resource }: RequestInfo, user: User, code: number): void {
    this.log.add({
      time: new Date(),
      verb,
      path,
      code,
      user: user.name,
      resource: resource?.resource ?? '',
      subresource: resource?.subresource ?? '',
      namespace: resource?.namespace ?? '',
      name: resource?.name ?? '',
      userAgent: request.headers['user-agent'] ?? '',
      contentType: request.headers['content-type'] ?? '',
    });
  }
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > BODY_LIMIT)
      throw new ApiError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${BODY_LIMIT}`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

const REASONS: { readonly [code: number]: string } = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

function faultError(code: number, message = `a fault of the sandbox: ${code}`, retryAfterSeconds?: number): ApiError {
  return new ApiError(code, REASONS[code], message, retryAfterSeconds === undefined ? {} : { retryAfterSeconds });
}

/** A bug of the sandbox: said aloud, for whoever wrote the test. */
function crash(error: unknown): ApiError {
  console.error(error);
  return internal(`Internal error occurred: ${error instanceof Error ? error.message : String(error)}`);
}
