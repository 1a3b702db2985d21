/** What `pullpass prune` is about to remove: lines, and a summary. */
import type { NamespacePlan } from '../plan/namespace-plan.ts';
import { describeChange } from '../reconcile/describe.ts';
import type { NamedCopy } from '../reconcile/named-copies.ts';
import { plural } from '../text.ts';
import { actionsOf, pendingReferences } from './cluster-plan.ts';
import type { Leftover } from './leftovers.ts';
import { describeNamed } from './plan-text.ts';

export interface Removal {
  /** Plans of the namespaces in which something is removed. */
  readonly plans: readonly NamespacePlan[];
  readonly named: readonly NamedCopy[];
  readonly leftovers: readonly Leftover[];
}

export const linesOf = ({ plans, named, leftovers }: Removal): string[] => [
  ...plans.map((plan) => `${plan.namespace}: ${actionsOf(plan).map(describeChange).join(', ')}`),
  ...named.map(describeNamed),
  ...leftovers.map(({ namespace = 'cluster', what }) => `${namespace}: ${what}`),
];

/** Completes `Remove` or `Removed`. */
export function sumOf({ plans, named, leftovers }: Removal): string {
  const count = (of: 'deleteCopies' | 'editReferences'): number =>
    plans.reduce((sum, plan) => sum + plan[of].length, 0);
  const references = pendingReferences({ named }).length;
  const secrets = leftovers.filter(({ kind }) => kind === 'Secret').length;
  const configMaps = leftovers.filter(({ kind }) => kind === 'ConfigMap').length;
  const reports = leftovers.length - secrets - configMaps;
  const more = [
    ...(references > 0 ? [`the references in ${plural(references, 'custom object')}`] : []),
    ...(secrets > 0 ? [plural(secrets, 'other Secret')] : []),
    ...(configMaps > 0 ? [plural(configMaps, 'ConfigMap')] : []),
    ...(reports > 0 ? [plural(reports, 'report object')] : []),
  ];
  return (
    `${plural(count('deleteCopies'), 'copy', 'copies')} and the references of ` +
    `${plural(count('editReferences'), 'ServiceAccount')} in ${plural(plans.length, 'namespace')}` +
    (more.length > 0 ? `, and ${more.join(' and ')}` : '')
  );
}
