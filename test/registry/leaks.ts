/** Looks for a login in what people get to see. */
import { inspect } from 'node:util';

interface AnyLogin {
  readonly username?: string;
  readonly password?: string;
  readonly identityToken?: string;
}

/** The forms of the login that show in `value`: as it is, in Basic, in a URL or form, in JSON. Errors are searched with all they carry. */
export function leaks(value: unknown, { username = '', password = '', identityToken = '' }: AnyLogin): string[] {
  const forms = [username, password, identityToken].flatMap((secret) => [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret).toString('base64').replace(/=+$/, ''),
  ]);
  // Without its last digits, which depend on what follows.
  forms.push(Buffer.from(`${username}:${password}`).toString('base64').slice(0, -4));
  const text =
    typeof value === 'string'
      ? value
      : `${inspect(value, { depth: 10, showHidden: true, maxArrayLength: null, maxStringLength: null })}\n${JSON.stringify(value) ?? ''}`;
  return forms.filter((form) => form.length >= 4 && text.includes(form));
}
