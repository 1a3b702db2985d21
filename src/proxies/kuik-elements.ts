/** The upstreams or mirrors in an object of kube-image-keeper v2. Pure. */
import { canonicalRegistry, isDockerHub } from '../credentials/registry-name.ts';
import type { ApiObject } from '../kube/list.ts';
import { imageHost } from './copy-login.ts';
import { readField } from './json-pointer.ts';
import { isRecord } from './object-edit.ts';

export interface Wanted {
  /** `upstreams` or `mirrors`. */
  readonly list: string;
  readonly host: string;
  readonly secret: { readonly name: string; readonly namespace?: string };
}

type Element = Record<string, unknown>;

export function elementsOf(object: ApiObject, list: string): Element[] {
  const field = readField(object, `/spec/${list}`);
  return 'value' in field && Array.isArray(field.value)
    ? (field.value as unknown[]).map((element) => (isRecord(element) ? element : {}))
    : [];
}

export const registryOf = (element: Element): string =>
  typeof element['registry'] === 'string' ? element['registry'] : '';

/** Whether its images are those of `host`: by their names, kube-image-keeper finds the login. */
export function serves(element: Element, host: string): boolean {
  const registry = registryOf(element);
  const same = canonicalRegistry(registry) === canonicalRegistry(host);
  return same && (!isDockerHub(host) || imageHost(registry) === imageHost(host));
}

/** The name of its credentialSecret. */
export function secretNameOf(element: Element): unknown {
  return isRecord(element['credentialSecret']) ? element['credentialSecret']['name'] : undefined;
}

export function names(element: Element, { name, namespace }: Wanted['secret']): boolean {
  const current = isRecord(element['credentialSecret']) ? element['credentialSecret'] : {};
  return current['name'] === name && (namespace === undefined || current['namespace'] === namespace);
}
