/** ServiceAccount tokens: JWTs signed by the sandbox, valid until they expire or their ServiceAccount is deleted. */
import { createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import type { KubeObject } from '../json.ts';
import type { Store } from '../store/store.ts';
import { AUTHENTICATED, CREDENTIAL_ID, serviceAccountUser, type User } from './user.ts';

export const ISSUER = 'https://kubernetes.default.svc';

export interface IssuedToken {
  readonly token: string;
  readonly expires: Date;
}

export interface StaticToken {
  readonly user: string;
  readonly groups?: readonly string[];
}

interface Claims {
  readonly aud: readonly string[];
  readonly exp: number;
  readonly jti: string;
  readonly 'kubernetes.io': {
    readonly namespace: string;
    readonly serviceaccount: { readonly name: string; readonly uid: string };
  };
}

export class Tokens {
  readonly #key = randomBytes(32);
  readonly #store: Store;
  readonly #fixed: { readonly [token: string]: StaticToken };

  constructor(store: Store, fixed: { readonly [token: string]: StaticToken }) {
    this.#store = store;
    this.#fixed = fixed;
  }

  issue(account: KubeObject, seconds: number, audiences: readonly string[]): IssuedToken {
    const { name, namespace = '', uid = '' } = account.metadata;
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      aud: audiences,
      exp: now + seconds,
      iat: now,
      iss: ISSUER,
      jti: randomUUID(),
      nbf: now,
      'kubernetes.io': { namespace, serviceaccount: { name, uid } },
      sub: `system:serviceaccount:${namespace}:${name}`,
    };
    const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
    return { token: `${text}.${this.#sign(text)}`, expires: new Date((now + seconds) * 1000) };
  }

  /** The user behind a token, or undefined when the token is not good (any more). */
  user(token: string, audience = ISSUER): User | undefined {
    const fixed = this.#fixed[token];
    if (fixed) return { name: fixed.user, groups: [...(fixed.groups ?? []), AUTHENTICATED] };
    const claims = this.#verify(token);
    if (!claims || claims.exp * 1000 < Date.now() || !claims.aud.includes(audience)) return undefined;
    const {
      namespace,
      serviceaccount: { name, uid },
    } = claims['kubernetes.io'];
    if (this.#store.get('/serviceaccounts', namespace, name)?.metadata.uid !== uid) return undefined;
    return { ...serviceAccountUser(namespace, name, uid), extra: { [CREDENTIAL_ID]: [`JTI=${claims.jti}`] } };
  }

  /** Why a token is not good, as a TokenReview says it. */
  refusal(token: string, audiences: readonly string[]): string {
    const claims = this.#verify(token);
    if (!claims) return 'invalid bearer token';
    const {
      namespace,
      serviceaccount: { name },
    } = claims['kubernetes.io'];
    const quoted = (list: readonly string[]): string =>
      `[${list.map((audience) => JSON.stringify(audience)).join(' ')}]`;
    if (!claims.aud.some((audience) => audiences.includes(audience)))
      return `[invalid bearer token, token audiences ${quoted(claims.aud)} is invalid for the target audiences ${quoted(audiences)}]`;
    return this.#store.get('/serviceaccounts', namespace, name)
      ? 'invalid bearer token'
      : `[invalid bearer token, serviceaccounts "${name}" not found]`;
  }

  #verify(token: string): Claims | undefined {
    const [header, body, signature, ...more] = token.split('.');
    if (header === undefined || body === undefined || signature === undefined || more.length > 0) return undefined;
    const expected = Buffer.from(this.#sign(`${header}.${body}`));
    const given = Buffer.from(signature);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
    return JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as Claims;
  }

  #sign(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('base64url');
  }
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
