/** When a password or identity token expires, if it is a JSON Web Token (RFC 7519), as many are. */

/** Undefined: not a JWT, or one without a usable `exp`. The signature is not checked: this is for reports only. */
export function tokenExpiry(token: string): Date | undefined {
  const exp = tokenClaims(token)?.['exp'];
  const date = typeof exp === 'number' ? new Date(exp * 1000) : undefined;
  // A number outside the range of Date gives an invalid date.
  return date === undefined || Number.isNaN(date.getTime()) ? undefined : date;
}

/** The claims of a JWT, unverified; undefined: not a JWT. */
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

/** The expiry of a login: of its password, else of its identity token. */
export function loginExpiry({
  password,
  identityToken,
}: {
  readonly password: string;
  readonly identityToken?: string | undefined;
}): Date | undefined {
  return tokenExpiry(password) ?? (identityToken === undefined ? undefined : tokenExpiry(identityToken));
}
