/** A Secret in the product's own file format: how it is written, and whether it is ours and as wanted. */
import type { V1Secret } from '@kubernetes/client-node';
import type { ApiObject } from '../kube/list.ts';
import { LABEL_CACHE_PROXY, LABEL_INSTANCE, LABEL_MANAGED_BY, MANAGER } from '../names.ts';
import type { ProxyKube } from './adapter.ts';

/** The Secret that an adapter wants; `data` is plain text. */
export type WantedSecret = Omit<Parameters<ProxyKube['applySecret']>[0], 'merge' | 'owner'>;

/** Whose Secret it is: a cache proxy's, by its name in the configuration of one installation. */
export interface Whose {
  readonly proxy: string;
  /** Namespace of the controller. */
  readonly instance: string;
}

export const TYPE_OPAQUE = 'Opaque';

/** A Secret as the API server returns it: with base64 data and managedFields. */
export type ObservedSecret = ApiObject & Pick<V1Secret, 'type' | 'data' | 'immutable'>;

/** The body of a server-side apply: exactly the fields that Pullpass owns. */
export function secretBody(
  { namespace, name, type = TYPE_OPAQUE, data, annotations }: WantedSecret,
  whose: Whose,
  preconditions: { uid?: string; resourceVersion?: string } = {},
): V1Secret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      namespace,
      name,
      labels: labelsOf(whose),
      ...(annotations && { annotations: { ...annotations } }),
      ...preconditions,
    },
    type,
    data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, encode(text)])),
  };
}

/** Whether applying the wanted Secret would change nothing: keys, labels and annotations of others do not count. */
export function isAsWanted(
  found: ObservedSecret,
  { type = TYPE_OPAQUE, data, annotations = {} }: WantedSecret,
  whose: Whose,
): boolean {
  const { labels = {}, annotations: has = {} } = found.metadata;
  return (
    found.type === type &&
    Object.entries(labelsOf(whose)).every(([name, value]) => labels[name] === value) &&
    Object.entries(annotations).every(([name, value]) => has[name] === value) &&
    Object.entries(data).every(([key, text]) => found.data?.[key] === encode(text)) &&
    ownedKeys(found).every((key) => Object.hasOwn(data, key))
  );
}

/** Data keys that Pullpass applied, also those no longer configured: they still hold a login. */
export function ownedKeys({ metadata }: ObservedSecret): string[] {
  const entry = metadata.managedFields?.find(({ manager, operation }) => manager === MANAGER && operation === 'Apply');
  return Object.keys(entry?.fieldsV1?.['f:data'] ?? {}).flatMap((field) =>
    field.startsWith('f:') ? [field.slice(2)] : [],
  );
}

/** Whether only Pullpass has written it: then the apply has created it. */
export function madeByUsAlone({ metadata }: ObservedSecret): boolean {
  return metadata.managedFields?.every(({ manager }) => manager === MANAGER) ?? true;
}

/** Its data as text. */
export const textOf = ({ data = {} }: Pick<ObservedSecret, 'data'>): Record<string, string> =>
  Object.fromEntries(Object.entries(data).map(([key, base64]) => [key, decode(base64)]));

export const decode = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8');
const encode = (text: string): string => Buffer.from(text).toString('base64');

function labelsOf({ proxy, instance }: Whose): Record<string, string> {
  return { [LABEL_MANAGED_BY]: MANAGER, [LABEL_CACHE_PROXY]: proxy, [LABEL_INSTANCE]: instance };
}
