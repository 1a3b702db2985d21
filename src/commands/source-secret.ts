/** A source's Secret, read with the caller's rights to be edited: refused where a tool writes it, or where an edit would not help. */
import type { V1Secret } from '@kubernetes/client-node';
import type { SourceConfig } from '../config/schema.ts';
import type { Form } from '../credentials/auth-entries.ts';
import { contentOf, parseSecret } from '../credentials/docker-config.ts';
import type { Credential } from '../credentials/docker-config.ts';
import { whyNoEdit } from '../credentials/edit-docker-config.ts';
import { UserError } from '../errors.ts';
import { ApiError, isForbidden, isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { paths } from '../kube/paths.ts';
import {
  ANNOTATION_EXPIRES_AT,
  KEY_DOCKERCFG,
  KEY_DOCKER_CONFIG_JSON,
  TYPE_DOCKERCFG,
  TYPE_DOCKER_CONFIG_JSON,
} from '../names.ts';
import { ownerOf } from '../owner.ts';
import { otherWriter } from './other-writer.ts';

export interface SourceSecret {
  /** Undefined: it does not exist. */
  readonly version: { readonly uid: string; readonly resourceVersion: string } | undefined;
  readonly form: Form;
  readonly content: Uint8Array;
  readonly credentials: readonly Credential[];
  /** The tool that writes it too, only if `force` says to go on. */
  readonly writer: string | undefined;
  /** Whether an annotation says when its logins end: those that are there now. */
  readonly saysEnd?: boolean;
}

export interface SecretOptions {
  readonly client: KubeClient;
  readonly source: SourceConfig;
  /** Name of the command, in front of every error. */
  readonly command: string;
  readonly force: boolean;
  readonly signal: AbortSignal;
}

const EMPTY = Buffer.from('{"auths":{}}');
export const secretName = ({ secret }: SourceConfig): string => `${secret.namespace}/${secret.name}`;

/** Throws UserError if it is no source that could be edited, ApiError. */
export async function readSourceSecret({
  client,
  source,
  command,
  force,
  signal,
}: SecretOptions): Promise<SourceSecret> {
  const { namespace, name } = source.secret;
  const what = `${command}: Secret ${secretName(source)}`;
  let secret: V1Secret;
  try {
    secret = await client.get<V1Secret>(paths.secrets(namespace, name), { sensitive: true, signal });
  } catch (error) {
    if (!isNotFound(error)) throw named(error, 'get', { command, source });
    return { version: undefined, form: 'dockerconfigjson', content: EMPTY, credentials: [], writer: undefined };
  }
  const { metadata = {}, data, type } = secret;
  if (ownerOf(metadata, undefined) !== 'nobody')
    throw new UserError(
      `${what} was made by Pullpass itself, and is no source; correct sources[].secret in the configuration`,
    );
  if (secret.immutable === true)
    throw new UserError(`${what} is immutable; delete it and create it anew, without "immutable"`);
  const form: Form = type === TYPE_DOCKERCFG ? 'dockercfg' : 'dockerconfigjson';
  const key = keyOfForm(form);
  const writer = otherWriter(secret, key);
  if (writer !== undefined && !force)
    throw new UserError(
      `${what} is written by ${writer}, which would undo the change; change the login where that takes it from, or use --force`,
    );
  const isEmpty = (type === TYPE_DOCKER_CONFIG_JSON || type === TYPE_DOCKERCFG) && (data?.[key] ?? '') === '';
  const found = isEmpty
    ? { form, content: form === 'dockercfg' ? Buffer.from('{}') : EMPTY }
    : contentOf({ type, data });
  if ('problem' in found) throw new UserError(`${what} ${found.problem}`);
  const parsed = isEmpty ? undefined : parseSecret({ type, data });
  // Not a Docker config at all; one without entries can get some.
  if (parsed?.ok === false && parsed.failsPulls) throw new UserError(`${what}: ${parsed.problems.join('; ')}`);
  const odd = whyNoEdit(found.content, form);
  if (odd !== undefined) throw new UserError(`${what} ${odd}`);
  return {
    version: { uid: metadata.uid ?? '', resourceVersion: metadata.resourceVersion ?? '' },
    ...found,
    credentials: parsed?.ok === true ? parsed.credentials : [],
    writer,
    saysEnd: metadata.annotations?.[ANNOTATION_EXPIRES_AT] !== undefined,
  };
}

export const keyOfForm = (form: Form): string => (form === 'dockercfg' ? KEY_DOCKERCFG : KEY_DOCKER_CONFIG_JSON);

/** A missing right, or a missing namespace, in words. */
export function named(
  error: unknown,
  verb: string,
  { command, source }: Pick<SecretOptions, 'command' | 'source'>,
): unknown {
  const what = `Secret ${secretName(source)}`;
  if (isForbidden(error) && (error as ApiError).message.endsWith('the right is missing'))
    return new UserError(
      `${command}: you may not ${verb} ${what}; ask for that right, or use a kubeconfig that has it`,
    );
  if (isNotFound(error) && verb === 'create')
    return new UserError(`${command}: ${what} cannot be created, for its namespace does not exist`);
  if (error instanceof ApiError) return new UserError(`${command}: cannot ${verb} ${what}: ${reasonOf(error)}`);
  return error;
}

/** Without the path of the request. */
const reasonOf = ({ message }: ApiError): string => message.replace(/^[A-Z]+ \S+: /, '');
