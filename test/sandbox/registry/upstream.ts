/** An upstream registry in memory, for tests and the demo: users, private repositories, tokens, and locks only if asked for. */
import { createAccounts } from './accounts.ts';
import type { Accounts, User } from './accounts.ts';
import { createApi, isPush, routeOf } from './api.ts';
import type { Route } from './api.ts';
import { createImages } from './images.ts';
import { basicLogin, failure, serve } from './server.ts';
import type { Exchange, Reply, RunningServer, ServerOptions } from './server.ts';
import { OCI_MANIFEST, tinyImage } from './tiny-image.ts';
import { createTokens } from './tokens.ts';

export interface UpstreamOptions extends ServerOptions {
  /** `bearer` has its token endpoint on the same host and port: Distribution 3.1 trusts no other on loopback. Default: bearer. */
  readonly auth?: 'bearer' | 'basic' | 'anonymous';
  readonly users?: Readonly<Record<string, User>>;
  /** With `basic`: whether a password is one of a user, in place of the one that it was given. Default: only that one. */
  readonly hasPassword?: (user: string, password: string) => boolean;
  /** Repositories that need no login to pull (bearer): the token endpoint then gives tokens to anybody. Default: none. */
  readonly openToAll?: readonly string[];
  /** Whether a repository that one may not pull from is "not found" instead of refused, also for anybody. */
  readonly hides?: boolean;
  /** Lifetime of an issued token. Default: 60, what clients take for granted at least. */
  readonly tokenSeconds?: number;
  /** Failed logins after which an account takes no login at all. Default: never. */
  readonly lockAfter?: number;
  /** Milliseconds since 1970. Default: the clock. */
  readonly now?: () => number;
}

export interface Upstream extends RunningServer, Omit<Accounts, 'login' | 'redeem' | 'mayUse' | 'mayDelete'> {
  /** Puts a tiny image there, without a push. `text`: its only content; another text makes another digest. */
  putImage(repository: string, tag: string, text?: string): { digest: string };
  removeTag(repository: string, tag: string): void;
  /** Answers every request with this status until called without one. */
  breakDown(status?: number): void;
}

export async function startUpstream(options: UpstreamOptions = {}): Promise<Upstream> {
  const {
    auth = 'bearer',
    users = {},
    hasPassword,
    openToAll = [],
    hides = false,
    tokenSeconds = 60,
    lockAfter = Infinity,
    now = Date.now,
  } = options;
  const accounts = createAccounts({ lockAfter, openToAll });
  for (const [name, user] of Object.entries(users)) accounts.add(name, user);
  const tokens = createTokens({ accounts, seconds: tokenSeconds, anonymous: openToAll.length > 0 || hides, now });
  const images = createImages();
  const api = createApi(images);
  let broken: number | undefined;

  /** Undefined: come in. */
  function refuse(route: Route, exchange: Exchange): Reply | undefined {
    if (auth === 'anonymous') return undefined;
    return auth === 'basic' ? refuseBasic(route, exchange) : refuseBearer(route, exchange);
  }

  function refuseBasic(route: Route, { headers }: Exchange): Reply | undefined {
    const login = basicLogin(headers.authorization);
    const isRight = hasPassword ?? accounts.login;
    if (login === undefined || !isRight(login.username, login.password)) {
      return failure(401, 'UNAUTHORIZED', 'authentication required', {
        'www-authenticate': 'Basic realm="Sandbox Registry"',
      });
    }
    return route.type === 'root' || accounts.mayUse(login.username, route.repository)
      ? undefined
      : failure(403, 'DENIED', 'requested access to the resource is denied');
  }

  function refuseBearer(route: Route, { method, headers }: Exchange): Reply | undefined {
    const claims = tokens.read(/^bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1] ?? '');
    // Each method needs the right of its own, as in Distribution.
    const action = method === 'DELETE' ? 'delete' : isPush(method) ? 'push' : 'pull';
    if (route.type === 'root') return claims === undefined ? challenge() : undefined;
    if (
      claims?.access.some(({ repository, actions }) => repository === route.repository && actions.includes(action)) ===
      true
    )
      return undefined;
    if (hides && claims !== undefined) return failure(404, 'NAME_UNKNOWN', 'repository name not known to registry');
    return challenge(
      `repository:${route.repository}:${action === 'push' ? 'pull,push' : action}`,
      claims === undefined ? undefined : 'insufficient_scope',
    );
  }

  function challenge(scope?: string, error?: string): Reply {
    const params = { realm: `${server.url}/token`, service: 'sandbox-registry', scope, error };
    const text = Object.entries(params)
      .flatMap(([name, value]) => (value === undefined ? [] : [`${name}="${value}"`]))
      .join(',');
    return failure(401, 'UNAUTHORIZED', 'authentication required', { 'www-authenticate': `Bearer ${text}` });
  }

  const server = await serve(options, (exchange) => {
    if (broken !== undefined)
      return failure(broken, broken === 429 ? 'TOOMANYREQUESTS' : 'UNAVAILABLE', 'out of order');
    if (exchange.path === '/token' && auth === 'bearer') return tokens.endpoint(exchange);
    const route = routeOf(exchange.path);
    return route === undefined
      ? failure(404, 'NAME_UNKNOWN', 'no such path')
      : (refuse(route, exchange) ?? api(route, exchange));
  });

  return {
    ...server,
    ...accounts,
    putImage(repository, tag, text = `${repository}:${tag}\n`) {
      const image = tinyImage(text);
      for (const blob of image.blobs) images.putBlob(repository, blob);
      return { digest: images.putManifest(repository, tag, OCI_MANIFEST, image.manifest).digest };
    },
    removeTag: (repository, tag) => images.untag(repository, tag),
    breakDown: (status) => void (broken = status),
  };
}
