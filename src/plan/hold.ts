/** A plan without its removals: what is applied while the brake holds them. Pure. */
import type { NamespacePlan } from './namespace-plan.ts';
import type { ObservedScope } from './observed.ts';
import { planReferences } from './service-account.ts';

/** Whether the plan removes a copy or a reference. */
export function removes({ deleteCopies, editReferences }: NamespacePlan): boolean {
  return deleteCopies.length > 0 || editReferences.some(({ edit }) => edit.remove.length > 0);
}

/** The same plan of `scope`, but no copy and no reference is removed. */
export function holdRemovals(plan: NamespacePlan, { copies, sources }: ObservedScope): NamespacePlan {
  // Also if nothing is held: an edit that loses a race is computed again, and must not remove anything then either.
  const editReferences = plan.editReferences.flatMap((action) => {
    const wanted = { ...action.wanted, keepRest: true };
    const edit = planReferences(action.account, wanted);
    return edit === undefined ? [] : [{ ...action, edit, wanted }];
  });
  if (!removes(plan)) return { ...plan, editReferences };
  const kept = new Set(plan.deleteCopies.map(({ name }) => name));
  return {
    ...plan,
    standings: plan.standings.map((standing) =>
      kept.has(standing.copyName) ? { ...standing, copy: 'held' } : standing,
    ),
    editReferences,
    deleteCopies: [],
    held: {
      copies: [...kept]
        .flatMap((name) => copies.get(name) ?? [])
        .map(({ name, source, digest }) => {
          const newest = sources.find(({ config }) => config.name === source)?.digest;
          return { name, source, current: newest === undefined || digest === newest };
        }),
      accounts: plan.editReferences.filter(({ edit }) => edit.remove.length > 0).map(({ account }) => account.name),
    },
  };
}
