/** What is to be done in a cluster, and how much of it. */
import type { Action } from '../plan/action.ts';
import type { NamespacePlan } from '../plan/namespace-plan.ts';
import { isInSync } from '../plan/namespace.ts';
import { nameOf } from '../reconcile/named-copies.ts';
import type { NamedCopy } from '../reconcile/named-copies.ts';
import type { RotationProgress } from '../rotation/progress.ts';
import type { PlannedCluster } from '../sources/snapshot.ts';

export interface ClusterPlan extends PlannedCluster {
  /** How far each source's content is, cache proxies included. */
  readonly rotations?: readonly RotationProgress[];
  /** The configuration says so: a controller writes none of this. */
  readonly paused?: boolean;
  /** Copies that are to go, and the custom objects that name them. */
  readonly named?: readonly NamedCopy[];
}

/** Whether anything is left to do, or is held. */
export function isPending(plan: ClusterPlan): boolean {
  return (
    [pendingIn(plan), pendingProxies(plan), pendingReferences(plan)].some((pending) => pending.length > 0) ||
    plan.held !== undefined
  );
}

export const pendingIn = ({ namespaces }: PlannedCluster): NamespacePlan[] =>
  namespaces.filter((plan) => !isInSync(plan));

/** Cache proxies that are still to be given the login that their source has. */
export function pendingProxies({ rotations = [] }: ClusterPlan): string[] {
  return rotations
    .flatMap(({ proxies }) => proxies)
    .filter(({ applied }) => applied === false)
    .map(({ name }) => name);
}

/** References in custom objects that are to be taken back. */
export const pendingReferences = ({ named = [] }: Pick<ClusterPlan, 'named'>): NamedCopy[] =>
  named.filter(({ ours }) => ours);

/** In the order in which they would be carried out. */
export const actionsOf = ({ writeCopies, editReferences, deleteCopies }: NamespacePlan): Action[] => [
  ...writeCopies,
  ...editReferences,
  ...deleteCopies,
];

/** Tells copies that are to go and cannot, for somebody else had an object name them. */
export function staying({ named = [] }: ClusterPlan): (action: Action) => boolean {
  const names = new Set(named.filter(({ ours }) => !ours).map(nameOf));
  return (action) =>
    action.type === 'deleteCopy' && names.has(nameOf({ namespace: action.namespace, copyName: action.name }));
}
