/** One namespace, brought to what it should be: observe, plan, apply in the plan's order. */
import { isNamespaceTerminating } from '../kube/api-error.ts';
import type { Action } from '../plan/action.ts';
import { planSteps } from '../plan/namespace.ts';
import type { PlanOptions } from '../plan/namespace.ts';
import type { ObservedScope } from '../plan/observed.ts';
import { planReferences } from '../plan/service-account.ts';
import { inTurns } from '../async/steps.ts';
import type { Applier } from './apply.ts';
import type { NamespacePlan } from '../plan/namespace-plan.ts';

export interface Failure {
  readonly action: Action;
  readonly error: unknown;
}

export interface NamespaceOutcome {
  readonly plan: NamespacePlan;
  /** Actions that were carried out, in order. */
  readonly done: readonly Action[];
  readonly failures: readonly Failure[];
}

/** `turn`: awaited between the steps of a plan that takes long. */
interface ReconcileOptions extends PlanOptions {
  readonly turn?: () => Promise<unknown>;
}

/** Not one failure stops what does not depend on it; what depends on it waits for the next try. Never throws. */
export async function reconcileNamespace(
  scope: ObservedScope,
  applier: Applier,
  signal: AbortSignal,
  { turn = () => Promise.resolve(), ...options }: ReconcileOptions = {},
): Promise<NamespaceOutcome> {
  const plan = await inTurns(planSteps(scope, options), turn);
  const done: Action[] = [];
  const failures: Failure[] = [];

  async function attempt(action: Action): Promise<boolean> {
    try {
      await applier.apply(action, signal);
      done.push(action);
      return true;
    } catch (error) {
      // It went away under our hands, and everything in it goes with it.
      if (!isNamespaceTerminating(error)) failures.push({ action, error });
      return false;
    }
  }

  const unwritten = new Set<string>();
  for (const action of plan.writeCopies) if (!(await attempt(action))) unwritten.add(action.name);

  const stillReferenced = new Set<string>();
  for (const action of plan.editReferences) {
    const narrowed = withoutCopies(action, unwritten);
    if (narrowed !== undefined && !(await attempt(narrowed)))
      action.edit.remove.forEach((name) => stillReferenced.add(name));
  }

  for (const action of plan.deleteCopies) if (!stillReferenced.has(action.name)) await attempt(action);
  return { plan, done, failures };
}

/** The edit without references to copies that could not be written; undefined when nothing is left of it. */
function withoutCopies(
  action: NamespacePlan['editReferences'][number],
  unwritten: ReadonlySet<string>,
): NamespacePlan['editReferences'][number] | undefined {
  if (!action.edit.add.some((name) => unwritten.has(name))) return action;
  const { wanted, kept } = action.wanted;
  const narrowed = {
    ...action.wanted,
    wanted: new Set([...wanted].filter((name) => !unwritten.has(name))),
    kept: new Set([...kept, ...unwritten]),
  };
  const edit = planReferences(action.account, narrowed);
  return edit === undefined ? undefined : { ...action, edit, wanted: narrowed };
}
