/** kube-image-keeper v2 pulls from an upstream, or pushes to a mirror, with the element's `credentialSecret`. */
import type { ConfigOf } from '../config/cache-proxies.ts';
import { canonicalRegistry } from '../credentials/registry-name.ts';
import type { ApiObject } from '../kube/list.ts';
import { patchedProduct, type PatchOptions } from './custom-object.ts';
import { readField } from './json-pointer.ts';
import { type Edit, isRecord, type Place, put, take } from './object-edit.ts';
import type { CacheProxy } from './adapter.ts';

interface Wanted {
  /** `upstreams` or `mirrors`. */
  readonly list: string;
  readonly host: string;
  readonly secret: { readonly name: string; readonly namespace?: string };
}

export function kubeImageKeeper(
  config: ConfigOf<'kube-image-keeper'>,
  { copyName, retired }: PatchOptions,
): CacheProxy {
  const {
    name,
    registry,
    host = registry,
    copyNamespace,
    object: { kind, namespace, name: object },
  } = config;
  const wanted: Wanted = {
    list: kind.endsWith('ReplicatedImageSet') ? 'upstreams' : 'mirrors',
    host,
    // A namespaced kind always reads its own namespace, so none is written.
    secret: kind.startsWith('Cluster') ? { name: copyName, namespace: copyNamespace } : { name: copyName },
  };
  return patchedProduct({
    name,
    product: 'kube-image-keeper v2',
    registry,
    object: { apiVersion: 'kuik.enix.io/v1alpha1', resource: `${kind.toLowerCase()}s`, kind, namespace, name: object },
    copy: { namespace: copyNamespace, name: copyName },
    retired,
    place: placeOf(wanted.list, host),
    field: `/spec/${wanted.list}`,
    several: false,
    point: (observed) => pointElements(observed, wanted),
    places: (observed, name) => findNaming(observed, { ...wanted, secret: { ...wanted.secret, name } }),
  });
}

/** Points every element with the host: one registry can have several elements, with different paths. */
function pointElements(object: ApiObject, { list, host, secret }: Wanted): Edit {
  const elements = elementsOf(object, list);
  const found = elements.flatMap((element, i) =>
    canonicalRegistry(registryOf(element)) === canonicalRegistry(host) ? [{ element, at: `/spec/${list}/${i}` }] : [],
  );
  if (found.length === 0) {
    const others = [...new Set(elements.map(registryOf).filter((registry) => registry !== ''))];
    return {
      problem:
        `has nothing for registry ${host} under spec.${list} ` +
        `(${others.length === 0 ? 'it is empty' : `it has ${others.join(', ')}`}): ` +
        'add it there, or correct "host" of the cache proxy',
    };
  }
  return {
    patch: found.flatMap(({ element, at }) => (names(element, secret) ? [] : [put(`${at}/credentialSecret`, secret)])),
  };
}

/** Every element that names the copy, also with other hosts: its webhook refuses pods for any of them. */
function findNaming(object: ApiObject, { list, secret }: Wanted): Place[] {
  return elementsOf(object, list).flatMap((element, i) =>
    names(element, secret)
      ? [{ place: placeOf(list, registryOf(element)), remove: [take(`/spec/${list}/${i}/credentialSecret`)] }]
      : [],
  );
}

function elementsOf(object: ApiObject, list: string): Record<string, unknown>[] {
  const field = readField(object, `/spec/${list}`);
  return 'value' in field && Array.isArray(field.value)
    ? (field.value as unknown[]).map((element) => (isRecord(element) ? element : {}))
    : [];
}

const registryOf = (element: Record<string, unknown>): string =>
  typeof element['registry'] === 'string' ? element['registry'] : '';

/** A place is a host, not an index: elements can move, and their paths can change. */
const placeOf = (list: string, host: string): string => `/spec/${list} ${canonicalRegistry(host) ?? host}`;

function names(element: Record<string, unknown>, { name, namespace }: Wanted['secret']): boolean {
  const current = isRecord(element['credentialSecret']) ? element['credentialSecret'] : {};
  return current['name'] === name && (namespace === undefined || current['namespace'] === namespace);
}
