/** What the controller already knows of logins and cache proxies, for an audit that does not try them itself. */
import type { Observation } from '../audit/observation.ts';
import type { Configuration } from '../config/schema.ts';
import { UserError } from '../errors.ts';
import { isForbidden } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Digest } from '../reconcile/world.ts';
import { readCluster } from './plan.ts';
import { observeRotations } from './rotation.ts';

/** undefined where it may not be read: the audit then says nothing of it. */
export async function knownTo(client: KubeClient, configuration: Configuration, namespace: string, digest: Digest): Promise<Pick<Observation, 'proxies' | 'heldBack'> | undefined> {
  try {
    const rotations = await observeRotations({ client, configuration, namespace, snapshot: await readCluster(client, configuration, digest) });
    const configured = new Map(configuration.cacheProxies.map((proxy) => [proxy.name, proxy]));
    return {
      heldBack: rotations.flatMap(({ source, refused }) => refused.map((why) => ({ source, why }))),
      proxies: rotations.flatMap(({ proxies }) => proxies).flatMap(({ name, kind, source, applied, appliedAt, verified, why, since }) => {
        const config = configured.get(name);
        // What cannot be told is not reported as missing.
        if (config === undefined || applied === undefined) return [];
        return [{ name, kind, source, registry: config.registry, applied, verified, why, ...(appliedAt !== undefined && { appliedAt }), ...(since !== undefined && { since }), ...(config.probe && { url: config.probe.url }) }];
      }),
    };
  } catch (error) {
    if (isForbidden(error) || error instanceof UserError) return undefined;
    throw error;
  }
}
