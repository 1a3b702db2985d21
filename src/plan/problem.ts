/** Something that a plan cannot or must not do, and the object to report it on: a Warning Event, a log line and a finding. */
import {
  ANNOTATION_SOURCES,
  LABEL_CACHE_PROXY,
  LABEL_INSTANCE,
  LABEL_ROLE,
  LABEL_SOURCE,
  TYPE_DOCKER_CONFIG_JSON,
} from '../names.ts';
import { agree, quote, quoteList } from '../text.ts';
import type { ObservedCopy } from './observed.ts';

export interface ObjectRef {
  readonly kind: 'Namespace' | 'ServiceAccount' | 'Secret';
  readonly namespace?: string;
  readonly name: string;
  readonly uid?: string;
}

/** In `what`, values that a tenant wrote are quoted and cut. */
export type Problem = { readonly object: ObjectRef } &
  /** `annotation`: the subject of the sentence `what`; absent: `what` has its own subject. */
  (
    | { readonly reason: 'InvalidAnnotation'; readonly annotation?: string; readonly what: string }
    | {
        readonly reason: 'TooManyPullSecrets' | 'CopyStillNamed' | 'WriteRefused' | 'WriteUndone';
        readonly what: string;
      }
    | { readonly reason: 'UnknownSource'; readonly names: readonly string[] }
    /** `labels`: what those sources ask for that would admit it by its name. */
    | { readonly reason: 'OptInDenied'; readonly sources: readonly string[]; readonly labels: readonly string[] }
    /** Never empty. */
    | { readonly reason: 'CopyBlocked'; readonly finalizers: readonly string[] }
    | SecretNotOurs
  );

interface SecretNotOurs {
  readonly reason: 'SecretNotOurs';
  readonly source: string;
  /** The Secret that has the copy's name; absent: the configuration names it as a source or a login. */
  readonly taken?: Pick<ObservedCopy, 'type' | 'adopt' | 'other' | 'instance' | 'immutable'>;
}

/** One line: what is wrong and what to do. */
export function noteOf(problem: Problem): string {
  switch (problem.reason) {
    case 'UnknownSource':
      return `${ANNOTATION_SOURCES} names ${quoteList(problem.names)}, which the configuration does not have.`;
    case 'OptInDenied':
      return (
        `The namespace ${deniedBy(problem.sources)}: ` +
        `ask the platform team to allow it in the configuration (sources[].namespaces)${orLabel(problem)}.`
      );
    case 'SecretNotOurs':
      return `${whatIsTaken(problem)}: it is left alone, and pods that name it pull with what it holds. ${remedyOf(problem)}`;
    case 'CopyBlocked':
      return `The Secret is being deleted, and is kept by ${finalizersOf(problem)}. ${BLOCKED_REMEDY}`;
    case 'InvalidAnnotation':
      return problem.annotation === undefined ? problem.what : `${problem.annotation} ${problem.what}`;
    default:
      return problem.what;
  }
}

/** Continues a sentence that begins with the name of a namespace. */
export const deniedBy = (sources: readonly string[]): string =>
  `opted in, but the ${agree(sources.length, 'guard of source', 'guards of sources')} ${quoteList(sources)} ` +
  `${agree(sources.length, 'does', 'do')} not admit it`;

/** The other remedy, if its name would do. */
export const orLabel = ({ labels }: { readonly labels: readonly string[] }): string =>
  labels.length === 0 ? '' : `, or to give the namespace the labels that it asks for: ${quoteList(labels)}`;

/** `finalizer "a/b"`. */
export const finalizersOf = ({ finalizers }: { readonly finalizers: readonly string[] }): string =>
  `${agree(finalizers.length, 'finalizer', 'finalizers')} ${quoteList(finalizers)}`;

export const BLOCKED_REMEDY =
  'Whoever set a finalizer must finish its work, or remove it; then Pullpass goes on by itself.';

function whatIsTaken({ source, taken }: SecretNotOurs): string {
  if (taken === undefined)
    return (
      `The copy of source "${source}" would have the place of a Secret ` +
      'that the configuration names as a source or a login'
    );
  if (taken.other === 'instance')
    return (
      `Another installation of Pullpass (controller namespace ${quote(taken.instance ?? '')}) has the Secret ` +
      `with the name of the copy of source "${source}"`
    );
  const whose = taken.other === undefined ? 'did not make' : 'has for something else';
  return `A Secret that Pullpass ${whose} has the name of the copy of source "${source}"`;
}

export function remedyOf({ taken }: SecretNotOurs): string {
  if (taken === undefined) return 'Give the source another copyName, or do not opt this namespace in to it.';
  if (taken.other !== undefined) return OTHER_REMEDIES[taken.other];
  if (taken.adopt)
    return taken.type === TYPE_DOCKER_CONFIG_JSON
      ? 'It is to be adopted, but is immutable: delete it.'
      : `It is to be adopted, but is of type ${quote(taken.type)}, which cannot be changed: delete it.`;
  return 'Delete or rename it, or annotate it pullpass.dev/adopt="true" to let Pullpass take it over.';
}

/** For a Secret that Pullpass made for another use, or that has the labels of several uses. */
const OTHER_REMEDIES: Readonly<Record<NonNullable<ObservedCopy['other']>, string>> = {
  login: `It holds the login of a cache proxy (label ${LABEL_CACHE_PROXY}): delete it, or give the source another copyName.`,
  state: 'Pullpass keeps its state there: give the source another copyName.',
  instance:
    'Give the source another copyName, or remove one of the two installations; if the other is gone already, ' +
    `remove the label ${LABEL_INSTANCE} from the Secret.`,
  status: `It carries the label ${LABEL_ROLE}: remove the label, or give the source another copyName.`,
  report: `It carries the label ${LABEL_ROLE}: remove the label, or give the source another copyName.`,
  contested:
    `It carries several of ${LABEL_SOURCE}, ${LABEL_CACHE_PROXY} and ${LABEL_ROLE}, ` +
    'so it is unclear whose it is: remove those that are wrong.',
};

/** A problem of a ServiceAccount. */
export type AccountProblem = Extract<Problem, { readonly what: string }>;

/** How many problems are reported one by one: a namespace can have thousands of ServiceAccounts. */
export const MAX_TOLD = 20;

/** The first problems of a namespace's ServiceAccounts, and one on the namespace for all others. */
export function firstFew(problems: readonly AccountProblem[], namespace: ObjectRef): AccountProblem[] {
  const [next] = problems.slice(MAX_TOLD);
  if (next === undefined) return [...problems];
  // Without a number: each change of it would be reported as a new problem.
  const what =
    `More than ${MAX_TOLD} ServiceAccounts have something wrong with them, ${quote(next.object.name)} for one: ` +
    `only the first ${MAX_TOLD} are told one by one.`;
  return [...problems.slice(0, MAX_TOLD), { reason: next.reason, object: namespace, what }];
}
