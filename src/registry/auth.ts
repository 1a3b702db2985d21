/** Checks whether a registry accepts a login, as a container runtime would, with at most one attempt that can be refused. */
import { tokenClaims } from '../credentials/token-expiry.ts';
import { describe, isHtml, isRefusal } from './answer.ts';
import { apiUrl, isRepository, locateRegistry, pullScope, registryLabel } from './endpoint.ts';
import { readDemand } from './handshake.ts';
import type { BearerScheme } from './handshake.ts';
import type { HttpAuth, HttpClient, HttpResponse } from './http.ts';
import { HttpError, redactUrl } from './http-error.ts';
import { unusable } from './login.ts';
import type { Login } from './login.ts';
import { requestToken } from './token.ts';

export interface LoginCheck {
  /** Host with or without port, URL, or registry key; https unless it starts with `http://`. */
  readonly registry: string;
  /** A private repository that the login must be able to pull from, `corp/app`: a stronger proof. */
  readonly repository?: string | undefined;
  readonly login: Login;
  readonly http: HttpClient;
  readonly signal?: AbortSignal | undefined;
}

export interface LoginVerdict {
  /**
   * `accepted`: the login gets access that a request without it does not get. `refused`: 401 or 403 to the login, from the
   * registry or its token server. `unknown`: everything else; it says nothing about the login.
   */
  readonly state: 'accepted' | 'refused' | 'unknown';
  /** One line, without any part of the login. */
  readonly why: string;
  /** The token server, as scheme, host and path. */
  readonly realm?: string;
  /** How long a token lives that the registry gives for the login; 0: it gives none. Absent: unknown. */
  readonly tokenSeconds?: number;
  /** The registry gives the same access without a login: one can only be tried on a private repository. */
  readonly open?: true;
}

type Conclude = (state: LoginVerdict['state'], why: string) => LoginVerdict;
type Ask = (url: string, auth?: HttpAuth) => Promise<HttpResponse>;

/** Up to 7 requests. Rejects only with the reason of an aborted `signal`: no answer is `unknown`. */
export async function checkLogin(check: LoginCheck): Promise<LoginVerdict> {
  const label = registryLabel(check.registry);
  const conclude: Conclude = (state, why) => ({ state, why: `${label}: ${why}` });
  check.signal?.throwIfAborted();
  const located = locateRegistry(check.registry);
  if (!located.ok) return conclude('unknown', `cannot be asked: ${located.why}`);
  const problem =
    unusable(check.login) ??
    (check.repository === undefined || isRepository(check.repository)
      ? undefined
      : 'the repository to try it on is malformed');
  if (problem !== undefined) return conclude('unknown', `the login was not tried: ${problem}`);
  try {
    return await handshake(check, located.url, conclude);
  } catch (error) {
    check.signal?.throwIfAborted();
    if (error instanceof HttpError) return conclude('unknown', error.message);
    throw error;
  }
}

async function handshake(
  { repository, login, http, signal }: LoginCheck,
  registry: URL,
  conclude: Conclude,
): Promise<LoginVerdict> {
  const ask: Ask = (url, auth) =>
    http.request({ method: 'GET', url, auth, signal, headers: { accept: 'application/json' } });
  const root = apiUrl(registry);
  // The URL that the login must open. On Docker Hub, listing tags does not count as a pull.
  const door = repository === undefined ? root : apiUrl(registry, `${repository}/tags/list?n=1`);

  let shut = root;
  let demand = readDemand(await ask(root), registry);
  if (demand.type === 'open' && repository !== undefined) {
    shut = door;
    demand = readDemand(await ask(door), registry);
  }
  if (demand.type === 'unknown') return conclude('unknown', demand.why);
  if (demand.type === 'open')
    return {
      ...conclude('unknown', 'takes anybody: it asks for no login, so that none can be checked'),
      open: true,
    };

  if (demand.scheme.type === 'bearer')
    return withToken({ scheme: demand.scheme, repository, door, login, http, signal }, ask, conclude);
  // First the URL that just refused a request without login: a refusal after that can only be about the repository.
  const say: Conclude = (state, why) => ({ ...conclude(state, why), tokenSeconds: 0 });
  const entered = enter(await ask(shut, login), shut === root);
  if (entered !== 'open' || shut === door) return judge(entered, say);
  return judge(enter(await ask(door, login), false), say, repository);
}

interface TokenCheck extends Pick<LoginCheck, 'repository' | 'login' | 'http' | 'signal'> {
  readonly scheme: BearerScheme;
  readonly door: string;
}

/** A token alone proves nothing: some token servers issue one to anybody, and some of those with any password. */
async function withToken(
  { scheme, repository, door, login, http, signal }: TokenCheck,
  ask: Ask,
  conclude: Conclude,
): Promise<LoginVerdict> {
  const realm = redactUrl(scheme.realm);
  const say: Conclude = (state, why) => ({
    ...conclude(state, why),
    realm,
    ...(ours.state === 'issued' && { tokenSeconds: ours.seconds }),
  });
  const request = {
    realm: scheme.realm,
    service: scheme.service,
    scope: repository === undefined ? scheme.scope : pullScope(repository),
    http,
    signal,
  };

  const ours = await requestToken({ ...request, login });
  if (ours.state === 'refused') return say('refused', `the login is refused: ${ours.why}`);
  if (ours.state === 'unknown') return say('unknown', ours.why);
  const entered = enter(await ask(door, { bearer: ours.token }), repository === undefined);
  if (entered !== 'open') return judge(entered, say, repository);

  const anybodys = await requestToken({ ...request, login: undefined });
  // Some token servers reject a request without an account as malformed, or have no GET: no anonymous token either.
  if (anybodys.state === 'refused' || (anybodys.state === 'unknown' && [400, 404, 405].includes(anybodys.status)))
    return judge('open', say);
  if (anybodys.state === 'unknown')
    return say(
      'unknown',
      `gave a token for the login, but whether it gives one to anybody is not known: ${anybodys.why}`,
    );
  const subject = subjectOf(ours.token);
  if (subject !== undefined && subject !== subjectOf(anybodys.token)) return judge('open', say);
  const without = enter(await ask(door, { bearer: anybodys.token }), repository === undefined);
  if (without === 'shut') return judge('open', say);
  return without === 'open'
    ? { ...say('unknown', 'opens to anybody in the same way, so that the login proves nothing'), open: true }
    : say('unknown', without.unclear);
}

/** Result of a request: `open` (access), `shut` (refused), or neither. */
type Entry = 'open' | 'shut' | { readonly unclear: string };

function enter(response: HttpResponse, atRoot: boolean): Entry {
  if (isRefusal(response)) return 'shut';
  // 404 at a repository: the login got access, but the repository does not exist.
  const open = (response.status >= 200 && response.status < 300) || (response.status === 404 && !atRoot);
  return open && !isHtml(response) ? 'open' : { unclear: `answers ${describe(response)} to the login` };
}

/** `repository`: given if the login itself was accepted before, so that a refusal is about the repository. */
function judge(entry: Entry, conclude: Conclude, repository?: string): LoginVerdict {
  if (entry === 'open') return conclude('accepted', 'takes the login');
  if (entry === 'shut')
    return conclude(
      'refused',
      repository === undefined ? 'the login is refused' : `the login may not pull from ${repository}`,
    );
  return conclude('unknown', entry.unclear);
}

/** The subject of a token, if it names one; empty in an anonymous token (distribution's token specification). */
function subjectOf(token: string): string | undefined {
  const subject = tokenClaims(token)?.['sub'];
  return typeof subject === 'string' && subject !== '' ? subject : undefined;
}
