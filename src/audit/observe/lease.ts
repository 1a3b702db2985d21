/** Reads the Lease of the controller: which replica leads, and when it last renewed the Lease. */
import type { V1Lease } from '@kubernetes/client-node';
import { isForbidden, isNotFound } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client.ts';
import { paths } from '../../kube/paths.ts';
import { LEASE_NAME } from '../../names.ts';
import type { Observation } from './observation.ts';

/** undefined: there is no Lease, or it may not be read. */
export async function readLease(
  client: KubeClient,
  namespace: string,
  signal?: AbortSignal,
): Promise<Observation['lease']> {
  try {
    const { spec } = await client.get<
      Pick<V1Lease, 'metadata'> & { spec?: { holderIdentity?: string; renewTime?: string } }
    >(paths.leases(namespace, LEASE_NAME), { signal });
    const renewedAt = Date.parse(spec?.renewTime ?? '');
    return { namespace, holder: spec?.holderIdentity ?? '', ...(!Number.isNaN(renewedAt) && { renewedAt }) };
  } catch (error) {
    if (isNotFound(error) || isForbidden(error)) return undefined;
    throw error;
  }
}
