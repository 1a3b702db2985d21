/** What rules grant beyond the rights that a configuration needs. Pure. */
import type { V1PolicyRule } from '@kubernetes/client-node';
import type { Right } from '../plan/rights.ts';
import { some } from '../text.ts';

/** One line per resource, without a full stop; empty: nothing. `namespace`: where the rules hold; undefined: in all. */
export function excessOf(
  rules: readonly V1PolicyRule[],
  namespace: string | undefined,
  rights: readonly Right[],
): string[] {
  const here = rights.filter((right) => right.namespace === undefined || right.namespace === namespace);
  return rules.flatMap((rule) => [
    ...(rule.apiGroups ?? []).flatMap((group) =>
      (rule.resources ?? []).flatMap((resource) => {
        const needed = here.filter((right) => right.apiGroup === group && right.resource === resource);
        return describe(rule, { group, resource, namespace }, needed);
      }),
    ),
    ...(rule.nonResourceURLs ?? []).map((url) => `${rule.verbs.join(', ')} the path ${url}`),
  ]);
}

/** Verbs with the same names beyond what is needed share a line. */
function describe(
  { verbs, resourceNames = [] }: V1PolicyRule,
  {
    group,
    resource,
    namespace,
  }: { readonly group: string; readonly resource: string; readonly namespace: string | undefined },
  needed: readonly Right[],
): string[] {
  const byNames = new Map<string, string[]>();
  for (const verb of verbs) {
    const same = needed.filter((right) => (right.verbs as string[]).includes(verb));
    if (same.some((right) => right.resourceNames === undefined)) continue;
    const allowed = new Set(same.flatMap((right) => right.resourceNames ?? []));
    const names = resourceNames.filter((name) => !allowed.has(name));
    if (resourceNames.length > 0 && names.length === 0) continue;
    const which = resourceNames.length === 0 ? 'with any name' : `named ${some(names, 10)}`;
    byNames.set(which, [...(byNames.get(which) ?? []), verb]);
  }
  const what = group === '' ? resource : `${resource}.${group}`;
  const where = namespace === undefined ? 'in all namespaces' : `in namespace ${namespace}`;
  return [...byNames].map(([which, each]) => `${each.join(', ')} ${what} ${which}, ${where}`);
}
