/** Which sources a namespace is opted in to, and which of its ServiceAccounts get the references. */
import { ANNOTATION_SERVICE_ACCOUNTS, ANNOTATION_SOURCES, ANNOTATION_SYNC, NAMESPACE_ANNOTATIONS } from '../names.ts';
import type { SourceConfig } from '../config/schema.ts';
import { MAX_ANNOTATION, MAX_LISTED } from './bounds.ts';
import { GLOB, matchNames } from '../config/glob.ts';
import { selects, selectorText } from '../config/label-selector.ts';
import type { ObservedNamespace, ObservedServiceAccount } from './observed.ts';
import type { ObjectRef, Problem } from './problem.ts';
import { quote, quoteList } from '../text.ts';

/** Whether a namespace is opted in to one source, and why. */
export type Choice =
  | { readonly in: true; readonly why: 'enabled' | 'default' }
  | { readonly in: false; readonly why: 'not opted in' | 'disabled' | 'denied' | 'not listed' | 'bad annotation' };

export interface Selection {
  /** By source name; every configured source has one. */
  readonly choices: ReadonlyMap<string, Choice>;
  readonly problems: readonly Problem[];
}

const out = (why: Extract<Choice, { in: false }>['why']): Choice => ({ in: false, why });

/** Decides for each source whether `namespace` is opted in. No annotation overrides a guard. */
export function selectSources(namespace: ObservedNamespace, sources: readonly SourceConfig[]): Selection {
  const problems: Problem[] = [];
  const object = refTo(namespace);
  const invalid = (what: string, annotation?: string): void => {
    problems.push({ reason: 'InvalidAnnotation', object, what, ...(annotation !== undefined && { annotation }) });
  };
  const all = (choice: (source: SourceConfig) => Choice): Selection => ({
    choices: new Map(sources.map((s) => [s.name, choice(s)])),
    problems,
  });

  const { sync, strays = [] } = namespace;
  if (strays.length > 0)
    invalid(
      `${quoteList(strays)}: means nothing on a namespace; the annotations are ${NAMESPACE_ANNOTATIONS.join(', ')}.`,
    );
  if (sync !== undefined && sync !== 'enabled' && sync !== 'disabled') {
    invalid(
      `is ${quote(sync)}: use "enabled" or "disabled". The namespace is treated as not opted in.`,
      ANNOTATION_SYNC,
    );
    return all(() => out('bad annotation'));
  }
  if (sync === 'disabled') return all(() => out('disabled'));

  const list = namespace.sources === undefined ? undefined : boundedList(namespace.sources);
  const listed = list && new Set(list.parts);
  // Also without opting in: a list can exclude sources that the namespace would get by default.
  if (listed !== undefined && (sync === 'enabled' || sources.some((s) => s.optInByDefault && admitted(s, namespace)))) {
    if (list?.cut) invalid(TOO_LONG, ANNOTATION_SOURCES);
    else if (listed.size === 0)
      invalid('is empty: name sources, or remove it to get all that admit this namespace.', ANNOTATION_SOURCES);
    const known = new Set(sources.map((s) => s.name));
    const unknown = [...listed].filter((name) => !known.has(name));
    if (unknown.length > 0) problems.push({ reason: 'UnknownSource', object, names: unknown });
  }

  const selection = all((source) => {
    if (listed !== undefined && !listed.has(source.name)) return out('not listed');
    if (sync !== 'enabled' && !source.optInByDefault) return out('not opted in');
    if (!admitted(source, namespace)) return out(sync === 'enabled' ? 'denied' : 'not opted in');
    return { in: true, why: sync === 'enabled' ? 'enabled' : 'default' };
  });

  // Without a list the namespace asks for "every source that admits it": then only getting none at all is reported.
  const denied = sources.filter((s) => {
    const c = selection.choices.get(s.name);
    return c?.in === false && c.why === 'denied';
  });
  const any = sources.some((s) => selection.choices.get(s.name)?.in === true);
  if (denied.length > 0 && (listed !== undefined || !any))
    problems.push({
      reason: 'OptInDenied',
      object,
      sources: denied.map(({ name }) => name),
      labels: denied.flatMap((s) => (admitsName(s, namespace.name) ? (asksFor(s) ?? []) : [])),
    });
  return selection;
}

