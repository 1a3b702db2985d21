/** Bearer tokens and the endpoint that issues them: distribution's token specification (GET) and its OAuth 2 form (POST). */
import { createHmac, randomBytes } from 'node:crypto';
import type { Accounts } from './accounts.ts';
import { basicLogin, failure, json } from './server.ts';
import type { Exchange, Reply } from './server.ts';

/** `repository:corp/app:pull,push` */
export interface Access {
  readonly repository: string;
  readonly actions: readonly string[];
}
export interface Claims {
  /** User name; empty for somebody without a login, as the specification has it. */
  readonly sub: string;
  /** Seconds since 1970. */
  readonly exp: number;
  readonly access: readonly Access[];
}

export interface Tokens {
  /** The answer of the token endpoint. */
  endpoint(exchange: Exchange): Reply;
  /** Undefined: forged, or at its end. */
  read(token: string): Claims | undefined;
}

export interface TokenOptions {
  readonly accounts: Accounts;
  readonly seconds: number;
  /** Issue tokens to requests without a login. */
  readonly anonymous: boolean;
  readonly now: () => number;
}

export function createTokens({ accounts, seconds, anonymous, now }: TokenOptions): Tokens {
  const key = randomBytes(32);
  const sign = (text: string): string => createHmac('sha256', key).update(text).digest('base64url');

  function issue(user: string | undefined, scopes: readonly string[], refresh: boolean): Reply {
    const claims: Claims = {
      sub: user ?? '',
      exp: Math.floor(now() / 1000) + seconds,
      access: scopes.flatMap((scope) => grant(user, scope)),
    };
    const text = [
      { alg: 'HS256', typ: 'JWT' },
      { ...claims, jti: randomBytes(8).toString('hex') },
    ]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    const token = `${text}.${sign(text)}`;
    const offline = refresh && user !== undefined ? { refresh_token: accounts.identityToken(user) } : {};
    return json(
      200,
      { token, access_token: token, expires_in: seconds, issued_at: new Date(now()).toISOString(), ...offline },
      { 'cache-control': 'no-store' },
    );
  }

  /** What is asked for and not allowed is left out, without an error: so real token servers do it. */
  function grant(user: string | undefined, scope: string): Access[] {
    const [, repository, actions] = /^repository(?:\([^)]*\))?:(.+):([a-z,*]*)$/.exec(scope) ?? [];
    if (repository === undefined || !accounts.mayUse(user, repository)) return [];
    const allowed = (actions ?? '')
      .split(',')
      .filter(
        (action) =>
          action === 'pull' ||
          (action === 'push' && user !== undefined) ||
          (action === 'delete' && accounts.mayDelete(user)),
      );
    return [{ repository, actions: allowed }];
  }

  function get({ headers, query }: Exchange): Reply {
    const scopes = query.getAll('scope').flatMap((scope) => scope.split(' '));
    if (headers.authorization === undefined) return anonymous ? issue(undefined, scopes, false) : refuse();
    const login = basicLogin(headers.authorization);
    if (login === undefined || !accounts.login(login.username, login.password)) return refuse();
    return issue(login.username, scopes, query.get('offline_token') === 'true');
  }

  function post({ body }: Exchange): Reply {
    const form = new URLSearchParams(body.toString('utf8'));
    const scopes = (form.get('scope') ?? '').split(' ');
    const offline = form.get('access_type') === 'offline';
    switch (form.get('grant_type')) {
      case 'password': {
        const username = form.get('username') ?? '';
        return accounts.login(username, form.get('password') ?? '') ? issue(username, scopes, offline) : refuse();
      }
      case 'refresh_token': {
        const user = accounts.redeem(form.get('refresh_token') ?? '');
        return user === undefined ? refuse() : issue(user, scopes, false);
      }
      default:
        return json(400, { error: 'unsupported_grant_type' });
    }
  }

  return {
    endpoint: (exchange) =>
      exchange.method === 'GET'
        ? get(exchange)
        : exchange.method === 'POST'
          ? post(exchange)
          : failure(405, 'UNSUPPORTED', 'GET or POST'),
    read(token) {
      const [header = '', payload = '', signature] = token.split('.');
      if (signature !== sign(`${header}.${payload}`)) return undefined;
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as Claims;
      return claims.exp * 1000 > now() ? claims : undefined;
    },
  };
}

const refuse = (): Reply => failure(401, 'UNAUTHORIZED', 'incorrect username or password');
