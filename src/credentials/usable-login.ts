/**
 * The one definition of a usable login: a user name and a password that a kubelet hands to the container runtime as they are.
 * For an entry without one: the cause, and what to do.
 */
import { isUtf8 } from './byte-string.ts';
import type { Entry } from './auth-entries.ts';
import { normaliseKey } from './registry-name.ts';

/** Why a kubelet has no usable login in an entry. */
export type Unusable =
  | 'no registry' // the key is no host: kubelets leave the entry out, or no image can match it
  | 'identity token' // with an empty password; kubelets ignore identity tokens
  | 'credential store' // an empty entry in a document whose logins are in a credential store
  | 'no login'
  | 'no username'
  | 'no password'
  | 'not UTF-8' // the runtime is called by protobuf, whose strings are UTF-8
  | 'encrypted' // what SOPS leaves in place of a value: nobody decrypted the file before it was applied
  | 'colon in the username'; // HTTP Basic ends the user name at the first ":"

const BY_SOPS = /^ENC\[[A-Z0-9_]+,data:[^\]]*\]$/;

/** `stored`: whether the document names a credential store or helpers. */
export function unusable(
  { key, username, password, identityToken }: Pick<Entry, 'key' | 'username' | 'password' | 'identityToken'>,
  stored: boolean,
): Unusable | undefined {
  const normal = normaliseKey(key);
  if (normal === undefined || normal === '' || normal.startsWith('/')) return 'no registry';
  if (password === '' && identityToken !== undefined) return 'identity token';
  if (username === '' && password === '') return stored ? 'credential store' : 'no login';
  if (username === '') return 'no username';
  if (password === '') return 'no password';
  if (BY_SOPS.test(username) || BY_SOPS.test(password)) return 'encrypted';
  if (!isUtf8(username) || !isUtf8(password)) return 'not UTF-8';
  return username.includes(':') ? 'colon in the username' : undefined;
}

/** Continues the text `registry "x": `. */
export const WHY_UNUSABLE: Readonly<Record<Unusable, string>> = {
  'no registry': 'kubelets leave it out, because it names no host; write host, host:port or host/path',
  'identity token': 'has only an identity token, which kubelets ignore; add a username and a password or access token',
  'credential store':
    'has no login, for the file names a credential store or helper, which kubelets cannot ask; ' +
    'create the Secret with kubectl create secret docker-registry, ' +
    'or log in with a Docker config that has no "credsStore" and "credHelpers"',
  'no login': 'has neither username nor password, so that kubelets pull without a login; add both',
  'no username': 'has no username; add it beside the password',
  'no password': 'has no password; add one, or an access token',
  'not UTF-8': 'its login is not UTF-8, which kubelets cannot hand to the container runtime; write it anew',
  encrypted: 'its login is still encrypted by SOPS; decrypt it where it is applied',
  'colon in the username': 'has a ":" in its username, which no registry login can carry; correct it',
};

export const WHY_CONTRADICTORY =
  '"auth" holds another login than "username" and "password", and kubelets use "auth"; write one login, best without "auth"';
