/** Requests to one repository of a registry or cache proxy: logs in when it is asked to, and goes on with that. */
import { apiUrl, isRepository, locateRegistry, locateBase, pullScope } from './endpoint.ts';
import { readDemand } from './handshake.ts';
import type { HttpAuth, HttpClient, HttpMethod, HttpResponse } from './http.ts';
import { HttpError } from './http-error.ts';
import { unusable } from './login.ts';
import type { Login } from './login.ts';
import { requestToken } from './token.ts';

export interface RepositoryAccess {
  /** `http://hub-cache.registry-cache:5000`; https unless it starts with `http://`. Any name of Docker Hub means its API host. */
  readonly base: string;
  /** The repository name at `base`, with its prefix if it has one: `dockerhub/corp/app`. */
  readonly repository: string;
  readonly login?: Login | undefined;
  /** Whether to ask for the right to push, too. */
  readonly push?: boolean;
  readonly http: HttpClient;
  readonly signal?: AbortSignal | undefined;
}

interface RepositoryRequest {
  readonly method: HttpMethod;
  /** Below the repository, `manifests/1.0`; or an absolute URL of the same origin, as a server gives for an upload. */
  readonly path: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Longest body to read, in bytes. */
  readonly maxBytes?: number;
}

/** No request could be made as asked. `refused`: by the registry or its token server. `why`: one line, without any part of the login. */
export interface Denial {
  readonly state: 'refused' | 'unknown';
  /** HTTP status of the last answer; undefined if there was none. */
  readonly status?: number;
  readonly why: string;
}

export interface Repository {
  /** Host and port. */
  readonly host: string;
  /** Scheme, host and port. */
  readonly origin: string;
  /** `corp/app`. */
  readonly name: string;
  /** Rejects only with the reason of an aborted signal. */
  send(request: RepositoryRequest): Promise<HttpResponse | Denial>;
  /** Whether the registry itself, not one repository, lets the login in: `/v2/`. */
  enter(): Promise<HttpResponse | Denial>;
}

export const isDenial = (answer: HttpResponse | Denial): answer is Denial => 'why' in answer;

/** Sends nothing yet. */
export function openRepository(access: RepositoryAccess): Repository | Denial {
  const { repository, login, push = false, http, signal } = access;
  const hub = locateRegistry(access.base);
  const located = /^https?:\/\//.test(access.base) ? locateBase(access.base) : hub;
  if (!located.ok) return { state: 'unknown', why: `the registry cannot be asked: ${located.why}` };
  const base = located.url;
  if (!isRepository(repository))
    return { state: 'unknown', why: `${base.host}: the repository to ask for is malformed` };
  const problem = login === undefined ? undefined : unusable(login);
  if (problem !== undefined) return { state: 'unknown', why: `${base.host}: the login was not tried: ${problem}` };
  let permit: HttpAuth | undefined;

  async function request(url: string, { method, headers, body, maxBytes }: Omit<RepositoryRequest, 'path'>) {
    const send = (auth?: HttpAuth): Promise<HttpResponse> =>
      http.request({
        method,
        url,
        auth,
        signal,
        ...(headers && { headers }),
        ...(body !== undefined && { body }),
        ...(maxBytes !== undefined && { maxBytes }),
      });
    const first = await send(permit);
    if (first.status !== 401) return first;
    // Without a permit yet; or its token has ended.
    const entered = await permission(first, method);
    if ('why' in entered) return entered;
    return send((permit = entered));
  }

  /** The login or token to send. */
  async function permission(refusal: HttpResponse, method: HttpMethod): Promise<HttpAuth | Denial> {
    const { status } = refusal;
    const demand = readDemand(refusal, base);
    if (demand.type !== 'login')
      return { state: 'unknown', status, why: `the registry ${demand.type === 'unknown' ? demand.why : 'is open'}` };
    const { scheme } = demand;
    if (scheme.type === 'basic') return login ?? { state: 'refused', status, why: 'the registry asks for a login' };
    const actions = push ? (method === 'DELETE' ? ',push,delete' : ',push') : '';
    const scope = `${pullScope(repository)}${actions}`;
    // Also without a login: public images are pulled with anonymous tokens.
    const answer = await requestToken({ realm: scheme.realm, service: scheme.service, scope, login, http, signal });
    return answer.state === 'issued'
      ? { bearer: answer.token }
      : {
          state: answer.state,
          status: answer.status,
          why: `no token to ${push ? 'push' : 'pull'} with: ${answer.why}`,
        };
  }

  async function careful(ask: () => Promise<HttpResponse | Denial>): Promise<HttpResponse | Denial> {
    signal?.throwIfAborted();
    try {
      return await ask();
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof HttpError) return { state: 'unknown', why: error.message };
      throw error;
    }
  }

  return {
    host: base.host,
    origin: base.origin,
    name: repository,
    send: ({ path, ...rest }) =>
      careful(() => {
        if (typeof path === 'string') return request(apiUrl(base, `${repository}/${path}`), rest);
        if (path.origin === base.origin) return request(path.href, rest);
        return Promise.resolve({ state: 'unknown', why: 'it names another host for an upload, which is not followed' });
      }),
    enter: () => careful(() => request(apiUrl(base), { method: 'GET' })),
  };
}
