/** kube-fledged pulls with `imagePullSecrets` of an ImageCache; a refresh makes it retry failed pulls. */
import type { ConfigOf } from '../config/cache-proxies.ts';
import { UserError } from '../errors.ts';
import type { ApiObject } from '../kube/list.ts';
import { byImage } from './copy-login.ts';
import type { Notes } from './copy-record.ts';
import { patchedProduct, type PatchOptions } from './custom-object.ts';
import { NotYetError } from './adapter.ts';
import { addReference, findReference } from './object-edit.ts';
import type { CacheProxy } from './adapter.ts';

const LIST = '/spec/imagePullSecrets';
const REFRESH = 'kubefledged.io/refresh-imagecache';

export function kubeFledged(
  config: ConfigOf<'kube-fledged'>,
  { copyName, retired, instance }: PatchOptions,
): CacheProxy {
  const {
    name,
    source,
    registry,
    object: { namespace, name: cache },
  } = config;
  return patchedProduct({
    name,
    product: 'kube-fledged',
    source,
    registry,
    lookup: byImage({ registry, product: 'a kubelet' }),
    // Its jobs name the copy: kubelets read it at each pull.
    holders: { unseen: 'jobs of kube-fledged that pull now, until they end' },
    object: {
      apiVersion: 'kubefledged.io/v1alpha2',
      resource: 'imagecaches',
      kind: 'ImageCache',
      namespace,
      name: cache,
    },
    // An ImageCache cannot reference Secrets of other namespaces.
    copy: { namespace, name: copyName },
    retired,
    instance,
    place: LIST,
    field: LIST,
    several: true,
    point: (object) => addReference(object, LIST, copyName),
    places: (object, copy) => findReference(object, LIST, copy),
    trigger: refresh,
    triggers: [REFRESH],
    gate: idle(`${namespace}/${cache}`),
  });
}

/** kube-fledged reacts when the annotation is added: one left from an earlier refresh is removed first, then added. */
function refresh(object: ApiObject, record: Readonly<Record<string, string>>): Notes {
  return object.metadata.annotations?.[REFRESH] === undefined ? { [REFRESH]: '', ...record } : { [REFRESH]: null };
}

/** kube-fledged ignores changes while it works; and a refresh would pull again what was purged on purpose. */
const idle =
  (cache: string) =>
  (object: ApiObject): void => {
    const { status } = object as { status?: { status?: unknown; reason?: unknown } };
    if (status?.status === 'Processing')
      throw new NotYetError(`ImageCache "${cache}" is being processed, and kube-fledged ignores changes meanwhile`);
    if (status?.reason === 'ImageCachePurge')
      throw new UserError(
        `ImageCache "${cache}" was purged and is left alone: delete it, or refresh it yourself (annotation ${REFRESH})`,
      );
  };
