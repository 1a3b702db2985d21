/** What the programs answer: the plugin protocol of kubelets, and `get` of Docker's credential helpers. Pure. */
import { toByteString, toText } from '../credentials/byte-string.ts';
import { parseGoDuration } from '../credentials/go-duration.ts';
import { splitHostPort } from '../credentials/go-url.ts';
import { isGlob, lookup, makeKeyring } from '../credentials/keyring.ts';
import { normaliseKey } from '../credentials/registry-name.ts';
import { unusable } from '../credentials/usable-login.ts';
import { ProviderFailure } from './failure.ts';

/** Never log it, never put it into an error. */
export interface Login {
  readonly key: string;
  readonly username: string;
  readonly password: string;
}

export interface Answer {
  /** One for each registry key; at least one. */
  readonly logins: readonly Login[];
  /** For how long a kubelet would keep it, in milliseconds; undefined: it does not say, or says not to keep it. */
  readonly cacheMs?: number | undefined;
}

export const API_VERSION = 'credentialprovider.kubelet.k8s.io/v1';
const CACHE_KEY_TYPES = ['Image', 'Registry', 'Global'];
/** A plugin answers for one image: a few spellings of its registry. */
const MAX_KEYS = 100;

const wrong = (what: string): ProviderFailure => new ProviderFailure('answer', what);

/**
 * A CredentialProviderResponse. Of its logins, those that a kubelet would use for the image: a plugin decides no other registry.
 * A key with a glob is written as the host that was asked about, so that the login goes to no other.
 *
 * @param image without tag and digest
 * @throws ProviderFailure
 */
export function readPluginAnswer(output: Uint8Array, image: string): Answer {
  const { apiVersion, kind, cacheKeyType, cacheDuration, auth } = parse(output, 'a CredentialProviderResponse');
  if (kind !== 'CredentialProviderResponse' || apiVersion !== API_VERSION)
    throw wrong(`its answer is no CredentialProviderResponse of ${API_VERSION}`);
  if (typeof cacheKeyType !== 'string' || !CACHE_KEY_TYPES.includes(cacheKeyType))
    throw wrong(`the cacheKeyType of its answer is none of ${CACHE_KEY_TYPES.join(', ')}`);
  const cacheMs = cacheDuration ?? undefined;
  if (cacheMs !== undefined && (typeof cacheMs !== 'string' || parseGoDuration(cacheMs) === undefined))
    throw wrong('the cacheDuration of its answer is no duration');
  if (auth !== undefined && auth !== null && !isRecord(auth)) throw wrong('"auth" of its answer is no mapping');
  const entries = Object.entries(auth ?? {});
  if (entries.length > MAX_KEYS) throw wrong(`its answer has more than ${MAX_KEYS} logins`);
  const credentials = entries.map(([key, value]) => {
    if (!isRecord(value)) throw wrong('a login of its answer is no mapping');
    return { key, ...loginOf(value['username'], value['password']) };
  });
  const found = new Map<string, Login>();
  // In the order in which a kubelet tries them; the first of a key wins. An empty login stands for an anonymous pull.
  for (const { credential, url } of lookup(makeKeyring([{ credentials }]), image)) {
    const host = url?.host ?? '';
    const key = isGlob(splitHostPort(host).host) ? toText(hostOf(image) + (url?.path ?? '')) : credential.key;
    const { username, password } = credential;
    const normal = normaliseKey(key) ?? key;
    if (isUsable({ key, username, password }) && !found.has(normal)) found.set(normal, { key, username, password });
  }
  if (found.size === 0)
    throw new ProviderFailure(
      'no_login',
      entries.length === 0
        ? 'has no login for this image'
        : 'has no usable login for this image: none of the registries of its answer matches it with a user name and a password',
    );
  const told = cacheMs === undefined ? 0 : (parseGoDuration(cacheMs) ?? 0);
  return { logins: [...found.values()], cacheMs: told > 0 ? told : undefined };
}

/** The answer of a helper to `get` for one registry. @throws ProviderFailure */
export function readHelperAnswer(output: Uint8Array, registry: string): Login {
  const { Username, Secret } = parse(output, 'JSON with "Username" and "Secret"');
  const login = { key: registry, ...loginOf(Username, Secret) };
  if (login.username === '<token>')
    throw new ProviderFailure('no_login', 'has an identity token, which kubelets cannot use');
  if (!isUsable(login)) throw new ProviderFailure('no_login', 'has no usable login');
  return login;
}

const isUsable = ({ key, username, password }: Login): boolean =>
  unusable({ key, username: toByteString(username), password: toByteString(password) }, false) === undefined;

/** HTTP Basic, which carries a login, has no control characters. */
function loginOf(username: unknown, password: unknown): Omit<Login, 'key'> {
  if (typeof username !== 'string' || typeof password !== 'string')
    throw wrong('a login of its answer has no user name or no password');
  // eslint-disable-next-line no-control-regex -- these are what is looked for
  if (/[\0-\x1f\x7f]/.test(username + password)) throw wrong('a login of its answer has control characters');
  return { username, password };
}

/** The error of a parser would quote the text. */
function parse(output: Uint8Array, what: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(output));
    if (isRecord(value)) return value;
  } catch {
    // Said below.
  }
  throw wrong(`its answer is not ${what}`);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const hostOf = (image: string): string => image.split('/')[0] ?? image;
