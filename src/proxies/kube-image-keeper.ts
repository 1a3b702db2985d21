/** kube-image-keeper v2 pulls from an upstream, or pushes to a mirror, with the element's `credentialSecret`. */
import type { ConfigOf } from '../config/cache-proxies.ts';
import { canonicalRegistry } from '../credentials/registry-name.ts';
import type { ApiObject } from '../kube/list.ts';
import { patchedProduct, type PatchOptions } from './custom-object.ts';
import { readField } from './json-pointer.ts';
import { type Edit, isRecord, put } from './object-edit.ts';
import type { CacheProxy } from './proxy.ts';

interface Wanted {
  /** `upstreams` or `mirrors`. */
  readonly list: string;
  readonly host: string;
  readonly secret: { readonly name: string; readonly namespace?: string };
}

export function kubeImageKeeper(config: ConfigOf<'kube-image-keeper'>, { copyName }: PatchOptions): CacheProxy {
  const { name, registry, host = registry, copyNamespace, object: { kind, namespace, name: object } } = config;
  const wanted: Wanted = {
    list: kind.endsWith('ReplicatedImageSet') ? 'upstreams' : 'mirrors',
    host,
    // A namespaced kind reads its own namespace whatever is written here, so nothing is.
    secret: kind.startsWith('Cluster') ? { name: copyName, namespace: copyNamespace } : { name: copyName },
  };
  return patchedProduct({
    name,
    product: 'kube-image-keeper v2',
    registry,
    object: { apiVersion: 'kuik.enix.io/v1alpha1', resource: `${kind.toLowerCase()}s`, kind, namespace, name: object },
    copy: { namespace: copyNamespace, name: copyName },
    point: (observed) => pointElements(observed, wanted),
  });
}

/** Every element of the host: one registry can be there with several paths. */
function pointElements(object: ApiObject, { list, host, secret }: Wanted): Edit {
  const field = readField(object, `/spec/${list}`);
  const elements = 'value' in field && Array.isArray(field.value) ? (field.value as unknown[]).map((element) => (isRecord(element) ? element : {})) : [];
  const registryOf = (element: Record<string, unknown>): string => (typeof element['registry'] === 'string' ? element['registry'] : '');
  const found = elements.flatMap((element, i) => (canonicalRegistry(registryOf(element)) === canonicalRegistry(host) ? [{ element, at: `/spec/${list}/${i}` }] : []));
  if (found.length === 0) {
    const others = [...new Set(elements.map(registryOf).filter((registry) => registry !== ''))];
    return { problem: `has nothing for registry ${host} under spec.${list} (${others.length === 0 ? 'it is empty' : `it has ${others.join(', ')}`}): add it there, or correct "host" of the cache proxy` };
  }
  return {
    patch: found.flatMap(({ element, at }) => {
      const current = isRecord(element['credentialSecret']) ? element['credentialSecret'] : {};
      if (current['name'] === secret.name && (secret.namespace === undefined || current['namespace'] === secret.namespace)) return [];
      return [put(`${at}/credentialSecret`, secret)];
    }),
  };
}
