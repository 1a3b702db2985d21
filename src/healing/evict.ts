/** The one place that evicts a pod: exactly the pod that was judged, as it was then. */
import type { KubeClient } from '../kube/client.ts';
import { paths } from '../kube/paths.ts';
import type { StuckPod } from '../plan/healing.ts';

/**
 * The Eviction API, and not a deletion: the pod gets the condition DisruptionTarget, by which a Job can tell it from a failure, and
 * a right to evict is less than one to delete. Of a pending pod the API server asks no PodDisruptionBudget. A pod that has changed
 * since, because a container runs now, answers 409.
 */
export async function evict(
  client: KubeClient,
  { namespace, name, uid, resourceVersion }: StuckPod,
  signal: AbortSignal,
): Promise<void> {
  await client.create(
    paths.eviction(namespace, name),
    {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { namespace, name },
      deleteOptions: { preconditions: { uid, resourceVersion } },
    },
    { signal },
  );
}
