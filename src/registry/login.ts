/** What is tried at a registry. Never log one, never put any part of one into an error. */
export interface Login {
  readonly username: string;
  readonly password: string;
}

/** Why it cannot be sent at all; undefined when it can. */
export function unusable({ username, password }: Login): string | undefined {
  if (username === '' && password === '') return 'the login is empty';
  // RFC 7617: the first ":" ends the user name, so that the server would read another login.
  return username.includes(':') ? 'the user name holds a ":", which Basic authentication cannot carry' : undefined;
}
