/** kube-image-keeper v2 pulls from an upstream, or pushes to a mirror, with the element's `credentialSecret`. */
import type { ConfigOf } from '../config/cache-proxies.ts';
import { canonicalRegistry, registryHost } from '../credentials/registry-name.ts';
import type { ApiObject } from '../kube/list.ts';
import { byImage } from './copy-login.ts';
import { patchedProduct, type PatchOptions } from './custom-object.ts';
import { derivedSecrets } from './kuik-secrets.ts';
import { elementsOf, names, registryOf, serves, type Wanted } from './kuik-elements.ts';
import { type Edit, type Place, put, take } from './object-edit.ts';
import type { CacheProxy } from './adapter.ts';

/** Its webhook keeps a login for a second, and an admission takes up to ten: then it makes no Secret of the login before any more. */
const ADMISSION_SECONDS = 12;

export function kubeImageKeeper(
  config: ConfigOf<'kube-image-keeper'>,
  { copyName, retired, instance }: PatchOptions,
): CacheProxy {
  const {
    name,
    source,
    registry,
    host: named,
    copyNamespace,
    object: { kind, namespace, name: object },
  } = config;
  const host = named ?? registryHost(registry);
  const lookup = byImage({ registry, host: named, product: 'kube-image-keeper' });
  const wanted: Wanted = {
    list: kind.endsWith('ReplicatedImageSet') ? 'upstreams' : 'mirrors',
    host,
    // A namespaced kind always reads its own namespace, so none is written.
    secret: kind.startsWith('Cluster') ? { name: copyName, namespace: copyNamespace } : { name: copyName },
  };
  const product = patchedProduct({
    name,
    product: 'kube-image-keeper v2',
    source,
    registry,
    lookup,
    holders: {
      unseen: kind.endsWith('Mirror')
        ? 'copies of images that it makes now, until they end'
        : 'admissions of pods that are under way, for some seconds',
      // Objects of a namespace serve its own pods only, with the copy itself.
      ...(kind.startsWith('Cluster') && {
        derived: derivedSecrets({ kind, object, wanted, lookup, copyNames: [copyName, ...(retired ?? [])] }),
      }),
    },
    object: { apiVersion: 'kuik.enix.io/v1alpha1', resource: `${kind.toLowerCase()}s`, kind, namespace, name: object },
    copy: { namespace: copyNamespace, name: copyName },
    retired,
    instance,
    place: placeOf(wanted.list, host),
    field: `/spec/${wanted.list}`,
    several: false,
    point: (observed) => pointElements(observed, wanted),
    places: (observed, name) => findNaming(observed, { ...wanted, secret: { ...wanted.secret, name } }),
  });
  return { ...product, settling: { lifetime: ADMISSION_SECONDS } };
}

/** Points every element with the host: one registry can have several elements, with different paths. */
function pointElements(object: ApiObject, { list, host, secret }: Wanted): Edit {
  const elements = elementsOf(object, list);
  const found = elements.flatMap((element, i) =>
    serves(element, host) ? [{ element, at: `/spec/${list}/${i}` }] : [],
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

/** A place is a host, not an index: elements can move, and their paths can change. */
const placeOf = (list: string, host: string): string => `/spec/${list} ${canonicalRegistry(host) ?? host}`;
