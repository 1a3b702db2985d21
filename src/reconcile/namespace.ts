/** Reconciles one namespace: plans, and applies the actions in the plan's order. */
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

/** An action that waits, because another writer undid the same one again and again. */
export interface Waiting {
  readonly action: Action;
  readonly ms: number;
}

/** Says how long to wait with an action, in milliseconds (0: it may be done now), and is told when it was done. */
export type WritePace = (action: Action) => { readonly ms: number; wrote(): void };

export interface NamespaceOutcome {
  readonly plan: NamespacePlan;
  /** Actions that were done, in order. */
  readonly done: readonly Action[];
  readonly failures: readonly Failure[];
  readonly waiting: readonly Waiting[];
}

/** `turn`: awaited between the steps of a long plan. */
interface ReconcileOptions extends PlanOptions {
  readonly turn?: () => Promise<unknown>;
  readonly pace?: WritePace;
}

/** An action that failed, or waits, stops only actions that depend on it; those wait for the next reconcile. Never throws. */
export async function reconcileNamespace(
  scope: ObservedScope,
  applier: Pick<Applier, 'apply'>,
  signal: AbortSignal,
  { turn = () => Promise.resolve(), pace, ...options }: ReconcileOptions = {},
): Promise<NamespaceOutcome> {
  const plan = await inTurns(planSteps(scope, options), turn);
  const done: Action[] = [];
  const failures: Failure[] = [];
  const waiting: Waiting[] = [];

  async function attempt(action: Action): Promise<boolean> {
    const paced = pace?.(action);
    if (paced !== undefined && paced.ms > 0) {
      waiting.push({ action, ms: paced.ms });
      return false;
    }
    try {
      await applier.apply(action, signal);
      paced?.wrote();
      done.push(action);
      return true;
    } catch (error) {
      // The namespace is being deleted, and everything in it with it: no failure.
      if (!isNamespaceTerminating(error)) failures.push({ action, error });
      return false;
    }
  }

  const unwritten = new Set<string>();
  // What only lacks labels or annotations has the login already: a failure, or a contest for them, keeps nobody from it.
  const isUsable = (name: string): boolean =>
    plan.standings.some(({ copy, copyName }) => copy === 'in sync' && copyName === name);
  for (const action of plan.writeCopies)
    if (!(await attempt(action)) && !isUsable(action.name)) unwritten.add(action.name);

  const stillReferenced = new Set<string>();
  for (const action of plan.editReferences) {
    const narrowed = withoutCopies(action, unwritten);
    if (narrowed !== undefined && !(await attempt(narrowed)))
      action.edit.remove.forEach((name) => stillReferenced.add(name));
  }

  for (const action of plan.deleteCopies) if (!stillReferenced.has(action.name)) await attempt(action);
  return { plan, done, failures, waiting };
}

/** The edit without references to copies that could not be written; undefined if nothing is left. */
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
