/** How far the newest content of a source has come. Pure. */
import type { AuditedProxy } from '../observe/observation.ts';
import type { NamespacePlan } from '../../plan/namespace-plan.ts';

interface RotationCounts {
  /** Copies that hold another content than the newest. */
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
  // What the brake keeps is not written any more: it stays behind until it goes.
  const kept = plans
    .flatMap(({ held }) => held?.copies ?? [])
    .filter((copy) => copy.source === source && !copy.current).length;
  const stale = states.filter((state) => state === 'stale').length + kept;
  const copiesDone = states.filter((state) => state === 'in sync').length;
  return {
    stale,
    copiesDone,
    copies: copiesDone + stale + states.filter((state) => state === 'missing').length,
    proxiesDone: own.filter(({ applied }) => applied).length,
    proxies: own.length,
  };
}
