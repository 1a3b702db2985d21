/** The brake's limit: when a removal is so large that it is probably a mistake. Pure; the controller and commands count alike. */
import { stepwise } from '../async/steps.ts';
import type { Steps } from '../async/steps.ts';
import { some } from '../text.ts';
import { confirmingLine } from '../config/confirmation.ts';
import type { Confirmation } from '../config/confirmation.ts';
import { holdRemovals, removes } from './hold.ts';
import type { ObservedScope } from './observed.ts';
import type { NamespacePlan } from './namespace-plan.ts';

/** This many namespaces may always lose something at once, whatever the size of the cluster. */
const FEW = 10;
/** In larger clusters the limit is one in this many of the namespaces that have a copy: 5 %. */
const ONE_IN = 20;

/** What a configuration would remove. */
export interface Removals {
  /** Namespaces that would lose a copy or a reference. */
  readonly namespaces: readonly string[];
  /** How many namespaces have a copy. */
  readonly withCopies: number;
}

export interface HeldRemoval extends Removals {
  /** How many namespaces may lose something without a confirmation. */
  readonly limit: number;
  /** The value of `confirmRemoval` that lets it through. */
  readonly confirm: string;
}

/** One namespace with its plan. */
export interface Planned {
  readonly scope: ObservedScope;
  readonly plan: NamespacePlan;
}

/** Counts removals, namespace by namespace. */
export function createTally(): { add(planned: Planned): void; removals(): Removals } {
  const namespaces: string[] = [];
  let withCopies = 0;
  return {
    add({ scope: { namespace, copies }, plan }) {
      // A namespace that is being deleted loses its copies, whatever the configuration says.
      if (namespace.terminating) return;
      if (removes(plan)) namespaces.push(namespace.name);
      if ([...copies.values()].some(({ ours }) => ours)) withCopies++;
    },
    removals: () => ({ namespaces, withCopies }),
  };
}

export const limitOf = (withCopies: number): number => Math.max(FEW, Math.floor(withCopies / ONE_IN));

/** The plans of a cluster as a controller that starts now would apply them; `held`: why they remove nothing. */
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

/** Undefined: few enough, or confirmed. */
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

/** The same with what to do, on one line; for people. */
export function sayHeld(held: HeldRemoval): string {
  return (
    `${describeHeld(held)}. Nothing is removed anywhere until it is changed, ` +
    `or confirmed by this line in it: ${confirmingLine(held.confirm)}`
  );
}
