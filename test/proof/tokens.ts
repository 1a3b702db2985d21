/** Tokens as a real Distribution takes them: JWTs (ES256) whose header has the certificate that signed them. */
import { createPrivateKey, randomBytes, sign, X509Certificate } from 'node:crypto';
import { createCertificateAuthority } from '../sandbox/kube-api/tls/certificates.ts';

export const SERVICE = 'upstream';
export const ISSUER = 'token-server';

/** `repository:corp/app:pull,push` */
export interface Scope {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

export interface TokenServer {
  /** What the registry trusts: `auth.token.rootcertbundle`. */
  readonly caPem: string;
  issue(user: string, access: readonly Scope[]): Record<string, unknown>;
}

export async function createTokenServer(seconds: number): Promise<TokenServer> {
  const ca = await createCertificateAuthority('token-server');
  const { certPem, keyPem } = await ca.client('token-signer', []);
  const key = createPrivateKey(keyPem);
  const header = { alg: 'ES256', typ: 'JWT', x5c: [new X509Certificate(certPem).raw.toString('base64')] };
  return {
    caPem: ca.certPem,
    issue(user, access) {
      const now = Math.floor(Date.now() / 1000);
      const jti = randomBytes(8).toString('hex');
      const claims = { iss: ISSUER, sub: user, aud: SERVICE, iat: now, nbf: now, exp: now + seconds, jti, access };
      const text = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
      const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
      const token = `${text}.${signature}`;
      return { token, access_token: token, expires_in: seconds, issued_at: new Date(now * 1000).toISOString() };
    },
  };
}

/** What cannot be read is left out, as real token servers do. */
export function readScopes(texts: readonly string[]): Scope[] {
  return texts
    .flatMap((text) => text.split(' '))
    .flatMap((text) => {
      const [, type, name, actions] = /^(\w+)(?:\([^)]*\))?:(.+):([a-z,*]*)$/.exec(text) ?? [];
      return type === undefined || name === undefined ? [] : [{ type, name, actions: (actions ?? '').split(',') }];
    });
}

/** The user that a token was issued to; its signature is the registry's business. */
export function userOf(authorization: string | undefined): string | undefined {
  const payload = /^bearer +[^.]+\.([^.]+)\./i.exec(authorization ?? '')?.[1];
  if (payload === undefined) return undefined;
  try {
    return (JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as { sub?: string }).sub;
  } catch {
    return undefined;
  }
}
