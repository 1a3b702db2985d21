/** The two kinds of logins that a Docker config holds. Never log one, never put any part of one into an error. */

export interface PasswordLogin {
  readonly username: string;
  readonly password: string;
}
/** An OAuth refresh token, as `docker login` stores it for some registries. */
export interface IdentityLogin {
  readonly identityToken: string;
}
export type Login = PasswordLogin | IdentityLogin;

/** Why it cannot be sent at all; undefined when it can. */
export function unusable(login: Login): string | undefined {
  if ('identityToken' in login) return login.identityToken === '' ? 'the identity token is empty' : undefined;
  if (login.username === '' && login.password === '') return 'the login is empty';
  // RFC 7617: the first ":" ends the user name, so that the server would read another login.
  if (login.username.includes(':')) return 'the user name holds a ":", which Basic authentication cannot carry';
  return undefined;
}
