/** The whole plan of one namespace. Pure: the same observation gives the same plan, for the controller and for `plan`. */
import type { SourceConfig } from '../config/schema.ts';
import type { CopyAction, EditReferences } from './action.ts';
import { planCopy, planRemoval } from './copy.ts';
import type { CopyPlan, CopyState } from './copy.ts';
import { holdRemovals } from './hold.ts';
import type { HeldRemovals } from './hold.ts';
import type { ObservedScope, ObservedServiceAccount, ObservedSource } from './observed.ts';
import type { Problem } from './problem.ts';
import { accountProblems, selectSources, selectsAccount } from './selection.ts';
import type { Choice, Selection } from './selection.ts';
import { planReferences } from './service-account.ts';
import type { WantedReferences } from './service-account.ts';

/** How one source stands in the namespace. */
export interface SourceStanding {
  readonly source: string;
  readonly copyName: string;
  readonly choice: Choice;
  readonly copy: CopyState;
  /** ServiceAccounts that are to reference the copy, and how many of them do already. */
  readonly accounts: { readonly selected: number; readonly referenced: number };
}

export interface NamespacePlan {
  readonly namespace: string;
  readonly standings: readonly SourceStanding[];
  /**
   * In this order, and the order is the guarantee: copies are written before they are referenced, and references
   * go before the copies they name.
   */
  readonly writeCopies: readonly CopyAction[];
  readonly editReferences: readonly EditReferences[];
  readonly deleteCopies: readonly CopyAction[];
  readonly problems: readonly Problem[];
  /** What the brake keeps; absent where it keeps nothing. */
  readonly held?: HeldRemovals;
}

export interface PlanOptions {
  /** Nothing is taken away: what would be is in {@link NamespacePlan.held}. */
  readonly hold?: boolean;
  /** Replaces the choice of every source: `prune` plans as if nobody had opted in. */
  readonly select?: (scope: ObservedScope) => Selection;
}

export function planNamespace(scope: ObservedScope, { select = chosen, hold = false }: PlanOptions = {}): NamespacePlan {
  const { namespace, serviceAccounts, copies, sources, retiredCopyNames } = scope;
  const empty = { namespace: namespace.name, standings: [], writeCopies: [], editReferences: [], deleteCopies: [], problems: [] };
  // Everything in it is about to go, and creates are refused.
  if (namespace.terminating) return empty;

  const reserved = reservedNames(namespace.name, sources);
  const selection = select(scope);
  const problems: Problem[] = [...selection.problems];
  const plans: PlannedCopy[] = [];
  const standings: SourceStanding[] = [];

  // The namespace's own list is the same for every source.
  let listed: ReadonlySet<ObservedServiceAccount> | undefined;
  const selectedOf = (config: SourceConfig): ReadonlySet<ObservedServiceAccount> => {
    if (namespace.serviceAccounts === undefined) return new Set(serviceAccounts.filter(selectsAccount(namespace, config)));
    return (listed ??= new Set(serviceAccounts.filter(selectsAccount(namespace, config))));
  };

  for (const source of sources) {
    const { config } = source;
    const choice = selection.choices.get(config.name) ?? { in: false, why: 'not opted in' };
    const plan = planCopy(namespace, source, choice, copies.get(config.copyName), reserved.has(config.copyName));
    if (plan.problem) problems.push(plan.problem);
    const selected = choice.in ? selectedOf(config) : new Set<never>();
    plans.push({ copyName: config.copyName, plan, selected });
    const referenced = [...selected].filter((account) => account.pullSecrets?.includes(config.copyName)).length;
    standings.push({ source: config.name, copyName: config.copyName, choice, copy: plan.state, accounts: { selected: selected.size, referenced } });
  }
  for (const name of retiredCopyNames) plans.push({ copyName: name, plan: planRemoval(reserved.has(name) ? undefined : copies.get(name)), selected: new Set() });

  if (standings.some(({ choice }) => choice.in)) problems.push(...accountProblems(namespace, serviceAccounts));
  const actions = plans.flatMap(({ plan }) => (plan.action === undefined ? [] : [plan.action]));
  const plan: NamespacePlan = {
    namespace: namespace.name,
    standings,
    writeCopies: actions.filter(({ type }) => type !== 'deleteCopy'),
    editReferences: serviceAccounts.flatMap((account) => {
      const wanted = wantedOf(account, plans);
      const edit = planReferences(account, wanted);
      return edit === undefined ? [] : [{ type: 'editReferences' as const, account, edit, wanted }];
    }),
    deleteCopies: actions.filter(({ type }) => type === 'deleteCopy'),
    problems,
  };
  return hold ? holdRemovals(plan, scope) : plan;
}

/** Whether nothing is left to do. */
export function isInSync(plan: NamespacePlan): boolean {
  return plan.writeCopies.length === 0 && plan.editReferences.length === 0 && plan.deleteCopies.length === 0;
}

const chosen = ({ namespace, sources }: ObservedScope): Selection => selectSources(namespace, sources.map(({ config }) => config));

/** Secrets in the namespace that sources are read from, aliases' logins too: never ours, whatever labels they carry. */
function reservedNames(namespace: string, sources: readonly ObservedSource[]): ReadonlySet<string> {
  const here = sources.filter(({ config }) => config.secret.namespace === namespace);
  return new Set(here.flatMap(({ config }) => [config.secret.name, ...config.aliases.flatMap((alias) => ('login' in alias ? [alias.login.secret] : []))]));
}

interface PlannedCopy {
  readonly copyName: string;
  readonly plan: CopyPlan;
  /** ServiceAccounts that are to reference the copy. */
  readonly selected: ReadonlySet<ObservedServiceAccount>;
}

function wantedOf(account: ObservedServiceAccount, plans: readonly PlannedCopy[]): WantedReferences {
  const wanted = new Set<string>();
  const kept = new Set<string>();
  for (const { copyName, plan, selected } of plans) {
    if (plan.references === 'add' && selected.has(account)) wanted.add(copyName);
    if (plan.references === 'freeze' || (plan.references === 'keep' && selected.has(account))) kept.add(copyName);
  }
  return { wanted, kept };
}
