/**
 * The upstream: a real Distribution that stores and serves the images, and a front on one port that is also its token server
 * (Distribution 3.1 takes a token only from the upstream's own host). The front can revoke a user with its tokens, count,
 * and go down.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { basicLogin } from '../sandbox/registry/server.ts';
import { freeHost, launch } from './process.ts';
import { createTokenServer, ISSUER, readScopes, SERVICE, userOf } from './tokens.ts';
import type { Scope } from './tokens.ts';

export interface Login {
  readonly username: string;
  readonly password: string;
}

/** Never has a login or token in it. */
export interface Request {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** Of the login or token; undefined: it had none. */
  readonly user: string | undefined;
  readonly status: number;
}

export interface Upstream {
  readonly url: string;
  /** `address:port` */
  readonly host: string;
  /** May pull and push anything; never revoked. */
  readonly admin: Login;
  readonly requests: readonly Request[];
  /** A user that may pull anything. Replaces one of that name. */
  add(login: Login): void;
  /** From now on neither the login nor any token of it is good for anything. */
  revoke(username: string): void;
  /** Refuses connections, until `up`. */
  down(): Promise<void>;
  up(): Promise<void>;
  stop(): Promise<void>;
}

export interface UpstreamOptions {
  readonly tokenSeconds: number;
  /** `address:port` to listen on; otherwise a free port of the loopback address. */
  readonly at?: string;
}

export async function startUpstream(program: string, { tokenSeconds, at }: UpstreamOptions): Promise<Upstream> {
  const admin = { username: 'admin', password: 'pw-of-admin' };
  const users = new Map<string, string>([[admin.username, admin.password]]);
  const requests: Request[] = [];
  const tokens = await createTokenServer(tokenSeconds);
  const [host, inner] = [at ?? (await freeHost()), await freeHost()];
  const url = `http://${host}`;
  const directory = await mkdtemp(path.join(tmpdir(), 'proof-upstream-'));
  const bundle = path.join(directory, 'ca.pem');
  const config = path.join(directory, 'config.json');
  await writeFile(bundle, tokens.caPem);
  // JSON is YAML.
  await writeFile(
    config,
    JSON.stringify({
      version: 0.1,
      log: { level: 'warn', accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: path.join(directory, 'storage') }, delete: { enabled: true } },
      http: { addr: inner, host: url },
      auth: { token: { realm: `${url}/token`, service: SERVICE, issuer: ISSUER, rootcertbundle: bundle } },
    }),
  );
  const registry = await launch({ name: 'the upstream', program, args: ['serve', config], host: inner });
  let front = await listen();

  function listen(): Promise<Server> {
    const server = createServer((request, response) => {
      const user = userOf(request.headers.authorization) ?? basicLogin(request.headers.authorization)?.username;
      const { method = 'GET', url: path = '/' } = request;
      response.once('close', () => requests.push({ method, path, user, status: response.statusCode }));
      if (path.startsWith('/token')) void answerToken(request, response);
      else forward(request, response);
    });
    return new Promise((resolve, reject) => {
      const [address, port] = host.split(':');
      server.once('error', reject).listen(Number(port), address, () => resolve(server));
    });
  }

  /** Both forms of the token specification: GET with Basic, POST with a form. */
  async function answerToken(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { searchParams } = new URL(request.url ?? '/', url);
    const form = new URLSearchParams(request.method === 'POST' ? await text(request) : '');
    const login = basicLogin(request.headers.authorization) ?? {
      username: form.get('username') ?? '',
      password: form.get('password') ?? '',
    };
    const isGood = login.username !== '' && users.get(login.username) === login.password;
    const body = isGood
      ? tokens.issue(
          login.username,
          readScopes([...searchParams.getAll('scope'), ...form.getAll('scope')]).map((scope) => grant(login, scope)),
        )
      : { errors: [{ code: 'UNAUTHORIZED', message: 'incorrect username or password' }] };
    response
      .writeHead(isGood ? 200 : 401, { 'content-type': 'application/json', 'cache-control': 'no-store' })
      .end(JSON.stringify(body));
  }

  const grant = ({ username }: Login, scope: Scope): Scope =>
    username === admin.username ? scope : { ...scope, actions: scope.actions.filter((action) => action === 'pull') };

  /** A token of a revoked user is taken away: the registry then answers as to nobody. */
  function forward(request: IncomingMessage, response: ServerResponse): void {
    const { authorization, ...headers } = request.headers;
    const user = userOf(authorization);
    const isGood = user !== undefined && users.has(user);
    const [hostname, port] = inner.split(':');
    const onward = httpRequest(
      {
        hostname,
        port,
        method: request.method,
        path: request.url,
        agent: false,
        headers: { ...headers, ...(isGood && { authorization }) },
      },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  }

  const shut = (): Promise<void> =>
    new Promise((resolve) => {
      front.close(() => resolve());
      front.closeAllConnections();
    });

  return {
    url,
    host,
    admin,
    requests,
    add: ({ username, password }) => void users.set(username, password),
    revoke: (username) => void users.delete(username),
    down: shut,
    async up() {
      front = await listen();
    },
    async stop() {
      if (front.listening) await shut();
      await registry.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
