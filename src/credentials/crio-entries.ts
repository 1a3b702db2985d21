/**
 * What CRI-O's credential provider reads in one pull Secret: only `auth`, and not as kubelets read it. Semantics of
 * crio-credential-provider 0.1.2. Pure.
 */
import { fold } from './auth-entries.ts';
import { decodeBase64 } from './base64.ts';
import { type ByteString, toText } from './byte-string.ts';
import { contentOf, type SecretContent } from './docker-config.ts';
import { type JsonNode, readJson } from './go-json.ts';
import { TYPE_DOCKER_CONFIG_JSON } from '../names.ts';

export interface CrioEntry {
  /** As written. */
  readonly key: string;
  /** As it is compared: without `http://` or `https://`. */
  readonly trimmed: string;
  /**
   * `no auth`: the provider makes an empty login of it, which takes the place of a good one. `not base64`: it leaves the entry
   * out; base64 without padding, which kubelets take, is such a case.
   */
  readonly login: { readonly username: string } | 'no auth' | 'not base64';
}

/** `skipped`: the provider leaves the whole Secret out; continues the text `Secret "x": `. */
export function crioEntries(secret: SecretContent): { entries: CrioEntry[] } | { skipped: string } {
  if (secret.type !== TYPE_DOCKER_CONFIG_JSON)
    return {
      skipped: `CRI-O's credential provider reads no Secret of type ${JSON.stringify(secret.type ?? 'Opaque')}; make it one of type ${TYPE_DOCKER_CONFIG_JSON}`,
    };
  const found = contentOf(secret);
  if ('problem' in found) return { skipped: found.problem };
  const json = readJson(found.content);
  const wrong = { skipped: "CRI-O's credential provider cannot read it as a Docker config, and leaves it out" };
  if (!json.ok) return wrong;
  const entries = new Map<string, CrioEntry>();
  const root = members(json.root);
  if (root === undefined) return wrong;
  for (const { name, value } of root) {
    if (fold(name) !== 'AUTHS') continue;
    // As in Go: a second `auths` goes into the same map, and null empties it.
    if (value.kind === 'null') entries.clear();
    const found = members(value);
    if (found === undefined) return wrong;
    for (const { name: key, value: node } of found) {
      const auth = authOf(node);
      if (auth === undefined) return wrong;
      entries.set(key, { key, trimmed: key.replace(/^https?:\/\//, ''), login: loginOf(auth) });
    }
  }
  return { entries: [...entries.values()] };
}

/** undefined: of a wrong type, for which Go gives the whole document up. */
function authOf(node: JsonNode): string | undefined {
  const fields = members(node)?.filter(({ name }) => fold(name) === 'AUTH');
  if (fields?.some(({ value }) => value.kind !== 'string' && value.kind !== 'null') !== false) return undefined;
  return fields.reduce((auth, { value }) => (value.kind === 'string' ? value.value : auth), '');
}

function loginOf(auth: string): CrioEntry['login'] {
  const decoded: ByteString | undefined = decodeBase64(auth, 'padded');
  if (decoded === undefined) return 'not base64';
  const colon = decoded.indexOf(':');
  const [username, password] = [decoded.slice(0, colon), decoded.slice(colon + 1)];
  // CRI-O takes an empty user name with an empty password for no login.
  return colon < 0 || (username === '' && /^\0*$/.test(password)) ? 'no auth' : { username: toText(username) };
}

/** undefined: no object, and not null. */
const members = (node: JsonNode) => (node.kind === 'object' ? node.members : node.kind === 'null' ? [] : undefined);