/** The guard: which namespaces may opt in, by their names and labels. */
export function admitted(source: SourceConfig, namespace: Pick<ObservedNamespace, 'name' | 'labels'>): boolean {
  const { selector } = source.namespaces;
  return admitsName(source, namespace.name) && (selector === undefined || selects(selector, namespace.labels ?? {}));
}

/** The part of the guard that looks at names. Deny wins. */
export function admitsName({ namespaces }: SourceConfig, name: string): boolean {
  return matchNames(namespaces.allow)(name) && !matchNames(namespaces.deny)(name);
}

/** The labels that a namespace must have, as kubectl writes them; undefined: none. */
export const asksFor = ({ namespaces: { selector } }: SourceConfig): string | undefined =>
  selector && selectorText(selector);

/** Which ServiceAccounts of an opted-in namespace get the reference of `source`. */
export function selectsAccount(
  namespace: ObservedNamespace,
  source: SourceConfig,
): (account: ObservedServiceAccount) => boolean {
  const patterns =
    namespace.serviceAccounts === undefined ? source.serviceAccounts : boundedList(namespace.serviceAccounts).parts;
  const matches = matchNames(patterns);
  return ({ name, sync }) => (sync === 'enabled' ? true : sync === 'disabled' ? false : matches(name));
}

/** The same for several sources. The namespace's own list is the same for all of them: it is matched once per account. */
export function accountSelectors(
  namespace: ObservedNamespace,
): (config: SourceConfig) => (account: ObservedServiceAccount) => boolean {
  let shared: ((account: ObservedServiceAccount) => boolean) | undefined;
  return (config) => {
    if (namespace.serviceAccounts === undefined) return selectsAccount(namespace, config);
    return (shared ??= rememberLast(selectsAccount(namespace, config)));
  };
}

function rememberLast<T, R>(compute: (of: T) => R): (of: T) => R {
  let last: { readonly of: T; readonly result: R } | undefined;
  return (of) => (last?.of === of ? last : (last = { of, result: compute(of) })).result;
}

/** What is wrong with the namespace's own list of ServiceAccounts. */
export function listProblems(namespace: ObservedNamespace): Problem[] {
  if (namespace.serviceAccounts === undefined) return [];
  const { parts: patterns, cut } = boundedList(namespace.serviceAccounts);
  const bad = patterns.filter((pattern) => !GLOB.test(pattern));
  const wrong = [
    ...(patterns.length === 0 && !cut
      ? ["is empty: no ServiceAccount is selected. Name some, or remove it to get the source's own choice."]
      : []),
    ...(bad.length > 0
      ? [`has ${quoteList(bad)}, which can match no name: use names with "*" and "?", and "!" in front to exclude.`]
      : []),
    ...(cut ? [`${TOO_LONG} Use "*" to name many at once.`] : []),
  ];
  return wrong.map((what) => ({
    reason: 'InvalidAnnotation',
    object: refTo(namespace),
    annotation: ANNOTATION_SERVICE_ACCOUNTS,
    what,
  }));
}

const refTo = ({ name, uid }: ObservedNamespace): ObjectRef => ({ kind: 'Namespace', name, uid });

const TOO_LONG = `is too long: only its first ${MAX_LISTED} parts count, and of its first ${MAX_ANNOTATION} characters.`;

/** What counts of a namespace's list: whole parts only, because half a pattern would mean something else. */
function boundedList(annotation: string): { parts: readonly string[]; cut: boolean } {
  const long = annotation.length > MAX_ANNOTATION;
  const parts = splitList(
    long ? annotation.slice(0, Math.max(0, annotation.lastIndexOf(',', MAX_ANNOTATION))) : annotation,
  );
  return { parts: parts.slice(0, MAX_LISTED), cut: long || parts.length > MAX_LISTED };
}

/** `a, b,,c ` -> a, b, c. */
export function splitList(value: string): string[] {
  return value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
