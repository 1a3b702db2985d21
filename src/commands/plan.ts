/** `pullpass plan`: what the controller would change now. Reads, and writes nothing. */
import { plural } from '../text.ts';
import Table from 'cli-table3';
import { createColors } from 'picocolors';
import type { Colors } from 'picocolors/types.js';
import { stringify } from 'yaml';
import { sayHeld } from '../plan/removals.ts';
import type { HeldRemoval } from '../plan/removals.ts';
import { isInSync } from '../plan/namespace.ts';
import { noteOf } from '../plan/problem.ts';
import type { Problem } from '../plan/problem.ts';
import { describe } from '../reconcile/namespace.ts';
import { nameOf } from '../reconcile/named-copies.ts';
import type { NamedCopy } from '../reconcile/named-copies.ts';
import type { RotationProgress } from '../rotation/progress.ts';
import type { PlannedCluster } from '../sources/snapshot.ts';
import { NO_BORDERS } from './table.ts';
import type { NamespacePlan } from '../plan/namespace-plan.ts';

export type Output = 'table' | 'json' | 'yaml';

export interface ClusterPlan extends PlannedCluster {
  /** How far each source's content is, cache proxies included. */
  readonly rotations?: readonly RotationProgress[];
  /** The configuration says so: a controller writes none of this. */
  readonly paused?: boolean;
  /** Copies that are to go, and the custom objects that name them. */
  readonly named?: readonly NamedCopy[];
}

export const pendingIn = ({ namespaces }: ClusterPlan): NamespacePlan[] => namespaces.filter((plan) => !isInSync(plan));

/** Cache proxies that are still to be given the login that their source has. */
export function pendingProxies({ rotations = [] }: ClusterPlan): string[] {
  return rotations
    .flatMap(({ proxies }) => proxies)
    .filter(({ applied }) => applied === false)
    .map(({ name }) => name);
}

/** Whether anything is left to do, or is held. */
export function isPending(plan: ClusterPlan): boolean {
  return (
    [pendingIn(plan), pendingProxies(plan), pendingReferences(plan)].some((pending) => pending.length > 0) ||
    plan.held !== undefined
  );
}

/** References in custom objects that are to be taken back. */
export const pendingReferences = ({ named = [] }: ClusterPlan): NamedCopy[] => named.filter(({ ours }) => ours);

/** Copies that are to go and cannot, for somebody else had an object name them. */
const kept = ({ named = [] }: ClusterPlan): ReadonlySet<string> =>
  new Set(named.filter(({ ours }) => !ours).map(nameOf));

/** The text ends with a line break. */
export function renderPlan(plan: ClusterPlan, output: Output, color: boolean): string {
  switch (output) {
    case 'json':
      return `${JSON.stringify(toData(plan), undefined, 2)}\n`;
    case 'yaml':
      return stringify(toData(plan));
    case 'table':
      return toTable(plan, createColors(color));
  }
}

/** The documented shape of `-o json` and `-o yaml`. */
function toData(plan: ClusterPlan) {
  const stays = kept(plan);
  return {
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Plan',
    pending: pendingIn(plan).length,
    paused: plan.paused ?? false,
    ...(plan.held && { held: heldData(plan.held) }),
    sources: plan.sources,
    rotations: (plan.rotations ?? []).map(({ source, complete, heldBack, copies, proxies }) => ({
      source,
      complete,
      heldBack,
      copies,
      proxies,
    })),
    references: (plan.named ?? []).map(({ proxy, object, place, namespace, copyName, ours }) => ({
      cacheProxy: proxy,
      object,
      field: place,
      copy: { namespace, name: copyName },
      change: ours ? 'remove' : 'none',
    })),
    namespaces: plan.namespaces.map((namespace) => ({
      namespace: namespace.namespace,
      sources: namespace.standings.map(({ source, copyName, choice, copy, accounts }) => ({
        source,
        copyName,
        optedIn: choice.in,
        why: choice.why,
        copy,
        serviceAccounts: accounts,
      })),
      changes: stepsOf(namespace).map((action) =>
        action.type === 'editReferences'
          ? { type: action.type, serviceAccount: action.account.name, add: action.edit.add, remove: action.edit.remove }
          : {
              type: action.type,
              copy: action.name,
              ...(action.type === 'deleteCopy' &&
                stays.has(nameOf({ ...action, copyName: action.name })) && { stays: true }),
            },
      ),
      ...(namespace.held && { held: namespace.held }),
      problems: namespace.problems.map((problem) => ({
        reason: problem.reason,
        object: `${problem.object.kind}/${problem.object.name}`,
        note: noteOf(problem),
      })),
    })),
  };
}

const heldData = ({ confirm, ...held }: HeldRemoval) => ({ ...held, confirmRemoval: confirm });

