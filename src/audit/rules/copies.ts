/** Rules on copies that are not as they should be, from the controller's own plans. */
import { ANNOTATION_ADOPT, TYPE_DOCKER_CONFIG_JSON } from '../../names.ts';
import type { CopyState } from '../../plan/copy.ts';
import type { ObservedCopy } from '../../plan/observed.ts';
import { BLOCKED_REMEDY, remedyOf } from '../../plan/problem.ts';
import type { Facts } from '../facts/facts.ts';
import { hitOf, problemsOf } from './problems.ts';
import type { Hit, Rule } from './rule.ts';
import { CHECK_CONTROLLER, CHECK_RUNNING, LEAVE_ALONE } from './remedies.ts';
import type { NamespacePlan, SourceStanding } from '../../plan/namespace-plan.ts';
import { agree, plural, quote, some } from '../../text.ts';

const CHECK_COPY =
  `${CHECK_CONTROLLER} A write that the API server refuses, by a quota or a policy, is the Event WriteRefused in the namespace. ` +
  'What it would change: `pullpass plan --config FILE`';

export const copyMissing: Rule = {
  id: 'PP001',
  name: 'copy-missing',
  category: 'Copies and references',
  severity: 'error',
  title: 'A copy is missing',
  cause:
    'The namespace is opted in to a source, and the copy of that source is not there: the controller ' +
    'does not run or may not write, or somebody deleted the copy a moment ago.',
  remedy: CHECK_COPY,
  check: (facts) => [
    ...copiesThatAre(facts, 'missing').map(({ plan, of }) => ({
      object: secretIn(plan, of.copyName),
      about: of.source,
      message: `Copy "${of.copyName}" of source "${of.source}" is missing: pods in ${plan.namespace} cannot pull with it.`,
    })),
    ...waitingForFirst(facts),
  ],
};

/** The controller reads a new source within seconds; a registry that does not answer takes as long again. */
const FIRST_TRY_MS = 2 * 60_000;

/** One hit per source, however many namespaces wait: nobody has a copy yet. */
function waitingForFirst(facts: Facts): Hit[] {
  const { sources, plans, now } = facts;
  return sources.flatMap(({ config: { name }, fresh, changedAt = 0 }): Hit[] => {
    if (fresh !== true || now - changedAt < FIRST_TRY_MS) return [];
    const waiting = plans.filter(({ standings }) =>
      standings.some(({ source, choice, copy }) => source === name && choice.in && copy === 'unavailable'),
    ).length;
    if (waiting === 0) return [];
    return [
      {
        object: { kind: 'Source', name },
        message:
          `The controller has not taken over source "${name}" yet: ${plural(waiting, 'namespace')} ` +
          `${agree(waiting, 'waits', 'wait')} for a first copy.`,
        remedy: CHECK_RUNNING,
      },
    ];
  });
}

export const copyStale: Rule = {
  id: 'PP002',
  name: 'copy-stale',
  category: 'Copies and references',
  severity: 'error',
  title: 'A copy is out of date',
  cause:
    "The copy's content, type or labels differ from the source's: a rotation has not reached the namespace, or somebody edited the copy.",
  remedy: CHECK_COPY,
  check: (facts) =>
    copiesThatAre(facts, 'stale').map(({ plan, of, copy }) => ({
      object: secretIn(plan, of.copyName),
      about: of.source,
      message: `Copy "${of.copyName}" ${howStale(copy, of.source)}: pods in ${plan.namespace} pull with what it holds now.${
        copy?.undoneBy === undefined ? '' : ` Another writer wrote it: ${copy.undoneBy}.`
      }`,
      ...(copy?.undoneBy !== undefined && { remedy: LEAVE_ALONE }),
    })),
};

export const copyBlocked: Rule = {
  id: 'PP015',
  name: 'copy-blocked',
  category: 'Copies and references',
  severity: 'error',
  title: 'A copy is being deleted, and finalizers keep it',
  cause:
    'Somebody deleted the copy, and a finalizer that Pullpass did not set keeps it. Until that is gone, no new one can be made ' +
    'in its place. As long as its data can be changed, Pullpass keeps it up to date.',
  remedy: BLOCKED_REMEDY,
  check: (facts) =>
    problemsOf(facts)
      .filter((problem) => problem.reason === 'CopyBlocked')
      .map((problem): Hit => hitOf(problem)),
};

