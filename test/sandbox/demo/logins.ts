/** Invented registry logins. All their text forms are remembered, so that a leak is found anywhere. */
import { randomBytes } from 'node:crypto';

/** The registry of the demo. Nothing listens there: no login leaves this machine, and connections fail at once. */
export const REGISTRY = 'localhost:1';

export interface Login {
  readonly username: string;
  readonly password: string;
}

export interface Logins {
  /** A Docker config with a new password, as base64: the value of `.dockerconfigjson`. */
  readonly issue: (username?: string) => string;
  /** A new login, to be used where passwords are taken as they are. */
  readonly invent: (username: string) => Login;
  /** A Docker config with this login for one registry. */
  readonly contentFor: (registry: string, login: Login) => string;
  /** A Docker config whose second entry no kubelet can read; the first one is good. */
  readonly issueBroken: () => string;
  /** The text without any password or a form of one. */
  readonly redact: (text: string) => string;
  /** Whether a password, or a form of one, is in the text. */
  readonly leakedIn: (text: string) => boolean;
}

export function createLogins(): Logins {
  const known: string[] = [];

  function remember(document: unknown, ...forms: string[]): string {
    const content = base64(JSON.stringify(document));
    known.push(content, ...forms);
    return content;
  }
  function entry(username: string): { value: { username: string; password: string; auth: string }; forms: string[] } {
    const password = randomBytes(12).toString('hex');
    const auth = base64(`${username}:${password}`);
    return { value: { username, password, auth }, forms: [password, auth, base64(password)] };
  }

  return {
    issue(username = 'pull-robot') {
      const { value, forms } = entry(username);
      return remember({ auths: { [REGISTRY]: value } }, ...forms);
    },
    invent(username) {
      const {
        value: { password },
        forms,
      } = entry(username);
      known.push(...forms);
      return { username, password };
    },
    contentFor: (registry, { username, password }) =>
      remember({ auths: { [registry]: { username, password, auth: base64(`${username}:${password}`) } } }),
    issueBroken() {
      const { value, forms } = entry('pull-robot');
      return remember({ auths: { [REGISTRY]: value, 'mirror.example.com': { auth: 'not base64!' } } }, ...forms);
    },
    redact: (text) => known.reduce((rest, form) => rest.replaceAll(form, '[redacted]'), text),
    leakedIn: (text) => known.some((form) => text.includes(form)),
  };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
