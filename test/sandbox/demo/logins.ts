/** Made-up registry logins. Every text form of them is remembered, so that a leak is found wherever it is. */
import { randomBytes } from 'node:crypto';

/** The registry of the whole demo; nobody is asked. */
export const REGISTRY = 'registry.example.com';

export interface Logins {
  /** A Docker config with a new password, as base64: the value of `.dockerconfigjson`. */
  readonly issue: (username?: string) => string;
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
  function entry(username: string): { value: object; forms: string[] } {
    const password = randomBytes(12).toString('hex');
    const auth = base64(`${username}:${password}`);
    return { value: { username, password, auth }, forms: [password, auth] };
  }

  return {
    issue(username = 'pull-robot') {
      const { value, forms } = entry(username);
      return remember({ auths: { [REGISTRY]: value } }, ...forms);
    },
    issueBroken() {
      const { value, forms } = entry('pull-robot');
      return remember({ auths: { [REGISTRY]: value, 'mirror.example.com': { auth: 'not base64!' } } }, ...forms);
    },
    redact: (text) => known.reduce((rest, form) => rest.replaceAll(form, '[redacted]'), text),
    leakedIn: (text) => known.some((form) => text.includes(form)),
  };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
