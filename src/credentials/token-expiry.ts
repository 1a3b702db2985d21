/** When a password or identity token expires, if it says so itself: a JSON Web Token (RFC 7519), or a token of Amazon ECR. */

/** From when until when a token counts. */
export interface TokenSpan {
  readonly endsAt: Date;
  /** In milliseconds, from its issue to its end; undefined: the token does not say when it was issued. */
  readonly lifetimeMs: number | undefined;
}

/** What Amazon says of every ECR password: it is valid for 12 hours. Tokens of short sessions end sooner. */
const ECR_LIFETIME_MS = 12 * 3_600_000;

/** Undefined: the token does not say when it ends. Signatures are not checked: this is for reports only. */
export function tokenSpan(token: string): TokenSpan | undefined {
  const claims = tokenClaims(token);
  if (claims !== undefined) {
    const endsAt = dateOf(claims['exp']);
    const issuedAt = dateOf(claims['iat']) ?? dateOf(claims['nbf']);
    return endsAt && { endsAt, lifetimeMs: issuedAt && lifetime(endsAt.getTime() - issuedAt.getTime()) };
  }
  const endsAt = ecrEnd(token);
  return endsAt && { endsAt, lifetimeMs: ECR_LIFETIME_MS };
}

export const tokenExpiry = (token: string): Date | undefined => tokenSpan(token)?.endsAt;

/** The claims of a JWT, unverified; undefined: not a JWT. */
export function tokenClaims(token: string): Readonly<Record<string, unknown>> | undefined {
  const [header, claims, signature, ...more] = token.trim().split('.');
  if (header === undefined || claims === undefined || signature === undefined || more.length > 0) return undefined;
  return decode(header) === undefined ? undefined : decode(claims);
}

/** The span of a login: of its password, else of its identity token. */
export function loginSpan({
  password,
  identityToken,
}: {
  readonly password: string;
  readonly identityToken?: string | undefined;
}): TokenSpan | undefined {
  return tokenSpan(password) ?? (identityToken === undefined ? undefined : tokenSpan(identityToken));
}

export const loginExpiry = (login: Parameters<typeof loginSpan>[0]): Date | undefined => loginSpan(login)?.endsAt;

/** Passwords of ECR, private and public, are JSON in base64: `{payload, datakey, version, type, expiration}`. */
function ecrEnd(token: string): Date | undefined {
  const trimmed = token.trim();
  // A password of `{"` begins like this in base64; all others are not decoded.
  if (!trimmed.startsWith('eyJ') || !/^[\w+/-]+={0,2}$/.test(trimmed)) return undefined;
  const { payload, datakey, expiration } = parse(Buffer.from(trimmed, 'base64')) ?? {};
  return typeof payload === 'string' && typeof datakey === 'string' ? dateOf(expiration) : undefined;
}

/** From seconds since 1970. A number outside the range of Date gives an invalid date. */
function dateOf(seconds: unknown): Date | undefined {
  const date = typeof seconds === 'number' ? new Date(seconds * 1000) : undefined;
  return date === undefined || Number.isNaN(date.getTime()) ? undefined : date;
}

/** An issue after the end says nothing. */
const lifetime = (ms: number): number | undefined => (ms > 0 ? ms : undefined);

const decode = (part: string): Record<string, unknown> | undefined =>
  /^[\w-]+$/.test(part) ? parse(Buffer.from(part, 'base64url')) : undefined;

function parse(bytes: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
