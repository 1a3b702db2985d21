/** The plans of all namespaces, in steps. Pure. */
import type { Steps } from '../async/steps.ts';
import type { Confirmation } from '../config/confirmation.ts';
import type { NamespacePlan } from './namespace-plan.ts';
import { planSteps } from './namespace.ts';
import type { PlanOptions } from './namespace.ts';
import type { ObservedScope } from './observed.ts';
import { brakeSteps } from './removals.ts';
import type { HeldRemoval, Planned } from './removals.ts';

export interface ClusterPlans {
  /** One per scope, in the same order. */
  readonly plans: readonly NamespacePlan[];
  /** Why they remove nothing; undefined: the brake holds nothing. */
  readonly held: HeldRemoval | undefined;
}

/** `confirmation`: plan as a controller that starts now: its brake holds a removal that is too large; undefined: no brake. */
export function* clusterSteps(
  scopes: readonly ObservedScope[],
  confirmation: Confirmation | undefined,
  options?: PlanOptions,
): Steps<ClusterPlans> {
  const planned: Planned[] = [];
  for (const scope of scopes) {
    if (planned.length % 250 === 249) yield;
    planned.push({ scope, plan: yield* planSteps(scope, options) });
  }
  if (confirmation !== undefined) return yield* brakeSteps(planned, confirmation);
  return { plans: planned.map(({ plan }) => plan), held: undefined };
}
