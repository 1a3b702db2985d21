/** Whether a login shows that it is of a user of the registry, and not of a robot or service account. */
import { registryHost } from './registry-name.ts';
import type { Credential } from './docker-config.ts';

/** How it shows: the user name is an e-mail address; or the password is a token that the registry makes for a user only. */
export type Personal = 'e-mail address' | 'Docker Hub token' | 'GitHub token';

/** Where an e-mail address can only be the name of a user. Elsewhere a service account can have the name of a mailbox. */
const USERS_BY_MAIL: ReadonlySet<string> = new Set(['docker.io', 'quay.io', 'ghcr.io', 'docker.pkg.github.com']);
const GITHUB: ReadonlySet<string> = new Set(['ghcr.io', 'docker.pkg.github.com']);

/** Robots, service accounts, and fixed names that say nothing of whose the password is. Harbor: `robot$`; Quay: `org+robot`. */
const ROBOT = new RegExp(
  `^(?:${[
    String.raw`robot\$.*|[^@]*\+[^@]*|AWS|_json_key(?:_base64)?|oauth2accesstoken|00000000-0000-0000-0000-000000000000`,
    String.raw`x-access-token|\$oauthtoken|\$app|<token>|.*\[bot\].*`,
  ].join('|')})$`,
  'is',
);

/** undefined: it does not show, which is no proof of a robot. */
export function personalLogin({
  key,
  username,
  password,
}: Pick<Credential, 'key' | 'username' | 'password'>): Personal | undefined {
  if (ROBOT.test(username)) return undefined;
  const host = registryHost(key);
  // dckr_pat_: of a user; dckr_oat_: of an organization. ghp_: classic personal token; gho_: a user's, such as of `gh auth token`.
  if (host === 'docker.io' && password.startsWith('dckr_pat_')) return 'Docker Hub token';
  if (GITHUB.has(host) && /^gh[po]_/.test(password)) return 'GitHub token';
  return USERS_BY_MAIL.has(host) && /^[^\s@]+@[^\s@]+\.[^\s@.]+$/.test(username) ? 'e-mail address' : undefined;
}
