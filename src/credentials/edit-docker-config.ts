/**
 * Changes one entry of a Docker config. The bytes of all others, and of all members that are no login, stay as they are: a
 * decoder and encoder would lose what it does not know. Pure; documents must be readable (`readEntries`).
 */
import { fold, type Form } from './auth-entries.ts';
import { encodeBase64 } from './base64.ts';
import { type ByteString, toByteString } from './byte-string.ts';
import { type JsonMember, readJson } from './go-json.ts';
import { addMember, dropMember, json, type JsonObject, replace } from './json-splice.ts';

export interface NewLogin {
  readonly username: string;
  readonly password: string;
}

const FIELDS = ['username', 'password', 'auth'] as const;
/** They belong to the login that is replaced, and docker would send them instead of the new one. */
const TOKENS = ['IDENTITYTOKEN', 'REGISTRYTOKEN'];

/** Why the document cannot be edited; undefined: it can. */
export function whyNoEdit(content: Uint8Array, form: Form): string | undefined {
  const parsed = readJson(content);
  if (!parsed.ok || parsed.root.kind !== 'object') return 'holds no JSON object; put a Docker config there';
  const { root } = parsed;
  // Go merges them, so that it is not clear which one a change belongs into.
  return form === 'dockerconfigjson' && members(root, 'AUTHS').length > 1
    ? 'has "auths" more than once; write one "auths" with all entries'
    : undefined;
}

/** The entry as written; undefined: there is none. Holds the login. */
export function entryText(content: Uint8Array, form: Form, key: string): string | undefined {
  const bytes = toByteString(content);
  const entry = entries(bytes, form, key).at(-1);
  return entry === undefined ? undefined : bytes.slice(entry.from, entry.value.to);
}

/**
 * The document with this login under the key. An entry keeps its form: only `auth`, only `username` and `password`, or all three,
 * as a new entry has. Identity tokens of the old login go.
 */
export function withLogin(content: Uint8Array, form: Form, key: string, { username, password }: NewLogin): Uint8Array {
  let bytes = toByteString(content);
  for (let all = entries(bytes, form, key); all.length > 1; all = entries(bytes, form, key))
    bytes = dropEntry(bytes, form, all[0]);
  const values = { username, password, auth: encodeBase64(`${username}:${password}`) };
  const fresh = json(values);
  const entry = entries(bytes, form, key)[0];
  if (entry === undefined) return bytesOf(addEntry(bytes, form, key, fresh));
  if (entry.value.kind !== 'object') return bytesOf(replace(bytes, entry.value, fresh));

  const at = (): JsonObject => objectOf(entries(bytes, form, key)[0]);
  const has = (field: string): boolean => members(at(), field.toUpperCase()).length > 0;
  const written = has('auth')
    ? FIELDS.filter(has)
    : has('username') || has('password')
      ? (['username', 'password'] as const)
      : FIELDS;
  for (const field of written) {
    const name = field.toUpperCase();
    const count = members(at(), name).length;
    for (let i = 0; i < count; i++) bytes = replace(bytes, valueAt(at(), name, i), json(values[field]));
    if (count === 0) bytes = addMember(bytes, at(), field, json(values[field]));
  }
  for (const token of TOKENS)
    for (let [member] = members(at(), token); member !== undefined; [member] = members(at(), token))
      bytes = dropMember(bytes, at(), member);
  return bytesOf(bytes);
}

/** The document without the entry. */
export function withoutEntry(content: Uint8Array, form: Form, key: string): Uint8Array {
  let bytes = toByteString(content);
  // A duplicate that stayed would come into force.
  for (let [entry] = entries(bytes, form, key); entry !== undefined; [entry] = entries(bytes, form, key))
    bytes = dropEntry(bytes, form, entry);
  return bytesOf(bytes);
}

function addEntry(bytes: ByteString, form: Form, key: string, value: ByteString): ByteString {
  const object = container(bytes, form);
  if (object !== undefined) return addMember(bytes, object, key, value);
  const { root } = read(bytes);
  const auths = `{${json(key)}:${value}}`;
  const [empty] = members(root, 'AUTHS');
  return empty === undefined ? addMember(bytes, root, 'auths', auths) : replace(bytes, empty.value, auths);
}

function dropEntry(bytes: ByteString, form: Form, entry: JsonMember | undefined): ByteString {
  const object = container(bytes, form);
  if (object === undefined || entry === undefined) throw new Error('there is no entry');
  return dropMember(bytes, object, entry);
}

/** All members with this key: kubelets read the last one. */
function entries(bytes: ByteString, form: Form, key: string): JsonMember[] {
  return container(bytes, form)?.members.filter(({ name }) => name === key) ?? [];
}

/** The object that holds the entries; undefined: `auths` is missing or null. */
function container(bytes: ByteString, form: Form): JsonObject | undefined {
  const { root } = read(bytes);
  const object = form === 'dockercfg' ? root : members(root, 'AUTHS').at(-1)?.value;
  return object?.kind === 'object' ? object : undefined;
}

function read(bytes: ByteString): { root: JsonObject } {
  const parsed = readJson(bytesOf(bytes));
  if (!parsed.ok || parsed.root.kind !== 'object') throw new Error('the Docker config is not a JSON object');
  return { root: parsed.root };
}

const members = (object: JsonObject, folded: string): JsonMember[] =>
  object.members.filter(({ name }) => fold(name) === folded);

function valueAt(object: JsonObject, folded: string, index: number): JsonMember['value'] {
  const member = members(object, folded)[index];
  if (member === undefined) throw new Error(`no member ${folded}`);
  return member.value;
}

function objectOf(member: JsonMember | undefined): JsonObject {
  if (member?.value.kind !== 'object') throw new Error('the entry is not an object');
  return member.value;
}

const bytesOf = (bytes: ByteString): Uint8Array => Buffer.from(bytes, 'latin1');
