/** Finds contents by digest in the copies: so what was in force before a restart is recovered. */
import type { V1Secret } from '@kubernetes/client-node';
import type { SourceConfig } from '../config/schema.ts';
import { isForbidden, isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { paths } from '../kube/paths.ts';
import { KEY_DOCKER_CONFIG_JSON } from '../names.ts';
import type { World } from '../observe/world.ts';

interface Where {
  client: KubeClient;
  world: World;
  signal?: AbortSignal | undefined;
}

/**
 * Base64; undefined: no copy of the source holds it. A tenant cannot forge one: the digest is keyed. Throws ApiError if none was
 * found and a copy that may have it could not be read.
 */
export async function findContent(
  { client, world, signal }: Where,
  source: SourceConfig,
  digest: string,
): Promise<string | undefined> {
  let unreadable: Error | undefined;
  for (const copy of world.copies.get(source.copyName)?.all() ?? []) {
    if (copy.digest !== digest) continue;
    try {
      const { data } = await client.get<V1Secret>(paths.secrets(copy.namespace, copy.name), {
        sensitive: true,
        ...(signal && { signal }),
      });
      const content = data?.[KEY_DOCKER_CONFIG_JSON];
      // The copy may have changed since it was watched: then another one may have it.
      if (content !== undefined && world.digest(content) === digest) return content;
    } catch (error) {
      if (isForbidden(error)) unreadable = error as Error;
      else if (!isNotFound(error)) throw error;
    }
  }
  if (unreadable !== undefined) throw unreadable;
  return undefined;
}
