/** An upstream that believes every login and remembers the last one: what a cache in front of it really logs in with. */
import { basicLogin, failure, json, serve } from '../sandbox/registry/server.ts';
import type { RunningServer } from '../sandbox/registry/server.ts';

export interface AskingUpstream extends RunningServer {
  /** The login of the next request for a token; undefined: it came without one. Ask before the pull that causes it. */
  nextLogin(): Promise<{ username: string; password: string } | undefined>;
}

export async function startAskingUpstream(): Promise<AskingUpstream> {
  let tell: (login: { username: string; password: string } | undefined) => void = () => undefined;
  const server = await serve({}, ({ path, headers }) => {
    if (path === '/token') {
      tell(basicLogin(headers.authorization));
      return json(200, { token: 'any', expires_in: 60 });
    }
    if (headers.authorization !== undefined)
      return path === '/v2/' ? json(200, {}) : failure(404, 'MANIFEST_UNKNOWN', 'there is nothing here');
    return failure(401, 'UNAUTHORIZED', 'authentication required', {
      'www-authenticate': `Bearer realm="${server.url}/token",service="asking"`,
    });
  });
  return {
    ...server,
    nextLogin: () =>
      new Promise((resolve) => {
        tell = resolve;
      }),
  };
}
