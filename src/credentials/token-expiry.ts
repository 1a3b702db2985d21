/** When a password or identity token ends, where it says so itself: many are JSON Web Tokens (RFC 7519). */

/** Undefined: not a JWT, or one without a usable `exp`. The signature is not checked: this is for reports only. */
export function tokenExpiry(token: string): Date | undefined {
  const exp = tokenClaims(token)?.['exp'];
  const date = typeof exp === 'number' ? new Date(exp * 1000) : undefined;
  // A number beyond what a Date can hold makes an invalid one.
  return date === undefined || Number.isNaN(date.getTime()) ? undefined : date;
}

/** The claims of a JWT, unverified; undefined when it is none. */
export function tokenClaims(token: string): Readonly<Record<string, unknown>> | undefined {
  const [header, claims, signature, ...more] = token.trim().split('.');
  if (header === undefined || claims === undefined || signature === undefined || more.length > 0) return undefined;
  return decode(header) === undefined ? undefined : decode(claims);
}

function decode(part: string): Record<string, unknown> | undefined {
  if (!/^[\w-]+$/.test(part)) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Of a login: its password's, or else its identity token's. */
export function loginExpiry({
  password,
  identityToken,
}: {
  readonly password: string;
  readonly identityToken?: string | undefined;
}): Date | undefined {
  return tokenExpiry(password) ?? (identityToken === undefined ? undefined : tokenExpiry(identityToken));
}
