/** The pending changes of a whole cluster. */
import type { HealingRow, HealingSurvey } from '../healing/survey.ts';
import type { Action } from '../plan/action.ts';
import type { NamespacePlan } from '../plan/namespace-plan.ts';
import { isInSync } from '../plan/namespace.ts';
import { nameOf } from '../reconcile/named-copies.ts';
import type { NamedCopy } from '../reconcile/named-copies.ts';
import type { RotationProgress } from '../rotation/progress.ts';
import type { PlannedCluster } from '../sources/snapshot.ts';

export interface ClusterPlan extends PlannedCluster {
  /** The progress of each source's rotation, cache proxies included. */
  readonly rotations?: readonly RotationProgress[];
  /** The configuration says `paused: true`: the controller writes none of this. */
  readonly paused?: boolean;
  /** How this plan is about other namespaces than those that the controller looks after. */
  readonly other?: string;
  /** Custom objects that name a copy which is to be removed. */
  readonly named?: readonly NamedCopy[];
  /** Pods that were made before the reference; absent: no source heals. */
  readonly healing?: HealingSurvey;
  /** Only these namespaces are in the plan; absent: all, and the cache proxies. */
  readonly only?: readonly string[];
}

/**
 * What the plan says of some namespaces: their changes, what the brake holds in them, and problems of the sources. Not of cache
 * proxies, which belong to none.
 */
export function planOnly(plan: ClusterPlan, only: readonly string[]): ClusterPlan {
  const { held, rotations: _, named = [], ...rest } = plan;
  const isShown = ({ namespace }: { readonly namespace: string }): boolean => only.includes(namespace);
  return {
    ...rest,
    ...(held?.namespaces.some((namespace) => only.includes(namespace)) && { held }),
    namespaces: plan.namespaces.filter(isShown),
    named: named.filter(isShown),
    total: only.length,
    only,
  };
}

/** Whether any change is pending, or held by the brake. */
export function isPending(plan: ClusterPlan): boolean {
  return (
    [pendingIn(plan), pendingProxies(plan), pendingReferences(plan), pendingEvictions(plan)].some(
      (pending) => pending.length > 0,
    ) || plan.held !== undefined
  );
}

export const pendingIn = ({ namespaces }: PlannedCluster): NamespacePlan[] =>
  namespaces.filter((plan) => !isInSync(plan));

/** Cache proxies that do not have the current login of their source yet. */
export function pendingProxies({ rotations = [] }: ClusterPlan): string[] {
  return rotations
    .flatMap(({ proxies }) => proxies)
    .filter(({ applied }) => applied === false)
    .map(({ name }) => name);
}

/** References in custom objects that Pullpass wrote, and must remove. */
export const pendingReferences = ({ named = [] }: Pick<ClusterPlan, 'named'>): NamedCopy[] =>
  named.filter(({ ours }) => ours);

/** Owners of which pods are to be evicted. */
export const pendingEvictions = ({ healing }: Pick<ClusterPlan, 'healing'>): HealingRow[] =>
  healing?.rows.filter(({ action }) => action === 'evict') ?? [];

/** In the order in which the controller applies them. */
export const actionsOf = ({ writeCopies, editReferences, deleteCopies }: NamespacePlan): Action[] => [
  ...writeCopies,
  ...editReferences,
  ...deleteCopies,
];

/** Whether an action removes a copy that must stay: a custom object names it, and Pullpass did not write that. */
export function staying({ named = [] }: ClusterPlan): (action: Action) => boolean {
  const names = new Set(named.filter(({ ours }) => !ours).map(nameOf));
  return (action) =>
    action.type === 'deleteCopy' && names.has(nameOf({ namespace: action.namespace, copyName: action.name }));
}