function toTable(plan: ClusterPlan, c: Colors): string {
  const lines: string[] = [];
  if (plan.paused === true)
    lines.push(
      `${c.yellow('!')} paused: the configuration says paused: true, and a controller that has it writes none of this.`,
    );
  if (plan.held !== undefined) lines.push(`${c.red('!')} held: ${sayHeld(plan.held)}`);
  for (const { name, problems } of plan.sources)
    for (const problem of problems) lines.push(`${c.red('!')} source ${name}: ${problem}`);
  for (const { name } of plan.sources) {
    const rotation = plan.rotations?.find(({ source }) => source === name);
    const shown = new Set(plan.sources.find((source) => source.name === name)?.problems);
    for (const why of rotation?.heldBack ?? [])
      if (!shown.has(why)) lines.push(`${c.yellow('!')} source ${name}: ${why}`);
  }
  if (lines.length > 0) lines.push('');

  if (plan.namespaces.length > 0) {
    const table = new Table({
      head: ['NAMESPACE', 'SOURCE', 'OPTED IN', 'COPY', 'SERVICEACCOUNTS', 'CHANGES'],
      style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
      chars: NO_BORDERS,
    });
    for (const namespace of plan.namespaces) table.push(...rowsOf(namespace, kept(plan), c));
    lines.push(
      ...table
        .toString()
        .split('\n')
        .map((line) => line.trimEnd()),
      '',
    );
  }
  const proxies = (plan.rotations ?? []).flatMap((rotation) => rotation.proxies);
  if (proxies.length > 0) {
    const table = new Table({
      head: ['CACHE PROXY', 'KIND', 'SOURCE', 'APPLIED', 'VERIFIED', 'WHY'],
      style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
      chars: NO_BORDERS,
    });
    for (const { name, kind, source, applied, verified, why } of proxies)
      table.push([
        name,
        kind,
        source,
        applied === undefined ? 'unknown' : applied ? 'yes' : c.yellow('no'),
        verified === 'refused' ? c.red(verified) : verified,
        why,
      ]);
    lines.push(
      ...table
        .toString()
        .split('\n')
        .map((line) => line.trimEnd()),
      '',
    );
  }
  const { named = [] } = plan;
  for (const copy of named)
    lines.push(copy.ours ? `${c.yellow('~')} ${describeNamed(copy)}` : `${c.yellow('!')} ${describeNamed(copy)}`);
  if (named.length > 0) lines.push('');
  const problems = plan.namespaces.flatMap((namespace) =>
    namespace.problems.map((problem) => [namespace.namespace, problem] as const),
  );
  for (const [namespace, problem] of problems)
    lines.push(`${c.yellow('!')} ${namespace}: ${objectOf(problem)}${noteOf(problem)}`);
  if (problems.length > 0) lines.push('');
  return `${[...lines, summaryOf(plan, c)].join('\n')}\n`;
}

function rowsOf(plan: NamespacePlan, stays: ReadonlySet<string>, c: Colors): string[][] {
  const changes = stepsOf(plan).map((step) => {
    const text = describe(step)
      .replace(/ created$/, '')
      .replace(/ (updated|removed)$/, '');
    if (step.type === 'createCopy') return c.green(`+ ${text}`);
    if (step.type === 'deleteCopy')
      return stays.has(nameOf({ ...step, copyName: step.name })) ? c.yellow(`! ${text} stays`) : c.red(`- ${text}`);
    return c.yellow(`~ ${text}`);
  });
  const cell = changes.length === 0 ? c.dim('none') : changes.join('\n');
  const shown = plan.standings.filter(
    ({ choice, copy }) => choice.in || choice.why === 'denied' || choice.why === 'bad annotation' || copy !== 'none',
  );
  if (shown.length === 0) return [[plan.namespace, '', '', '', '', cell]];
  return shown.map(({ source, choice, copy, accounts }, i) => [
    i === 0 ? plan.namespace : '',
    source,
    choice.in ? 'yes' : `no (${choice.why})`,
    copy === 'in sync' || copy === 'source' ? copy : copy === 'none' ? '' : c.yellow(copy),
    choice.in ? `${accounts.referenced}/${accounts.selected}` : '',
    i === 0 ? cell : '',
  ]);
}

function summaryOf(plan: ClusterPlan, c: Colors): string {
  const pending = pendingIn(plan);
  const references = pendingReferences(plan).length;
  const writes = pending.reduce((sum, p) => sum + stepsOf(p).length, references);
  const proxies = pendingProxies(plan);
  const held = plan.held === undefined ? '' : ` Held: removals in ${plural(plan.held.namespaces.length, 'namespace')}.`;
  const forwards = proxies.length === 0 ? '' : ` ${plural(proxies.length, 'login')} to forward: ${proxies.join(', ')}.`;
  const rest = `${forwards}${held}`;
  if (pending.length === 0 && references > 0)
    return `${plural(references, 'change')} pending in custom objects.${rest}`;
  if (pending.length === 0 && rest !== '') return `Nothing to change in ${plural(plan.total, 'namespace')}.${rest}`;
  if (pending.length === 0) return `${c.green('In sync.')} Nothing to change in ${plural(plan.total, 'namespace')}.`;
  return `${plural(writes, 'change')} pending in ${pending.length} of ${plural(plan.total, 'namespace')}.${rest}`;
}

/** What becomes of a custom object that names a copy which is to go. */
export function describeNamed({ object, place, namespace, copyName, ours }: NamedCopy): string {
  const copy = `copy ${namespace}/${copyName}`;
  return ours
    ? `${object}: -${copyName}, before ${copy} goes`
    : `${copy} stays: ${object} names it at ${place}, and Pullpass did not write that`;
}

/** A plan's actions in the order in which they would be carried out. */
export function stepsOf({ writeCopies, editReferences, deleteCopies }: NamespacePlan) {
  return [...writeCopies, ...editReferences, ...deleteCopies];
}

const objectOf = ({ object }: Problem): string =>
  object.kind === 'Namespace' ? '' : `${object.kind} ${object.name}: `;
