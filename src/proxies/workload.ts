/** Whether a workload's rolling update is complete: until then, pods with the old login still answer. */
import type { ApiObject } from '../kube/list.ts';

export interface RollingWorkload extends ApiObject {
  metadata: ApiObject['metadata'] & { generation?: number };
  spec?: { replicas?: number };
  status?: {
    observedGeneration?: number;
    /** Deployment, StatefulSet. */
    replicas?: number;
    updatedReplicas?: number;
    readyReplicas?: number;
    /** DaemonSet. */
    desiredNumberScheduled?: number;
    updatedNumberScheduled?: number;
    numberReady?: number;
  };
}

/** What is still to happen, in one line; undefined: nothing. The same conditions as in `kubectl rollout status`. */
export function rolling(workload: RollingWorkload): string | undefined {
  const {
    metadata: { generation = 0 },
    spec = {},
    status = {},
  } = workload;
  if ((status.observedGeneration ?? 0) < generation) return 'the roll has not begun yet';
  const isDaemonSet = status.desiredNumberScheduled !== undefined;
  const wanted = isDaemonSet ? (status.desiredNumberScheduled ?? 0) : (spec.replicas ?? 1);
  const updated = (isDaemonSet ? status.updatedNumberScheduled : status.updatedReplicas) ?? 0;
  const ready = (isDaemonSet ? status.numberReady : status.readyReplicas) ?? 0;
  if (updated < wanted) return `${updated} of ${wanted} pods were rolled`;
  if (!isDaemonSet && (status.replicas ?? 0) > updated)
    return `${(status.replicas ?? 0) - updated} pods with the login before are still there`;
  if (ready < wanted) return `${ready} of ${wanted} pods are ready`;
  return undefined;
}
