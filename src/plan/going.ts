/** Whether a copy is about to go: then nothing may be made to name it. */
import { planNamespace } from './namespace.ts';
import type { PlanOptions } from './namespace.ts';
import type { ObservedScope } from './observed.ts';

/** `scope`: of the copy's namespace; undefined where there is none. What the plan leaves in place, for whatever reason, is not going. */
export function isGoing(scope: ObservedScope | undefined, source: string, options?: PlanOptions): boolean {
  // With its namespace everything in it goes.
  if (scope === undefined || scope.namespace.terminating) return true;
  const config = scope.sources.find((each) => each.config.name === source)?.config;
  const { standings, deleteCopies } = planNamespace(scope, options);
  const standing = standings.find((each) => each.source === source);
  if (config === undefined || standing === undefined || standing.choice.in) return false;
  switch (standing.copy) {
    case 'leftover':
      return deleteCopies.some(({ name }) => name === standing.copyName);
    case 'terminating':
      return true;
    case 'none':
      // Gone already, unless somebody else's Secret has the name, or it is the place of the source itself.
      return (
        !scope.copies.has(standing.copyName) &&
        !(config.secret.namespace === scope.namespace.name && config.secret.name === standing.copyName)
      );
    default:
      return false;
  }
}
