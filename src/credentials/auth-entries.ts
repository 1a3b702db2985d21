/**
 * The entries of a Docker config, decoded like the kubelet's Go structs: field names ignore case, `null` changes nothing, the
 * last of several duplicates wins, and one value of a wrong type fails the whole document.
 */
import { type ByteString, toByteString } from './byte-string.ts';
import { decodeBase64 } from './base64.ts';
import { type JsonMember, type JsonNode, readJson } from './go-json.ts';
import { quoteKey } from './registry-name.ts';

/** `dockerconfigjson`: entries under `auths`. `dockercfg`, the legacy form: entries at the top level. */
export type Form = 'dockerconfigjson' | 'dockercfg';

export interface Entry {
  /** As written. */
  key: string;
  username: ByteString;
  password: ByteString;
  identityToken?: string;
  /** `auth`, which wins, holds another login than the fields next to it. */
  contradictory: boolean;
  /** Used by nothing; kept because `kubectl create secret docker-registry` writes it. */
  email: ByteString;
  node: JsonNode;
}
export interface Entries {
  ok: true;
  /** In document order; a duplicate has the position of the key's first occurrence. */
  entries: Entry[];
  /** Members next to `auths`. */
  others: JsonMember[];
}

/** Problems are one line each, without any part of a credential. */
export function readEntries(content: string | Uint8Array, form: Form): Entries | { ok: false; problems: string[] } {
  const json = readJson(content);
  if (!json.ok) {
    return {
      ok: false,
      problems: [`is not JSON (line ${json.line}, column ${json.column})${wrapping(toByteString(content))}`],
    };
  }
  const problems: string[] = [];
  const found = new Map<string, Entry>();
  const others: JsonMember[] = [];
  const { root } = json;
  for (const member of membersOf(root, 'the document', problems)) {
    if (form === 'dockercfg') addEntry(member);
    else if (fold(member.name) === 'AUTHS') {
      // Go decodes a second `auths` into the same map; null empties the map.
      if (member.value.kind === 'null') found.clear();
      membersOf(member.value, '"auths"', problems).forEach(addEntry);
    } else {
      others.push(member);
      if (fold(member.name) === 'HTTPHEADERS') checkHeaders(member.value, problems);
    }
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, entries: [...found.values()], others };

  function addEntry(member: JsonMember): void {
    found.set(member.name, readEntry(member, problems));
  }
}

/** Go compares field names by Unicode simple case folding: two letters outside ASCII fold to ASCII letters. */
export function fold(name: string): string {
  return name
    .replace(/[a-z]+/g, (letters) => letters.toUpperCase())
    .replaceAll('\u017f', 'S')
    .replaceAll('\u212a', 'K');
}

function readEntry({ name: key, value: node }: JsonMember, problems: string[]): Entry {
  const registry = `registry ${quoteKey(key)}`;
  const fields = { USERNAME: '', PASSWORD: '', EMAIL: '', AUTH: '' };
  let identityToken = '';
  for (const { name, value } of membersOf(node, registry, problems)) {
    const field = fold(name);
    if (field === 'IDENTITYTOKEN' && value.kind === 'string') identityToken = value.value;
    if (!isField(field) || value.kind === 'null') continue;
    if (value.kind === 'string') fields[field] = value.value;
    else problems.push(`${registry}: "${field.toLowerCase()}" must be a string, not ${article(value)}`);
  }
  const auth = fields.AUTH === '' ? undefined : decodeAuth(fields.AUTH);
  if (auth === 'no base64') problems.push(`${registry}: "auth" is not base64; it must be base64 of username:password`);
  if (auth === 'no colon')
    problems.push(`${registry}: "auth" has no ":" once decoded; it must be base64 of username:password`);
  const beside = { username: toByteString(fields.USERNAME), password: toByteString(fields.PASSWORD) };
  const login = typeof auth === 'object' ? auth : beside;
  const contradictory =
    (beside.username !== '' && beside.username !== login.username) ||
    (beside.password !== '' && beside.password !== login.password);
  return {
    key,
    ...login,
    ...(identityToken === '' ? {} : { identityToken }),
    contradictory,
    email: toByteString(fields.EMAIL),
    node,
  };

  function isField(field: string): field is keyof typeof fields {
    return Object.hasOwn(fields, field);
  }
}

/** Padded or not, as the end of the field shows; split at the first ":". */
function decodeAuth(field: string): { username: ByteString; password: ByteString } | 'no base64' | 'no colon' {
  const decoded = decodeBase64(field, field.replace(/[\r\n]+$/, '').endsWith('=') ? 'padded' : 'unpadded');
  if (decoded === undefined) return 'no base64';
  const colon = decoded.indexOf(':');
  return colon < 0 ? 'no colon' : { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

function checkHeaders(headers: JsonNode, problems: string[]): void {
  const wrong = membersOf(headers, '"HttpHeaders"', problems).some(
    ({ value }) => value.kind !== 'string' && value.kind !== 'null',
  );
  if (wrong) problems.push('"HttpHeaders" must hold strings only; the kubelet refuses the whole Secret otherwise');
}

/** Members of an object; none for null; for everything else a problem. */
function membersOf(node: JsonNode, what: string, problems: string[]): JsonMember[] {
  if (node.kind === 'object') return node.members;
  if (node.kind !== 'null') problems.push(`${what} must be an object, not ${article(node)}`);
  return [];
}

function article(node: JsonNode): string {
  return /^[aeiou]/.test(node.kind) ? `an ${node.kind}` : `a ${node.kind}`;
}

/** A hint about a common wrong encoding of a Docker config, by its first bytes. */
function wrapping(content: ByteString): string {
  if (decodeBase64(content, 'padded')?.trimStart().startsWith('{') === true)
    return '; it looks like base64 around JSON: encode it once, not twice';
  if (content.startsWith('\xff\xfe') || content.startsWith('\xfe\xff'))
    return '; it is UTF-16, as some Windows tools write it: save it as UTF-8';
  if (content.startsWith('\xef\xbb\xbf')) return '; it begins with a byte order mark: save it as UTF-8 without one';
  if (content.startsWith('\x1f\x8b')) return '; it is compressed: put the file itself there';
  if (/^(?:---\s+)?(?:apiVersion|kind):/.test(content))
    return '; it looks like a Kubernetes manifest: put the Docker config itself there';
  return '';
}
