/** A login that is tried at a registry. Never log it or put any part of it into an error. */
export interface Login {
  readonly username: string;
  readonly password: string;
}

/** Why a login cannot be sent; undefined if it can. */
export function unusable({ username, password }: Login): string | undefined {
  if (username === '' && password === '') return 'the login is empty';
  // RFC 7617: the first ":" ends the user name, so the server would read a different login.
  return username.includes(':') ? 'the user name holds a ":", which Basic authentication cannot carry' : undefined;
}
