/** The API path of a custom object, and the error if it does not exist. */
import { UserError } from '../errors.ts';
import type { ProxyKube } from './adapter.ts';

export interface ObjectRef {
  readonly apiVersion: string;
  readonly resource: string;
  /** The kind in messages: `ImageCache`. */
  readonly kind: string;
  /** Absent: cluster-scoped. */
  readonly namespace?: string | undefined;
  readonly name: string;
}

export function collectionPath({ apiVersion, resource, namespace }: ObjectRef): string {
  return (
    `/${apiVersion.includes('/') ? 'apis' : 'api'}/${apiVersion}` +
    `${namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`}/${resource}`
  );
}

/** `''` for the core group. */
export function groupOf({ apiVersion }: ObjectRef): string {
  return apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
}

/** The API server answers 404 both for a missing object and for an unknown kind: tells them apart. */
export async function absence(
  kube: ProxyKube,
  { apiVersion, resource, kind }: ObjectRef,
  product: string,
  what: string,
): Promise<UserError> {
  const known = await kube.get<{ resources?: { name: string }[] }>(
    `/${apiVersion.includes('/') ? 'apis' : 'api'}/${apiVersion}`,
  );
  if (known?.resources?.some(({ name }) => name === resource))
    return new UserError(`${what} does not exist: create it, or correct "object" of the cache proxy`);
  return new UserError(
    `the API server does not know ${kind} (${resource} of ${apiVersion}): install ${product}, or remove the cache proxy from the configuration`,
  );
}
