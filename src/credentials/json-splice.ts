/** Edits of one member of a JSON document; all other bytes stay as they are. Pure. */
import { type ByteString, toByteString } from './byte-string.ts';
import type { JsonMember, JsonNode, Span } from './go-json.ts';

/** An object, as the document has it now: after an edit it must be read again. */
export type JsonObject = Extract<JsonNode, { kind: 'object' }>;

/** JSON text of a value. */
export const json = (value: unknown): ByteString => toByteString(JSON.stringify(value));

export function replace(bytes: ByteString, { from, to }: Span, text: ByteString): ByteString {
  return bytes.slice(0, from) + text + bytes.slice(to);
}

/** Adds it at the end of the object, on a line of its own if the members before it are. */
export function addMember(bytes: ByteString, object: JsonObject, name: string, value: ByteString): ByteString {
  const last = object.members.at(-1);
  const member = `${json(name)}:${value}`;
  if (last === undefined) return replace(bytes, { from: object.from + 1, to: object.from + 1 }, member);
  const [space = ''] = /[ \t\r\n]*$/.exec(bytes.slice(object.from + 1, last.from)) ?? [];
  return replace(bytes, { from: last.value.to, to: last.value.to }, `,${space}${member}`);
}

/** Removes the member that begins where this one does, with the comma next to it. */
export function dropMember(bytes: ByteString, object: JsonObject, member: JsonMember): ByteString {
  const at = object.members.findIndex(({ from }) => from === member.from);
  if (at < 0) throw new Error('the object has no such member');
  const [before, after] = [object.members[at - 1], object.members[at + 1]];
  if (after !== undefined) return replace(bytes, { from: member.from, to: after.from }, '');
  return replace(bytes, { from: before?.value.to ?? member.from, to: member.value.to }, '');
}
