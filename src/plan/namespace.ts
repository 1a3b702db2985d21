/** The whole plan of one namespace. Pure: the same observation gives the same plan, for the controller and for `plan`. */
import { inOneGo } from '../async/steps.ts';
import type { Steps } from '../async/steps.ts';
import { accountSteps } from './accounts.ts';
import { planCopy, planRemoval } from './copy.ts';
import { holdRemovals } from './hold.ts';
import type { NamespacePlan } from './namespace-plan.ts';
import type { ObservedScope, ObservedSource } from './observed.ts';
import { finalizersOf, firstFew } from './problem.ts';
import { accountSelectors, listProblems, selectSources } from './selection.ts';
import type { Selection } from './selection.ts';

export interface PlanOptions {
  /** Nothing is removed; {@link NamespacePlan.held} has what would be. */
  readonly hold?: boolean;
  /** Replaces the choice of every source: `prune` plans as if no namespace had opted in. */
  readonly select?: (scope: ObservedScope) => Selection;
}

export function planNamespace(scope: ObservedScope, options?: PlanOptions): NamespacePlan {
  return inOneGo(planSteps(scope, options));
}

/** The same in steps, so that other work can run between them. */
export function* planSteps(
  scope: ObservedScope,
  { select = chosen, hold = false }: PlanOptions = {},
): Steps<NamespacePlan> {
  const { namespace, serviceAccounts, copies, sources, retiredCopyNames, instance } = scope;
  const empty = {
    namespace: namespace.name,
    standings: [],
    writeCopies: [],
    editReferences: [],
    deleteCopies: [],
    problems: [],
  };
  // Everything in it is being deleted, and the API server refuses creates.
  if (namespace.terminating) return empty;

  const reserved = reservedNames(namespace.name, sources);
  const selection = select(scope);
  const selects = accountSelectors(namespace);
  const planned = sources.map((source) => {
    const choice = selection.choices.get(source.config.name) ?? { in: false, why: 'not opted in' };
    const { copyName } = source.config;
    return { source, choice, plan: planCopy(namespace, source, choice, copies.get(copyName), reserved.has(copyName)) };
  });
  // A reference to one of these goes as everything does that nobody wants.
  const retired = retiredCopyNames.map((copyName) =>
    planRemoval(reserved.has(copyName) ? undefined : copies.get(copyName)),
  );

  const accounts = yield* accountSteps(
    serviceAccounts,
    planned.map(({ source: { config }, choice, plan }) => ({
      copyName: config.copyName,
      references: plan.references,
      selects: choice.in ? selects(config) : undefined,
    })),
    { instance, own: new Set([...copies.values()].filter(({ ours }) => ours).map(({ name }) => name)) },
  );
  const plans = [...planned.map(({ plan }) => plan), ...retired];
  const actions = plans.flatMap(({ action }) => action ?? []);
  const plan: NamespacePlan = {
    namespace: namespace.name,
    standings: planned.map(({ source: { config }, choice, plan }, i) => ({
      source: config.name,
      copyName: config.copyName,
      choice,
      copy: plan.state,
      ...(plan.problem?.reason === 'CopyBlocked' && { blockedBy: finalizersOf(plan.problem) }),
      accounts: accounts.counts[i] ?? { selected: 0, referenced: 0 },
    })),
    writeCopies: actions.filter(({ type }) => type !== 'deleteCopy'),
    editReferences: accounts.edits,
    deleteCopies: actions.filter(({ type }) => type === 'deleteCopy'),
    problems: [
      ...selection.problems,
      ...plans.flatMap(({ problem }) => problem ?? []),
      ...(planned.some(({ choice }) => choice.in) ? listProblems(namespace) : []),
      ...firstFew(accounts.problems, { kind: 'Namespace', name: namespace.name, uid: namespace.uid }),
    ],
  };
  return hold ? holdRemovals(plan, scope) : plan;
}

/** Whether nothing is left to do. */
export function isInSync(plan: NamespacePlan): boolean {
  return plan.writeCopies.length === 0 && plan.editReferences.length === 0 && plan.deleteCopies.length === 0;
}

const chosen = ({ namespace, sources }: ObservedScope): Selection =>
  selectSources(
    namespace,
    sources.map(({ config }) => config),
  );

const NONE: ReadonlySet<string> = new Set();

/** Secrets in the namespace that sources or alias logins are read from: never copies, whatever labels they have. */
function reservedNames(namespace: string, sources: readonly ObservedSource[]): ReadonlySet<string> {
  const here = sources.filter(({ config }) => config.secret.namespace === namespace);
  if (here.length === 0) return NONE;
  return new Set(
    here.flatMap(({ config }) => [
      config.secret.name,
      ...config.aliases.flatMap((alias) => ('login' in alias ? [alias.login.secret] : [])),
    ]),
  );
}
