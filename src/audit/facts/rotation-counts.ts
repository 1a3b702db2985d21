/** How many copies and cache proxies have the newest content of a source. Pure. */
import type { AuditedProxy } from '../observe/verdicts.ts';
import type { NamespacePlan } from '../../plan/namespace-plan.ts';

interface RotationCounts {
  /** Copies that do not hold the newest content. */
  readonly stale: number;
  readonly copiesDone: number;
  readonly copies: number;
  readonly proxiesDone: number;
  readonly proxies: number;
}

export function countRotation(
  { plans, proxies = [] }: { readonly plans: readonly NamespacePlan[]; readonly proxies?: readonly AuditedProxy[] },
  source: string,
): RotationCounts {
  const states = plans.flatMap(({ standings }) =>
    standings.filter((each) => each.source === source && each.choice.in).map(({ copy }) => copy),
  );
  const own = proxies.filter((proxy) => proxy.source === source);
  // Copies that the brake keeps are no longer updated: they count as stale.
  const kept = plans
    .flatMap(({ held }) => held?.copies ?? [])
    .filter((copy) => copy.source === source && !copy.current).length;
  const stale = states.filter((state) => state === 'stale' || state === 'blocked').length + kept;
  const copiesDone = states.filter((state) => state === 'in sync').length;
  return {
    stale,
    copiesDone,
    copies: copiesDone + stale + states.filter((state) => state === 'missing').length,
    proxiesDone: own.filter(({ done }) => done).length,
    proxies: own.length,
  };
}
