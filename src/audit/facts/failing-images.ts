/** Pulls that fail, grouped by image and reason: a missing image is one fault, however many pods wait for it. Pure. */
import { stepwise } from '../../async/steps.ts';
import type { Steps } from '../../async/steps.ts';
import type { PullFailure, Workload } from '../observe/observation.ts';

/** One owner that cannot pull one image. */
export interface FailingOwner {
  readonly failure: PullFailure;
  /** One of its workloads. */
  readonly workload: Workload;
  readonly pods: number;
}

/** By owner and image, in the order of the workloads. */
export function* failingOwnerSteps(workloads: readonly Workload[]): Steps<FailingOwner[]> {
  const found = new Map<string, { failure: PullFailure; workload: Workload; pods: number }>();
  yield* stepwise(workloads, 1_000, (workload) => {
    const { namespace, owner, failures, pods } = workload;
    for (const failure of failures) {
      const id = JSON.stringify([namespace, owner.kind, owner.name, failure.image]);
      const known = found.get(id);
      if (known === undefined) found.set(id, { failure, workload, pods });
      else known.pods += pods;
    }
  });
  return [...found.values()];
}

/** What a group is made by. `reason`: two owners with the same one have the same fault. */
export interface Reasoned extends FailingOwner {
  readonly reason: string;
  /** Between two tries a kubelet says only that it waits: such an owner joins those with the same image that say more. */
  readonly vague: boolean;
}

/** Never empty; an owner that says why is first. */
export type FailingGroup<T extends Reasoned> = readonly [T, ...T[]];

/** Sorted, most pods first. */
export function groupFailing<T extends Reasoned>(owners: readonly T[]): FailingGroup<T>[] {
  const byImage = Map.groupBy(owners, ({ failure }) => failure.image);
  const groups = [...byImage.values()].flatMap((same) => {
    const clear = [
      ...Map.groupBy(
        same.filter(({ vague }) => !vague),
        ({ reason }) => reason,
      ).values(),
    ].sort((a, b) => podsOf(b) - podsOf(a));
    const vague = same.filter((each) => each.vague);
    const [largest] = clear;
    if (largest === undefined) return [...Map.groupBy(vague, ({ reason }) => reason).values()];
    largest.push(...vague);
    return clear;
  });
  return groups
    .flatMap(([first, ...rest]): FailingGroup<T>[] => (first === undefined ? [] : [[first, ...rest]]))
    .sort((a, b) => podsOf(b) - podsOf(a));
}

export const podsOf = (group: readonly FailingOwner[]): number => group.reduce((sum, { pods }) => sum + pods, 0);
