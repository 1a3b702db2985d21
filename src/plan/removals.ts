/** When a removal is so large that it is more likely a slip than meant. Pure; the controller and the commands count alike. */
import { stepwise } from '../async/steps.ts';
import type { Steps } from '../async/steps.ts';
import { some } from '../text.ts';
import { confirmingLine } from '../config/confirmation.ts';
import type { Confirmation } from '../config/confirmation.ts';
import { holdRemovals, removes } from './hold.ts';
import type { ObservedScope } from './observed.ts';
import type { NamespacePlan } from './namespace-plan.ts';

/** So many namespaces may lose something at once, whatever the size of the cluster. */
const FEW = 10;
/** In larger clusters the limit is this part of the namespaces that have a copy: one in twenty, 5 %. */
const ONE_IN = 20;

/** What a configuration would take away. */
export interface Removals {
  /** From which namespaces: copies, or references. */
  readonly namespaces: readonly string[];
  /** How many namespaces have a copy of ours. */
  readonly withCopies: number;
}

export interface HeldRemoval extends Removals {
  /** How many may lose something without a word. */
  readonly limit: number;
  /** The value of `confirmRemoval` that lets it through. */
  readonly confirm: string;
}

/** One namespace with the plan that removes. */
export interface Planned {
  readonly scope: ObservedScope;
  readonly plan: NamespacePlan;
}

/** Counts one namespace after the other. */
export function createTally(): { add(planned: Planned): void; removals(): Removals } {
  const namespaces: string[] = [];
  let withCopies = 0;
  return {
    add({ scope: { namespace, copies }, plan }) {
      // What is being deleted takes its copies along, whatever the configuration says.
      if (namespace.terminating) return;
      if (removes(plan)) namespaces.push(namespace.name);
      if ([...copies.values()].some(({ ours }) => ours)) withCopies++;
    },
    removals: () => ({ namespaces, withCopies }),
  };
}

export const limitOf = (withCopies: number): number => Math.max(FEW, Math.floor(withCopies / ONE_IN));

/** The plans of a whole cluster as a controller that starts now carries them out; `held`: why they take nothing away. */
export function* brakeSteps(
  planned: readonly Planned[],
  confirmation: Confirmation,
): Steps<{ readonly plans: readonly NamespacePlan[]; readonly held: HeldRemoval | undefined }> {
  const tally = createTally();
  yield* stepwise(planned, 1_000, tally.add);
  const held = judgeRemovals(tally.removals(), confirmation);
  if (held === undefined) return { held, plans: planned.map(({ plan }) => plan) };
  const plans: NamespacePlan[] = [];
  yield* stepwise(planned, 250, ({ scope, plan }) => plans.push(holdRemovals(plan, scope)));
  return { held, plans };
}

/** undefined: few enough, or confirmed. */
export function judgeRemovals(
  { namespaces, withCopies }: Removals,
  { value, given }: Confirmation,
): HeldRemoval | undefined {
  const limit = limitOf(withCopies);
  return given === 'this' || namespaces.length <= limit ? undefined : { namespaces, withCopies, limit, confirm: value };
}

/** What is held, as a sentence without its full stop. */
export function describeHeld({ namespaces, withCopies, limit }: HeldRemoval): string {
  return (
    `the configuration would take copies or references away from ${namespaces.length} namespaces ` +
    `(${some(namespaces, 5)}); ${withCopies} have a copy, and no more than ${limit} may lose something ` +
    'without a word'
  );
}

/** The same and what to do, on one line; for people. */
export function sayHeld(held: HeldRemoval): string {
  return `${describeHeld(held)}. Nothing is removed anywhere until it is changed, or confirmed by this line in it: ${confirmingLine(held.confirm)}`;
}
