/** kubernetes-image-puller has names in one string, separated by ";". Its operator restarts the puller when the string changes. */
import type { ConfigOf } from '../config/cache-proxies.ts';
import type { ApiObject } from '../kube/list.ts';
import { byImage } from './copy-login.ts';
import { patchedProduct, type PatchOptions } from './custom-object.ts';
import { type Edit, missing, type Place, put } from './object-edit.ts';
import { readField } from './json-pointer.ts';
import type { CacheProxy } from './adapter.ts';

const NAMES = '/spec/imagePullSecrets';

export function imagePuller(
  config: ConfigOf<'image-puller'>,
  { copyName, retired, instance }: PatchOptions,
): CacheProxy {
  const {
    name,
    source,
    registry,
    object: { namespace, name: puller },
  } = config;
  return patchedProduct({
    name,
    product: 'kubernetes-image-puller',
    source,
    registry,
    lookup: byImage({ registry, product: 'a kubelet' }),
    holders: { unseen: 'pulls of its pods that run now, until they end' },
    object: {
      apiVersion: 'che.eclipse.org/v1alpha1',
      resource: 'kubernetesimagepullers',
      kind: 'KubernetesImagePuller',
      namespace,
      name: puller,
    },
    // The puller's pods run in the namespace of their KubernetesImagePuller. They read the Secret at each pull: no trigger.
    copy: { namespace, name: copyName },
    retired,
    instance,
    place: NAMES,
    field: NAMES,
    several: true,
    point: (object) => addName(object, copyName),
    places: findName,
  });
}

function addName(object: ApiObject, name: string): Edit {
  const field = readField(object, NAMES);
  if ('missingParent' in field) return missing(field.missingParent);
  const names = field.value ?? '';
  if (typeof names !== 'string') return { problem: `has no text at ${NAMES}` };
  // Split and trimmed as the puller does it; text of other writers stays as it is.
  if (names.split(';').some((part) => part.trim() === name)) return { patch: [] };
  const kept = names.trimEnd();
  return { patch: [put(NAMES, kept === '' || kept.endsWith(';') ? kept + name : `${kept};${name}`)] };
}

function findName(object: ApiObject, name: string): Place[] {
  const field = readField(object, NAMES);
  const names = 'value' in field && typeof field.value === 'string' ? field.value.split(';') : [];
  const index = names.findIndex((part) => part.trim() === name);
  return index < 0 ? [] : [{ place: NAMES, remove: [put(NAMES, names.toSpliced(index, 1).join(';'))] }];
}
