/** Whether a copy is about to be removed: then no object may be pointed at it. */
import { planNamespace } from './namespace.ts';
import type { PlanOptions } from './namespace.ts';
import type { ObservedScope } from './observed.ts';

/** `scope`: of the copy's namespace; undefined: there is none. A copy that the plan keeps, for whatever reason, is not going. */
export function isGoing(scope: ObservedScope | undefined, source: string, options?: PlanOptions): boolean {
  // Deleting a namespace deletes everything in it.
  if (scope === undefined || scope.namespace.terminating) return true;
  const config = scope.sources.find((each) => each.config.name === source)?.config;
  const { standings, deleteCopies } = planNamespace(scope, options);
  const standing = standings.find((each) => each.source === source);
  if (config === undefined || standing === undefined || standing.choice.in) return false;
  switch (standing.copy) {
    case 'leftover':
      return deleteCopies.some(({ name }) => name === standing.copyName);
    case 'terminating':
    case 'blocked':
      return true;
    case 'none':
      // Gone already, unless a Secret of others has the name, or the source itself has it.
      return (
        !scope.copies.has(standing.copyName) &&
        !(config.secret.namespace === scope.namespace.name && config.secret.name === standing.copyName)
      );
    default:
      return false;
  }
}
