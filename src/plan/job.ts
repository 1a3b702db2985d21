/**
 * Whether a Job stands the eviction of one of its pods. An evicted pod is a failed one for its Job, with the condition
 * DisruptionTarget; what becomes of that is in the Job controller of Kubernetes (pkg/controller/job). Pure.
 */
import type { V1Job, V1PodFailurePolicyRule } from '@kubernetes/client-node';

/** What a Job looks at of a pod that failed. */
export interface JobPod {
  readonly conditions: readonly { readonly type: string; readonly status: string }[];
  /** How often the pods before it of the same index failed. */
  readonly indexFailures: number;
}

/** A kubelet may say this of a container that never ran, when it ends the pod. */
const EXIT_CODE = 137;
/** Kubelets change these while they end a pod. */
const CHANGING = ['Ready', 'ContainersReady', 'Initialized', 'PodReadyToStartContainers'];
const ENDING = ['Complete', 'Failed', 'FailureTarget', 'SuccessCriteriaMet'];
const JOB_CONTROLLER = 'kubernetes.io/job-controller';

/** Why its pod must not be evicted, as the end of a sentence; undefined: it may. One more failure must be left to the Job after it. */
export function whyJobForbids({ spec, status }: V1Job, pod: JobPod): string | undefined {
  if (spec === undefined) return 'its Job says nothing of itself';
  if (spec.suspend === true) return 'its Job is suspended';
  if (status?.conditions?.some((each) => each.status === 'True' && ENDING.includes(each.type)) === true)
    return 'its Job has ended';
  if (spec.managedBy !== undefined && spec.managedBy !== JOB_CONTROLLER)
    return 'its Job has a controller of its own (managedBy), of which nothing is known';
  const effect = effectOf(spec.podFailurePolicy?.rules ?? [], pod);
  if (effect === 'may fail') return 'the podFailurePolicy of its Job may fail the Job or its index for an eviction';
  if (effect === 'ignored') return undefined;

  const { backoffLimit = 6, backoffLimitPerIndex: perIndex } = spec;
  const { failed = 0, terminating = 0, uncountedTerminatedPods: uncounted } = status ?? {};
  const spent = failed + (uncounted?.failed?.length ?? 0) + terminating;
  if (backoffLimit - spent < 2)
    return `an eviction counts as a failure, and its Job had ${spent} of the ${backoffLimit} that it may have (backoffLimit)`;
  if (perIndex !== undefined && perIndex - pod.indexFailures < 2)
    return (
      `an eviction counts as a failure, and its index had ${pod.indexFailures} of the ${perIndex} that it may have ` +
      '(backoffLimitPerIndex)'
    );
  return undefined;
}

/**
 * The first rule that matches decides. Of some it is not known whether they will: such a rule counts where it is for the worse.
 */
function effectOf(rules: readonly V1PodFailurePolicyRule[], pod: JobPod): 'counted' | 'ignored' | 'may fail' {
  let mayCount = false;
  for (const rule of rules) {
    const matches = matchOf(rule, pod);
    if (matches === 'no') continue;
    if (rule.action !== 'Ignore' && rule.action !== 'Count') return 'may fail';
    if (matches === 'yes') return rule.action === 'Count' || mayCount ? 'counted' : 'ignored';
    mayCount ||= rule.action === 'Count';
  }
  return 'counted';
}

function matchOf({ onExitCodes, onPodConditions = [] }: V1PodFailurePolicyRule, pod: JobPod): 'yes' | 'maybe' | 'no' {
  if (onExitCodes !== undefined) {
    const isListed = onExitCodes.values.includes(EXIT_CODE);
    return isListed === (onExitCodes.operator === 'In') ? 'maybe' : 'no';
  }
  const matches = onPodConditions.map(({ type, status = 'True' }) => {
    if (type === 'DisruptionTarget') return status === 'True' ? 'yes' : 'no';
    if (CHANGING.includes(type)) return 'maybe';
    return pod.conditions.some((each) => each.type === type && each.status === status) ? 'maybe' : 'no';
  });
  return matches.includes('yes') ? 'yes' : matches.includes('maybe') ? 'maybe' : 'no';
}
