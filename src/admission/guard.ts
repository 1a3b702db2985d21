/** The guards of the sources in CEL. A test compares their answers with those of `admitted`, which the planner uses. */
import { requirementsOf } from '../config/label-selector.ts';
import type { Requirement } from '../config/label-selector.ts';
import type { Configuration, SourceConfig } from '../config/schema.ts';
import { list, text } from './cel.ts';

/** CEL for the list of copies that the namespace of a request may have. */
export function copiesAdmitted({ sources }: Pick<Configuration, 'sources'>): string {
  const byGuard = new Map<string, string[]>();
  for (const { namespaces, copyName } of sources) {
    const guard = guardOf(namespaces);
    byGuard.set(guard, [...(byGuard.get(guard) ?? []), copyName]);
  }
  return [...byGuard].map(([guard, names]) => `(${guard} ? ${list(names)} : [])`).join(' +\n');
}

/** CEL for whether the namespace of a request may opt in. */
export function guardOf(namespaces: SourceConfig['namespaces']): string {
  const { selector } = namespaces;
  return [nameGuardOf(namespaces), ...(selector === undefined ? [] : requirementsOf(selector).map(requires))].join(
    ' && ',
  );
}

/** The part of it that looks at the name: all that is known where no Namespace may be read. */
export function nameGuardOf({ allow, deny }: SourceConfig['namespaces']): string {
  return `${matches(allow, 'request.namespace')} && !(${matches(deny, 'request.namespace')})`;
}

/** As `selects` of `config/label-selector.ts`. */
function requires({ key, operator, values }: Requirement): string {
  const label = `namespaceObject.metadata.?labels[?${text(key)}]`;
  switch (operator) {
    case 'In':
      return `${label}.optMap(value, value in ${list(values)}).orValue(false)`;
    case 'NotIn':
      return `${label}.optMap(value, !(value in ${list(values)})).orValue(true)`;
    case 'Exists':
      return `${label}.hasValue()`;
    case 'DoesNotExist':
      return `!${label}.hasValue()`;
  }
}

/** CEL for whether `name`, an expression, matches: as `matchNames` of `config/glob.ts`. */
export function matches(patterns: readonly string[], name: string): string {
  const excluded = patterns.filter((pattern) => pattern.startsWith('!')).map((pattern) => pattern.slice(1));
  const listed = patterns.filter((pattern) => !pattern.startsWith('!'));
  if (excluded.length === 0) return matchesAny(listed, name);
  return `(${listed.length === 0 ? 'true' : matchesAny(listed, name)} && !${matchesAny(excluded, name)})`;
}

function matchesAny(patterns: readonly string[], name: string): string {
  if (patterns.includes('*')) return 'true';
  const names = patterns.filter((pattern) => !/[*?]/.test(pattern));
  const globs = patterns.filter((pattern) => /[*?]/.test(pattern));
  const choices = [
    ...(names.length > 0 ? [`${name} in ${list(names)}`] : []),
    ...(globs.length > 0 ? [`${name}.matches(${text(regularExpression(globs))})`] : []),
  ];
  return choices.length === 0 ? 'false' : `(${choices.join(' || ')})`;
}

/** Of RE2: the time to match is linear in the length of the name. */
function regularExpression(globs: readonly string[]): string {
  const parts = globs.map((glob) => glob.replaceAll('.', '[.]').replaceAll('*', '.*').replaceAll('?', '.'));
  return `^(?:${parts.join('|')})$`;
}