export const copyForeign: Rule = {
  id: 'PP003',
  name: 'copy-foreign',
  category: 'Copies and references',
  severity: 'error',
  title: "A Secret that Pullpass did not make has a copy's name",
  cause:
    'The namespace opted in, but a Secret by the name of the copy is there already. Pullpass never writes over what is not its own. ' +
    'Pods that name it, by themselves or as they were created (docs/born-ready.md), pull with what it holds.',
  remedy:
    'Delete or rename the Secret; or, where it is of type kubernetes.io/dockerconfigjson, annotate it pullpass.dev/adopt="true" to let Pullpass take it over.',
  check: (facts) =>
    problemsOf(facts)
      .filter((problem) => problem.reason === 'SecretNotOurs')
      .map((problem): Hit => {
        const { namespace = '', name } = problem.object;
        const { source, taken } = problem;
        const object = { kind: 'Secret', namespace, name };
        const named = `Secret ${namespace}/${name} has the name of the copy of source "${source}"`;
        const used = usedBy(facts, namespace, name);
        if (taken === undefined)
          return {
            object,
            about: 'reserved',
            message: `${named}, and the configuration names it as a source or a login: it is left alone.${used}`,
            remedy: remedyOf(problem),
          };
        if (taken.other === 'instance')
          return {
            object,
            about: taken.other,
            message: `${named}, and another installation of Pullpass has it (controller namespace ${quote(taken.instance ?? '')}).${used}`,
            remedy: remedyOf(problem),
          };
        if (taken.other !== undefined)
          return {
            object,
            about: taken.other,
            message: `${named}, and Pullpass has it for something else.${used}`,
            remedy: remedyOf(problem),
          };
        const adopt = `kubectl -n ${namespace} annotate secret ${name} ${ANNOTATION_ADOPT}=true`;
        return {
          object,
          about: 'foreign',
          message: `${named}, and Pullpass did not make it.${used}`,
          remedy:
            taken.type === TYPE_DOCKER_CONFIG_JSON && taken.immutable !== true
              ? `Delete or rename it; or let Pullpass take it over: \`${adopt}\``
              : `Delete or rename it: it is ${taken.immutable === true ? 'immutable' : `of type ${quote(taken.type)}`}, so Pullpass cannot take it over.`,
        };
      }),
};

/** The pods that pull with it all the same, as a sentence; empty: none is known. */
function usedBy({ managed }: Facts, namespace: string, name: string): string {
  const owners = new Set(
    managed
      .filter((workload) => workload.namespace === namespace && workload.pullSecrets.includes(name))
      .map(({ owner }) => `${owner.kind} ${owner.name}`),
  );
  if (owners.size === 0) return '';
  return ` Pods of ${some([...owners])} name it: they pull with what it holds, not with the login of the source.`;
}

export const copyOrphaned: Rule = {
  id: 'PP004',
  name: 'copy-orphaned',
  category: 'Copies and references',
  severity: 'warning',
  title: 'A copy is left that nobody asks for',
  cause:
    'The namespace opted out, or the source was renamed or dropped, and the copy stayed: whoever can read Secrets there still has the credential.',
  remedy:
    'The controller removes copies of the sources it knows. A name that no source has any more: add it ' +
    'to retiredCopyNames in the configuration, or delete the Secret.',
  check: (facts) => [
    ...facts.plans.flatMap((plan) =>
      plan.deleteCopies.map(({ name }): Hit => ({
        object: secretIn(plan, name),
        message: `Copy "${name}" is still in ${plan.namespace}, ${whyUnwanted(plan, name)}.`,
        remedy:
          'The controller deletes it within seconds, unless a custom object names it (Event CopyStillNamed): check that it runs.',
      })),
    ),
    ...facts.strayCopies.map(({ namespace, name, source }): Hit => ({
      object: { kind: 'Secret', namespace, name },
      message: `Secret "${name}" in ${namespace} is a copy of source ${quote(source)}, but no source has this copyName.`,
      remedy: `Add "${name}" to retiredCopyNames in the configuration, or delete the Secret.`,
    })),
  ],
};

interface PlannedCopy {
  readonly plan: NamespacePlan;
  readonly of: SourceStanding;
  readonly copy: ObservedCopy | undefined;
}

function copiesThatAre({ plans, scopes }: Facts, state: CopyState): PlannedCopy[] {
  return plans.flatMap((plan, i) =>
    plan.standings
      .filter(({ copy }) => copy === state)
      .map((of) => ({ plan, of, copy: scopes[i]?.copies.get(of.copyName) })),
  );
}

const secretIn = ({ namespace }: NamespacePlan, name: string): Hit['object'] => ({ kind: 'Secret', namespace, name });

function howStale(copy: ObservedCopy | undefined, source: string): string {
  if (copy !== undefined && copy.type !== TYPE_DOCKER_CONFIG_JSON) return `is of the wrong type, ${quote(copy.type)}`;
  if (copy !== undefined && !copy.ours) return `is to be taken over for source "${source}", and was not yet`;
  if (copy?.digest === undefined) return 'is empty';
  return copy.source === source
    ? `does not hold the content of source "${source}"`
    : `was made for another source, ${quote(copy.source ?? '')}, and now belongs to "${source}"`;
}

function whyUnwanted({ standings }: NamespacePlan, copyName: string): string {
  const of = standings.find((each) => each.copyName === copyName);
  return of === undefined
    ? 'but its name is among retiredCopyNames'
    : `but the namespace is not opted in to source "${of.source}"${of.choice.why === 'not opted in' ? '' : ` (${of.choice.why})`}`;
}
