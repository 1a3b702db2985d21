/** Asks a token server for a Bearer token: distribution's token specification, and its OAuth 2 form. */
import { describe, isRefusal, parseObject } from './answer.ts';
import type { HttpClient, HttpResponse } from './http.ts';
import { redactUrl } from './http-error.ts';
import type { Login } from './login.ts';

interface TokenRequest {
  /** Checked: see `locateRealm`. */
  readonly realm: URL;
  readonly service: string | undefined;
  /** `repository:corp/app:pull`; undefined asks for a token that only proves the login. */
  readonly scope: string | undefined;
  /** Undefined asks for an anonymous token. */
  readonly login: Login | undefined;
  readonly http: HttpClient;
  readonly signal: AbortSignal | undefined;
}

/** `refused`: by the token server. `unknown`: no usable answer. `why` starts with the token server's URL. */
type TokenAnswer =
  /** `seconds`: how long the token lives. */
  | { readonly state: 'issued'; readonly token: string; readonly seconds: number }
  | { readonly state: 'refused'; readonly status: number; readonly why: string }
  | { readonly state: 'unknown'; readonly status: number; readonly why: string };

/** The specification's default; clients take shorter lifetimes for this one. */
const SHORTEST_SECONDS = 60;
/** A year: whoever waits for the end of a token waits no longer. JSON can say infinity, and the state can not keep that. */
const LONGEST_SECONDS = 365 * 86_400;
/** A token answer is some KiB. */
const MAX_BYTES = 256 * 1024;

/**
 * GET, which nearly every token server has; the OAuth POST only if there is no GET, because a second try with the same
 * wrong password counts twice towards a locked account.
 * @throws HttpError
 */
export async function requestToken(request: TokenRequest): Promise<TokenAnswer> {
  const response = await get(request);
  const noGet = request.login !== undefined && (response.status === 404 || response.status === 405);
  return read(noGet ? await post(request) : response, request);
}

function get({ realm, service, scope, login, http, signal }: TokenRequest): Promise<HttpResponse> {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  if (scope !== undefined) url.searchParams.append('scope', scope);
  if (login !== undefined) url.searchParams.set('account', login.username);
  return http.request({ method: 'GET', url: url.href, auth: login, signal, maxBytes: MAX_BYTES });
}

function post({ realm, service, scope, login, http, signal }: TokenRequest): Promise<HttpResponse> {
  const form = new URLSearchParams({ client_id: 'pullpass' });
  if (service !== undefined) form.set('service', service);
  if (scope !== undefined) form.set('scope', scope);
  if (login !== undefined) {
    form.set('grant_type', 'password');
    form.set('username', login.username);
    form.set('password', login.password);
  }
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return http.request({ method: 'POST', url: realm.href, headers, body: form.toString(), signal, maxBytes: MAX_BYTES });
}

function read(response: HttpResponse, { realm }: TokenRequest): TokenAnswer {
  const { status } = response;
  const document = parseObject(response.body);
  if (status === 200) {
    // The specification has both names for the token; OAuth answers have only the second.
    const token = [document?.['token'], document?.['access_token']].find(
      (value) => typeof value === 'string' && value !== '',
    );
    const { expires_in: seconds = SHORTEST_SECONDS } = document ?? {};
    if (typeof token === 'string' && /^[!-~]{1,24000}$/.test(token))
      return {
        state: 'issued',
        token,
        seconds: Math.min(LONGEST_SECONDS, Math.max(SHORTEST_SECONDS, Number(seconds) || 0)),
      };
    return {
      state: 'unknown',
      status,
      why: `${redactUrl(realm)} answers ${describe(response)} without a usable token`,
    };
  }
  // RFC 6749 section 5.2: a wrong password is a 400 with this error.
  const refused = isRefusal(response) || (status === 400 && document?.['error'] === 'invalid_grant');
  return { state: refused ? 'refused' : 'unknown', status, why: `${redactUrl(realm)} answers ${describe(response)}` };
}
