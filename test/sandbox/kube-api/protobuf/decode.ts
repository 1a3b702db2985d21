/** Reads `application/vnd.kubernetes.protobuf` bodies. Answers are always JSON, which every client accepts as well. */
import type { JsonObject } from '../json.ts';
import { badRequest } from '../status.ts';
import { messages } from './messages.ts';
import { decodeMessage, rawFields } from './wire.ts';

export const PROTOBUF = 'application/vnd.kubernetes.protobuf';

/** What every body starts with; then comes an envelope that says of which type the object in it is. */
const MAGIC = Buffer.from('k8s\0');

export function decodeProtobuf(body: Buffer): JsonObject {
  if (!body.subarray(0, MAGIC.length).equals(MAGIC))
    throw badRequest('the provided data does not appear to be a protobuf message, expected prefix 6b387300');
  const envelope = new Map(rawFields(body.subarray(MAGIC.length)));
  const type = new Map(rawFields(envelope.get(1) as Buffer));
  const apiVersion = String(type.get(1) ?? '');
  const kind = String(type.get(2) ?? '');
  // Options of any group are the same message.
  const message = messages[kind === 'DeleteOptions' ? 'v1 DeleteOptions' : `${apiVersion} ${kind}`];
  if (!message) throw badRequest(`the sandbox does not read ${apiVersion} ${kind} in protobuf: send JSON`);
  try {
    return { ...decodeMessage((envelope.get(2) as Buffer | undefined) ?? Buffer.alloc(0), message), kind, apiVersion };
  } catch (error) {
    throw badRequest(`the sandbox cannot read this ${kind}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
