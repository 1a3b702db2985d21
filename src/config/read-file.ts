/** Reads the text of a configuration file, whatever stands at its path. */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { messageOf, UserError } from '../errors.ts';
import { tooLarge } from './yaml.ts';

/** More than a ConfigMap can hold, or the manifest of a Secret, which `pullpass validate` reads too. */
const MAX_BYTES = 2 * 1024 * 1024;

/** Something else than a file of text: the message completes "configuration file ...". */
class Unsuitable extends Error {
  override name = 'Unsuitable';
}

interface ReadOptions {
  /** A pipe or a terminal may be waited for: what a person gives to a command. A controller reads its file again and again. */
  pipes?: boolean;
}

/** @throws UserError, one line: why the file cannot be read and what to do. */
export async function readConfigurationText(path: string, { pipes = true }: ReadOptions = {}): Promise<string> {
  try {
    // Without O_NONBLOCK the open itself waits until somebody writes into a pipe.
    const file = await open(path, constants.O_RDONLY | (pipes ? 0 : constants.O_NONBLOCK));
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(await readAll(file, pipes));
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new UserError(`configuration file ${path} ${unreadable(cause)}`, { cause });
  }
}

/** No further than the bound: a device never ends, and a file can grow while it is read. */
async function readAll(file: FileHandle, pipes: boolean): Promise<Buffer> {
  const found = await file.stat();
  if (!found.isFile() && !found.isDirectory() && !pipes)
    throw new Unsuitable('is not a regular file: give a file, such as the mount of a ConfigMap');
  if (found.size > MAX_BYTES) throw new Unsuitable(tooLarge(found.size));
  const chunks: Buffer[] = [];
  for (let length = 0; ;) {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(65_536) });
    if (bytesRead === 0) return Buffer.concat(chunks);
    chunks.push(buffer.subarray(0, bytesRead));
    length += bytesRead;
    if (length > MAX_BYTES) throw new Unsuitable(tooLarge());
  }
}

/** Why a file cannot be read and what to do, from what the file system or the decoder threw. */
export function unreadable(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'does not exist: check the path given with --config and, in a pod, the mount of the ConfigMap';
    case 'EISDIR':
      return 'is a directory: name the file in it, such as config.yaml';
    case 'ELOOP':
      return 'is a link that leads back to itself: make it point at the file';
    case 'EACCES':
    case 'EPERM':
      return 'cannot be read, permission denied: make it readable for the user that Pullpass runs as';
    case 'ERR_ENCODING_INVALID_ENCODED_DATA':
      return 'is not UTF-8 text: save it as UTF-8';
    default:
      return cause instanceof Unsuitable ? cause.message : `cannot be read: ${messageOf(cause)}`;
  }
}
