/** Reads who else writes an object that is contested: nobody keeps the managedFields of every ServiceAccount. */
import { isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { acceptObject } from '../kube/list.ts';
import type { ApiObject } from '../kube/list.ts';
import { paths } from '../kube/paths.ts';
import { isRace } from '../kube/api-error.ts';
import { MANAGER } from '../names.ts';
import type { Action } from '../plan/action.ts';
import { copyFields, LIST_FIELDS, otherWriter } from '../plan/writer.ts';

/** In words; undefined: the object does not say, or only after its next write. Throws ApiError and UnreachableError. */
export async function readOtherWriter(
  client: Pick<KubeClient, 'get' | 'patch'>,
  action: Action,
  signal: AbortSignal,
): Promise<string | undefined> {
  const isAccount = action.type === 'editReferences';
  const { namespace, name } = isAccount ? action.account : action;
  const path = isAccount ? paths.serviceAccounts(namespace, name) : paths.secrets(namespace, name);
  let metadata: ApiObject['metadata'];
  try {
    ({ metadata } = await client.get<ApiObject>(path, { signal, accept: acceptObject(true), sensitive: !isAccount }));
  } catch (error) {
    if (!isNotFound(error)) throw error;
    return isAccount ? undefined : 'a writer that deletes it: the audit log of the API server names it';
  }
  if (isAccount && (metadata.managedFields ?? []).length === 0) await startTracking(client, path, metadata, signal);
  return isAccount
    ? otherWriter(metadata, 'ServiceAccount', LIST_FIELDS)
    : otherWriter(metadata, 'Secret', copyFields('metadata' in action ? action.metadata : undefined));
}

/**
 * The server notes who writes an object only from its first server-side apply on, unless whoever made it gave it a field. The
 * ServiceAccount `default` is made without one. An apply of no field changes nothing else, and whoever writes next is noted.
 */
async function startTracking(
  client: Pick<KubeClient, 'patch'>,
  path: string,
  { namespace, name, uid, resourceVersion }: ApiObject['metadata'],
  signal: AbortSignal,
): Promise<void> {
  const body = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace, name, uid, resourceVersion } };
  try {
    await client.patch(path, 'application/apply-patch+yaml', body, { query: { fieldManager: MANAGER }, signal });
  } catch (error) {
    if (!(error instanceof Error && isRace(error)) && !isNotFound(error)) throw error;
  }
}
