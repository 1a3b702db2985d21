/** Resolves an alias of a source: a further registry key and its login. */
import { some } from '../text.ts';
import { TYPE_BASIC_AUTH, TYPE_DOCKER_CONFIG_JSON } from '../names.ts';
import { decodeBase64 } from './base64.ts';
import { toText } from './byte-string.ts';
import { type Credential, type SecretContent, parseSecret } from './docker-config.ts';
import { canonicalRegistry, findEntry, quoteKey } from './registry-name.ts';
import { unusable, WHY_CONTRADICTORY, WHY_UNUSABLE } from './usable-login.ts';

/** A further registry key, and where its login is: in an entry of the source, or in a Secret in the source's namespace. */
export type Alias =
  | { readonly host: string; readonly from: string }
  | { readonly host: string; readonly login: { readonly secret: string } };

type ResolvedAlias = { ok: true; credential: Credential; warnings: string[] } | { ok: false; problem: string };

/** `own`: the source's own usable logins. Never throws; the problem names the alias and what to do, never a login. */
export function resolveAlias(
  alias: Alias,
  own: readonly Credential[],
  logins: ReadonlyMap<string, SecretContent>,
): ResolvedAlias {
  const name = `alias ${quoteKey(alias.host)}`;
  if (canonicalRegistry(alias.host) === undefined) {
    return {
      ok: false,
      problem: `${name}: is not a registry that kubelets understand; write host, host:port or host/path`,
    };
  }
  if ('from' in alias) {
    const entry = findEntry(own, alias.from);
    if (entry !== undefined) return { ok: true, credential: { ...entry, key: alias.host }, warnings: [] };
    return {
      ok: false,
      problem: `${name}: the source has no usable login for ${quoteKey(alias.from)}; it has ${known(own)}`,
    };
  }
  const secret = logins.get(alias.login.secret);
  const what = `Secret "${alias.login.secret}"`;
  if (secret === undefined)
    return { ok: false, problem: `${name}: ${what} does not exist; create it next to the source` };
  const login = readLogin(secret);
  if ('problem' in login) return { ok: false, problem: `${name}: ${what} ${login.problem}` };
  const { username, password } = login;
  const warnings = [username, password].some((value) => /[\r\n]$/.test(value))
    ? [
        `${name}: a value of ${what} ends with a line break, which is hardly a part of it (echo adds one, echo -n does not)`,
      ]
    : [];
  return { ok: true, credential: { key: alias.host, username, password }, warnings };
}

type Login = { username: string; password: string } | { problem: string };

function readLogin(secret: SecretContent): Login {
  if (secret.type === TYPE_BASIC_AUTH) return basicAuth(secret);
  if (secret.type !== TYPE_DOCKER_CONFIG_JSON) {
    return {
      problem: `is of type ${JSON.stringify(secret.type ?? 'Opaque')}; it must be ${TYPE_BASIC_AUTH}, or ${TYPE_DOCKER_CONFIG_JSON} with exactly one entry`,
    };
  }
  const parsed = parseSecret(secret);
  if (!parsed.ok) return { problem: parsed.problems.join('; ') };
  const [credential, ...more] = parsed.credentials;
  if (credential === undefined || more.length > 0)
    return { problem: `has ${parsed.credentials.length} entries; a login has exactly one` };
  // The entry's key does not matter: the login is used under the alias's key.
  const why =
    credential.unusable === undefined || credential.unusable === 'no registry'
      ? undefined
      : WHY_UNUSABLE[credential.unusable];
  if (why !== undefined || credential.contradictory)
    return { problem: `has an entry that cannot be used: ${why ?? WHY_CONTRADICTORY}` };
  return credential;
}

function basicAuth({ data = {} }: SecretContent): Login {
  const login = { username: '', password: '' };
  for (const field of ['username', 'password'] as const) {
    const bytes = decodeBase64(Object.hasOwn(data, field) ? (data[field] ?? '') : '', 'padded');
    if (bytes === undefined) return { problem: `data["${field}"] is not base64` };
    login[field] = bytes;
  }
  const why = unusable({ key: 'registry.invalid', ...login }, false);
  return why === undefined
    ? { username: toText(login.username), password: toText(login.password) }
    : { problem: `cannot be used: ${WHY_UNUSABLE[why]}` };
}

const known = (own: readonly Credential[]): string =>
  some(
    own.map(({ key }) => quoteKey(key)),
    10,
  ) || 'none';
