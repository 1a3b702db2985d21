/** Where a custom object is, and what to say when it is not. */
import { UserError } from '../errors.ts';
import type { ProxyKube } from './adapter.ts';

export interface ObjectRef {
  readonly apiVersion: string;
  readonly resource: string;
  /** How messages call it: `ImageCache`. */
  readonly kind: string;
  /** Absent: cluster-scoped. */
  readonly namespace?: string | undefined;
  readonly name: string;
}

export function collectionPath({ apiVersion, resource, namespace }: ObjectRef): string {
  return `/${apiVersion.includes('/') ? 'apis' : 'api'}/${apiVersion}${namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`}/${resource}`;
}

/** `''` for the core group. */
export function groupOf({ apiVersion }: ObjectRef): string {
  return apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
}

/** The API server answers 404 for an object that is not there and for a kind that it does not know. */
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
