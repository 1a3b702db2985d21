/** What `pullpass plan` prints: obstacles first, then namespaces, cache proxies and problems, then a summary. */
import { stateOf } from '../plan/proxy.ts';
import { noteOf } from '../plan/problem.ts';
import { createColors } from 'picocolors';
import type { Colors } from 'picocolors/types.js';
import type { Action } from '../plan/action.ts';
import type { NamespacePlan } from '../plan/namespace-plan.ts';
import { sayHeld } from '../plan/removals.ts';
import { describeChange, describeDone } from '../reconcile/describe.ts';
import type { HealingRow } from '../healing/survey.ts';
import type { NamedCopy } from '../reconcile/named-copies.ts';
import { agree, plural, printable } from '../text.ts';
import { actionsOf, pendingEvictions, pendingIn, pendingProxies, pendingReferences, staying } from './cluster-plan.ts';
import type { ClusterPlan } from './cluster-plan.ts';
import { render, table } from './output.ts';
import type { Output } from './output.ts';
import { planData } from './plan-data.ts';

/** The text ends with a line break. */
export const renderPlan = (plan: ClusterPlan, output: Output, color: boolean): string =>
  render(output, planData(plan), () => planText(plan, createColors(color)));

function planText(plan: ClusterPlan, c: Colors): string {
  const { namespaces, rotations = [], named = [] } = plan;
  const sections = [
    obstacles(plan, c),
    namespaces.length === 0 ? [] : [namespaceTable(plan, c)],
    rotations.every(({ proxies }) => proxies.length === 0) ? [] : [proxyTable(rotations, c)],
    named.map((copy) => `${c.yellow(copy.ours ? '~' : '!')} ${describeNamed(copy)}`),
    namespaces.flatMap(({ namespace, problems }) =>
      problems.map((problem) => {
        const { kind, name } = problem.object;
        const object = kind === 'Namespace' ? '' : `${kind} ${name}: `;
        return `${c.yellow('!')} ${namespace}: ${object}${noteOf(problem)}`;
      }),
    ),
  ];
  const { rows, gaps } = plan.healing ?? { rows: [], gaps: [] };
  sections.push(
    rows.map((row) => describeHealing(row, c)),
    gaps.map((gap) => `${c.yellow('!')} could not see: ${gap}`),
  );
  const shown = [...sections, [summaryOf(plan, c)]].filter((lines) => lines.length > 0);
  return `${shown.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

/** `~ team-a: 3 pods of ReplicaSet web, such as web-1: To be evicted, ...` */
function describeHealing(
  { namespace, owner: { kind, name }, pods, example, action, note }: HealingRow,
  c: Colors,
): string {
  const sign = action === 'evict' ? c.yellow('~') : action === 'dry-run' ? c.dim('~') : c.yellow('!');
  const of =
    kind === 'Pod'
      ? `pod ${printable(name)}`
      : `${plural(pods, 'pod')} of ${printable(`${kind} ${name}`)}, such as ${example}`;
  return `${sign} ${namespace}: ${of}: ${note}`;
}

function obstacles({ paused, held, sources, rotations = [], other, absent = [] }: ClusterPlan, c: Colors): string[] {
  return [
    ...(other === undefined ? [] : [`${c.yellow('!')} ${other}`]),
    ...(paused === true
      ? [
          `${c.yellow('!')} paused: the configuration says paused: true, and a controller that has it writes none of this.`,
        ]
      : []),
    ...absent.map((name) => `${c.yellow('!')} ${name}: is listed, and is not there or has no ServiceAccount yet`),
    ...(held === undefined ? [] : [`${c.red('!')} held: ${sayHeld(held)}`]),
    ...sources.flatMap(({ name, problems }) => problems.map((problem) => `${c.red('!')} source ${name}: ${problem}`)),
    ...sources.flatMap(({ name, problems }) =>
      (rotations.find(({ source }) => source === name)?.heldBack ?? [])
        .filter((why) => !problems.includes(why))
        .map((why) => `${c.yellow('!')} source ${name}: ${why}`),
    ),
  ];
}

function namespaceTable(plan: ClusterPlan, c: Colors): string {
  const stays = staying(plan);
  return table(
    ['NAMESPACE', 'SOURCE', 'OPTED IN', 'COPY', 'SERVICEACCOUNTS', 'CHANGES'],
    plan.namespaces.flatMap((namespace) => {
      const changes = actionsOf(namespace).map((action) => changeOf(action, stays(action), c));
      return rowsOf(namespace, changes.length === 0 ? c.dim('none') : changes.join('\n'), c);
    }),
  );
}

function rowsOf({ namespace, standings }: NamespacePlan, changes: string, c: Colors): string[][] {
  const shown = standings.filter(
    ({ choice, copy }) => choice.in || choice.why === 'denied' || choice.why === 'bad annotation' || copy !== 'none',
  );
  if (shown.length === 0) return [[namespace, '', '', '', '', changes]];
  return shown.map(({ source, choice, copy, accounts }, i) => [
    i === 0 ? namespace : '',
    source,
    choice.in ? 'yes' : `no (${choice.why})`,
    copy === 'in sync' || copy === 'source' ? copy : copy === 'none' ? '' : c.yellow(copy),
    choice.in ? `${accounts.referenced}/${accounts.selected}` : '',
    i === 0 ? changes : '',
  ]);
}

function changeOf(action: Action, stays: boolean, c: Colors): string {
  switch (action.type) {
    case 'createCopy':
      return c.green(`+ ${describeChange(action)}`);
    case 'deleteCopy':
      return stays ? c.yellow(`! ${describeChange(action)} stays`) : c.red(`- ${describeChange(action)}`);
    case 'replaceCopy':
      return c.yellow(`~ ${describeDone(action)}`);
    case 'updateCopy':
    case 'editReferences':
      return c.yellow(`~ ${describeChange(action)}`);
  }
}

function proxyTable(rotations: NonNullable<ClusterPlan['rotations']>, c: Colors): string {
  return table(
    ['CACHE PROXY', 'KIND', 'SOURCE', 'APPLIED', 'VERIFIED', 'WHY'],
    rotations
      .flatMap(({ proxies }) => proxies)
      .map(({ name, kind, source, applied, verified, reason, why }) => [
        name,
        kind,
        source,
        applied === undefined ? 'unknown' : applied ? 'yes' : c.yellow('no'),
        verified === 'refused' ? c.red(verified) : stateOf({ state: verified, reason }),
        why,
      ]),
  );
}

/** What happens to a custom object that names a copy which is to be removed. */
export function describeNamed({ object, place, namespace, copyName, ours }: NamedCopy): string {
  const copy = `copy ${namespace}/${copyName}`;
  return ours
    ? `${object}: -${copyName}, before ${copy} goes`
    : `${copy} stays: ${object} names it at ${place}, and Pullpass did not write that`;
}

function summaryOf(plan: ClusterPlan, c: Colors): string {
  const pending = pendingIn(plan);
  const references = pendingReferences(plan).length;
  const writes = pending.reduce((sum, each) => sum + actionsOf(each).length, references);
  const proxies = pendingProxies(plan);
  const held = plan.held === undefined ? '' : ` Held: removals in ${plural(plan.held.namespaces.length, 'namespace')}.`;
  const forwards = proxies.length === 0 ? '' : ` ${plural(proxies.length, 'login')} to forward: ${proxies.join(', ')}.`;
  const stuck = pendingEvictions(plan).reduce((sum, { pods }) => sum + pods, 0);
  const evictions = stuck === 0 ? '' : ` ${plural(stuck, 'pod')} to evict.`;
  const rest = `${forwards}${evictions}${held}`;
  const listed = plan.listed === undefined ? '' : ` of the ${plan.listed.length} listed`;
  const all =
    plan.only === undefined
      ? `${plural(plan.total, 'namespace')}${listed}`
      : `${agree(plan.total, 'namespace', 'namespaces')} ${plan.only.join(', ')} (the only ${agree(plan.total, 'one', 'ones')} shown, without cache proxies)`;
  if (pending.length > 0) return `${plural(writes, 'change')} pending in ${pending.length} of ${all}.${rest}`;
  if (references > 0) return `${plural(references, 'change')} pending in custom objects.${rest}`;
  return `${rest === '' ? `${c.green('In sync.')} ` : ''}Nothing to change in ${all}.${rest}`;
}
