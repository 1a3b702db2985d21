/** Groups workloads by owner: a thousand pods of one Deployment are one finding. */
import { agree } from '../../text.ts';
import type { FindingObject } from './rule.ts';
import type { Workload } from '../observe/observation.ts';
import { stepwise } from '../../async/steps.ts';
import type { Steps } from '../../async/steps.ts';
import { isPlainName } from './remedies.ts';

interface Owned<T> {
  readonly object: FindingObject;
  /** `team-a/Deployment web`. */
  readonly title: string;
  readonly pods: number;
  /** The results of `look`, one per workload. */
  readonly about: readonly (T & { readonly workload: Workload })[];
}

/** `look`: the result for a workload; undefined: no finding. Owners without a result are left out. */
export function* ownerSteps<T extends object>(
  workloads: readonly Workload[],
  look: (workload: Workload) => T | undefined,
): Steps<Owned<T>[]> {
  const owners = new Map<
    string,
    { -readonly [K in keyof Owned<T>]: Owned<T>[K] } & { about: (T & { workload: Workload })[] }
  >();
  yield* stepwise(workloads, 1_000, (workload) => {
    const said = look(workload);
    if (said === undefined) return;
    const {
      namespace,
      owner: { kind, name },
    } = workload;
    const title = `${namespace}/${kind} ${name}`;
    let owner = owners.get(title);
    if (owner === undefined)
      owners.set(title, (owner = { object: { kind, namespace, name }, title, pods: 0, about: [] }));
    owner.pods += workload.pods;
    owner.about.push({ ...said, workload });
  });
  return [...owners.values()];
}

/** How to recreate the pods of `object`: the end of a sentence. */
export function recreate({ kind, namespace = '', name }: FindingObject, pods: number): string {
  if ((kind === 'Deployment' || kind === 'StatefulSet' || kind === 'DaemonSet') && isPlainName(name))
    return `restart ${agree(pods, 'it', 'them')}: \`kubectl -n ${namespace} rollout restart ${kind.toLowerCase()}/${name}\``;
  return kind === 'Pod'
    ? `delete Pod "${name}" in ${namespace}, and create it again.`
    : `delete the pods of ${namespace}/${kind} ${name}, so that they are made anew.`;
}
