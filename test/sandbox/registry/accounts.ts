/** The users of a sandbox registry. Counts failed logins, because real registries lock accounts after some. */
import { randomBytes } from 'node:crypto';

export interface User {
  readonly password: string;
  /** What the user may pull and push: `corp/app`, `corp/*`, `*`. */
  readonly repositories: readonly string[];
  /** Whether it may delete there. Default: no. */
  readonly mayDelete?: boolean;
}

export interface Accounts {
  /** Adds a user, or replaces it; failed logins are forgotten. */
  add(name: string, user: User): void;
  /** Identity tokens end with the old password. */
  setPassword(name: string, password: string): void;
  /** The user stays known, and no login of it works any more. */
  revoke(name: string): void;
  /** A login attempt: a failed one counts. */
  login(name: string, password: string): boolean;
  /** The user whose identity token this is. */
  redeem(identityToken: string): string | undefined;
  /** @throws when there is no such user. */
  identityToken(name: string): string;
  /** `name` undefined: somebody without a login. */
  mayUse(name: string | undefined, repository: string): boolean;
  mayDelete(name: string | undefined): boolean;
  /** Since the user was added or {@link Accounts.unlock}ed; unknown names count too. */
  failedLogins(name: string): number;
  isLocked(name: string): boolean;
  unlock(name: string): void;
}

interface Account extends User {
  readonly active: boolean;
}

export function createAccounts(options: { lockAfter: number; openToAll: readonly string[] }): Accounts {
  const accounts = new Map<string, Account>();
  const failures = new Map<string, number>();
  const identities = new Map<string, string>();

  const isLocked = (name: string): boolean => (failures.get(name) ?? 0) >= options.lockAfter;
  function forgetIdentities(name: string): void {
    for (const [token, owner] of identities) if (owner === name) identities.delete(token);
  }
  function existing(name: string): Account {
    const account = accounts.get(name);
    if (account === undefined) throw new Error(`the sandbox registry has no user ${name}`);
    return account;
  }

  return {
    add(name, user) {
      accounts.set(name, { ...user, active: true });
      failures.delete(name);
    },
    setPassword(name, password) {
      accounts.set(name, { ...existing(name), password, active: true });
      forgetIdentities(name);
    },
    revoke(name) {
      accounts.set(name, { ...existing(name), active: false });
      forgetIdentities(name);
    },
    login(name, password) {
      const account = accounts.get(name);
      const right = account?.active === true && account.password === password && !isLocked(name);
      if (!right) failures.set(name, (failures.get(name) ?? 0) + 1);
      return right;
    },
    redeem: (identityToken) => identities.get(identityToken),
    identityToken(name) {
      existing(name);
      const token = randomBytes(24).toString('base64url');
      identities.set(token, name);
      return token;
    },
    mayUse: (name, repository) =>
      [...options.openToAll, ...((name === undefined ? undefined : accounts.get(name))?.repositories ?? [])].some(
        (pattern) => matches(pattern, repository),
      ),
    mayDelete: (name) => name !== undefined && accounts.get(name)?.mayDelete === true,
    failedLogins: (name) => failures.get(name) ?? 0,
    isLocked,
    unlock: (name) => void failures.delete(name),
  };
}

function matches(pattern: string, repository: string): boolean {
  return (
    pattern === '*' || pattern === repository || (pattern.endsWith('/*') && repository.startsWith(pattern.slice(0, -1)))
  );
}
