/** Renders the content of a copy: usable logins, one per registry key, as text that depends only on them. */
import { encodeBase64 } from './base64.ts';
import type { Credential } from './docker-config.ts';

/** A usable login under its registry key, as copies hold it. */
type UsableCredential = Pick<Credential, 'key' | 'username' | 'password' | 'email'>;

/** The API server's limit for all values of a Secret. */
const MAX_SECRET_BYTES = 1024 * 1024;

/**
 * The value of `.dockerconfigjson`. Equal logins give the same text, whatever their order and original spelling.
 * Fields as in `kubectl create secret docker-registry`. Always with `auth`: CRI-O's credential provider reads nothing else,
 * and takes an absent one for an empty login.
 */
export function renderContent(credentials: readonly UsableCredential[]): string {
  const sorted = [...credentials].sort((a, b) => (a.key < b.key ? -1 : 1));
  const member = ({ key, username, password, email }: UsableCredential): string =>
    `${JSON.stringify(key)}:${JSON.stringify({ username, password, ...(email !== undefined && { email }), auth: encodeBase64(`${username}:${password}`) })}`;
  return `{"auths":{${sorted.map(member).join(',')}}}`;
}

/** Why a content cannot be a Secret; undefined: it can. */
export function tooLarge(content: string): string | undefined {
  return Buffer.byteLength(content) > MAX_SECRET_BYTES
    ? 'the copy would be larger than 1 MiB, which is the most a Secret can hold; use fewer registries and aliases'
    : undefined;
}
