/** For `plan` and `prune`: which custom objects of cache proxies name a copy that is to be removed. */
import type { Configuration } from '../config/schema.ts';
import type { KubeClient } from '../kube/client.ts';
import type { World } from '../observe/world.ts';
import { isGoing } from '../plan/going.ts';
import type { PlanOptions } from '../plan/namespace.ts';
import type { ObservedScope } from '../plan/observed.ts';
import { createProxies } from '../proxies/kinds.ts';
import { createProxyKube } from '../proxies/kube.ts';
import type { Named } from '../proxies/adapter.ts';

export interface NamedCopy extends Named {
  /** Name of the cache proxy. */
  readonly proxy: string;
  /** The object's name in messages. */
  readonly object: string;
  /** Namespace of the copy. */
  readonly namespace: string;
}

interface NamedCopiesOptions {
  client: KubeClient;
  configuration: Configuration;
  snapshot: { readonly scopes: readonly ObservedScope[]; readonly world: Pick<World, 'instance'> };
  options?: PlanOptions;
  signal?: AbortSignal;
}

/** Each place once, even if several cache proxies share it. Throws ApiError if an object may not be read. */
export async function readNamedCopies({
  client,
  configuration,
  snapshot: { scopes, world },
  options,
  signal = new AbortController().signal,
}: NamedCopiesOptions): Promise<NamedCopy[]> {
  const byName = new Map(scopes.map((scope) => [scope.namespace.name, scope]));
  const found = await Promise.all(
    createProxies(configuration, world.instance).map(
      async ({ config, adapter: { consumer } }): Promise<NamedCopy[]> => {
        if (consumer === undefined) return [];
        const {
          object,
          namespace,
          copyNames: [current, ...retired],
        } = consumer;
        const going = [...(isGoing(byName.get(namespace), config.source, options) ? [current] : []), ...retired];
        const named =
          going.length === 0
            ? []
            : await consumer.named(
                going,
                createProxyKube({ client, proxy: config.name, instance: world.instance, signal }),
              );
        return named.map((each) => ({ ...each, proxy: config.name, object, namespace }));
      },
    ),
  );
  return [
    ...new Map(
      found.flat().map((each) => [JSON.stringify([each.object, each.place, each.namespace, each.copyName]), each]),
    ).values(),
  ];
}

export const nameOf = ({ namespace, copyName }: Pick<NamedCopy, 'namespace' | 'copyName'>): string =>
  `${namespace}/${copyName}`;
