/** One alias of a source: the entry that it adds to the copy. */
import type { AliasConfig } from '../config/schema.ts';
import { TYPE_BASIC_AUTH, TYPE_DOCKER_CONFIG_JSON } from '../names.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { toText } from './byte-string.ts';
import { type SecretContent, parseSecret } from './docker-config.ts';
import { canonicalRegistry, findEntry, quoteKey } from './registry-name.ts';

/** An entry of the source: its key, and its value as it was written. */
export interface SourceEntry {
  key: string;
  json: string;
}
export type ResolvedAlias = { ok: true; json: string; warnings: string[] } | { ok: false; problem: string };

/** Never throws; the problem names the alias and what to do, never a login. */
export function resolveAlias(alias: AliasConfig, sources: readonly SourceEntry[], logins: ReadonlyMap<string, SecretContent>): ResolvedAlias {
  const name = `alias ${quoteKey(alias.host)}`;
  if (canonicalRegistry(alias.host) === undefined) {
    return { ok: false, problem: `${name}: is not a registry that kubelets understand; write host, host:port or host/path` };
  }
  if ('from' in alias) {
    const entry = findEntry(sources, alias.from);
    if (entry !== undefined) return { ok: true, json: entry.json, warnings: [] };
    return { ok: false, problem: `${name}: the source has no entry ${quoteKey(alias.from)}; it has ${known(sources)}` };
  }
  const secret = logins.get(alias.login.secret);
  const what = `Secret "${alias.login.secret}"`;
  if (secret === undefined) return { ok: false, problem: `${name}: ${what} does not exist; create it next to the source` };
  const login = readLogin(secret);
  if ('problem' in login) return { ok: false, problem: `${name}: ${what} ${login.problem}` };
  const { username, password } = login;
  const warnings = [username, password].some((value) => /[\r\n]$/.test(value))
    ? [`${name}: a value of ${what} ends with a line break, which is hardly a part of it (echo adds one, echo -n does not)`]
    : [];
  return { ok: true, json: JSON.stringify({ username, password, auth: encodeBase64(`${username}:${password}`) }), warnings };
}

type Login = { username: string; password: string } | { problem: string };

function readLogin(secret: SecretContent): Login {
  const login = secret.type === TYPE_BASIC_AUTH ? basicAuth(secret) : onlyEntry(secret);
  if ('problem' in login) return login;
  if (login.username === '' || login.password === '') return { problem: `has no ${login.username === '' ? 'username' : 'password'}` };
  if (`${login.username}${login.password}`.includes('\ufffd')) return { problem: 'has a login that is not UTF-8, which kubelets cannot use' };
  // HTTP Basic separates the two at the first ":", and so does every reader of `auth`.
  return login.username.includes(':') ? { problem: 'has a ":" in its username, which no registry login can carry' } : login;
}

function onlyEntry(secret: SecretContent): Login {
  if (secret.type !== TYPE_DOCKER_CONFIG_JSON) {
    return { problem: `is of type ${JSON.stringify(secret.type ?? 'Opaque')}; it must be ${TYPE_BASIC_AUTH}, or ${TYPE_DOCKER_CONFIG_JSON} with exactly one entry` };
  }
  const parsed = parseSecret(secret);
  if (!parsed.ok) return { problem: parsed.problems.join('; ') };
  const [credential, ...more] = parsed.credentials;
  if (credential !== undefined && more.length === 0) return credential;
  return { problem: `has ${parsed.credentials.length} entries; a login has exactly one` };
}

function basicAuth({ data = {} }: SecretContent): Login {
  const login = { username: '', password: '' };
  for (const field of ['username', 'password'] as const) {
    const bytes = decodeBase64(Object.hasOwn(data, field) ? (data[field] ?? '') : '', 'padded');
    if (bytes === undefined) return { problem: `data["${field}"] is not base64` };
    login[field] = toText(bytes);
  }
  return login;
}

function known(sources: readonly SourceEntry[]): string {
  const shown = sources.slice(0, 10).map(({ key }) => quoteKey(key)).join(', ');
  return sources.length > 10 ? `${shown} and ${sources.length - 10} more` : shown;
}
