/** Rights for an installation with `--namespaces`: the table of rights without anything that spans the cluster. */
import type { Configuration } from '../config/schema.ts';
import { REPORT_RESOURCES } from '../names.ts';
import { OWNERS } from './healing.ts';
import { REVIEWS } from './rights-table.ts';
import type { Right } from './right.ts';

/** Resources in namespaces, on which the table has rights in all of them: with a list, each listed namespace gets them. */
export const SPREAD: readonly string[] = [
  ...['/serviceaccounts', '/secrets', '/pods', '/pods/eviction', 'events.k8s.io/events'],
  ...OWNERS.map(({ apiGroup, resource }) => `${apiGroup}/${resource}`),
];
const isSpread = ({ apiGroup, resource }: Right): boolean => SPREAD.includes(`${apiGroup}/${resource}`);

/** Nothing is read of Namespaces: the list says what their annotations would. */
const isOfNamespaces = ({ apiGroup, resource }: Right): boolean => apiGroup === '' && resource === 'namespaces';
const spans = (right: Right): boolean => right.namespace === undefined && !isSpread(right);

/**
 * `rights`, each in a namespace. `listed`: the namespaces that get copies; `told`: others whose people get Events. Rights that no
 * namespace can give are left out: see {@link clusterWide}.
 */
export function inNamespaces(
  rights: readonly Right[],
  { listed, told }: { readonly listed: readonly string[]; readonly told: readonly string[] },
): Right[] {
  const events = [...new Set([...listed, ...told])].sort();
  return rights.flatMap((right) => {
    if (right.namespace !== undefined) return [right];
    if (!isSpread(right)) return [];
    return (right.resource === 'events' ? events : listed).map((namespace) => ({ ...right, namespace }));
  });
}

/** What `rights` need beyond any namespace, and what to do, one line each: a list of namespaces cannot give it. */
export function clusterWide(rights: readonly Right[]): string[] {
  const lines = rights
    .filter((right) => spans(right) && !isOfNamespaces(right))
    .map(
      (right) =>
        `${remedyOf(right)}: to ${right.why} needs rights on ${right.resource}.${right.apiGroup}, which no namespace has`,
    );
  return [...new Set(lines)];
}

/** Sources that ask for labels of namespaces, and what to do, one line each: with a list no Namespace is read. */
export const byLabel = ({ sources }: Pick<Configuration, 'sources'>): string[] =>
  sources
    .filter(({ namespaces }) => namespaces.selector !== undefined)
    .map(
      ({ name }) =>
        `take namespaces.selector out of source ${name}: to read the labels of a namespace needs rights which no namespace has`,
    );

function remedyOf({ apiGroup, resource }: Right): string {
  if (REPORT_RESOURCES.some((report) => report.group === apiGroup && report.resource === resource))
    return 'set audit.reportObject to false';
  return REVIEWS.includes(resource)
    ? 'leave out --secure-report'
    : 'take the cache proxy out of the configuration, or give it an object in a namespace';
}
