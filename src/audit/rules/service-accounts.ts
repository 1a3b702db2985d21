/** References of ServiceAccounts to copies: those that lack, and those that are too many. */
import { selectsAccount } from '../../plan/selection.ts';
import type { ObservedScope } from '../../plan/observed.ts';
import type { NamespacePlan } from '../../plan/namespace.ts';
import { quoteList } from '../../plan/problem.ts';
import type { Hit, Rule } from '../finding.ts';

export const serviceAccountNotPatched: Rule = {
  id: 'PP005', name: 'service-account-not-patched', severity: 'error', title: 'A ServiceAccount does not reference its copy',
  cause: 'The namespace is opted in and the ServiceAccount selected, but its imagePullSecrets do not name the copy: new pods of it pull without the credential.',
  remedy: 'The controller mends this within seconds: check that it runs and what its log says of this namespace. If the reference vanishes again, look for another tool that writes the imagePullSecrets of this ServiceAccount.',
  check: ({ plans, scopes }) => plans.flatMap((plan, i) => {
    const lacking = new Map(plan.editReferences.map(({ account, edit }) => [account.name, new Set(edit.add)]));
    const scope = scopes[i];
    if (scope !== undefined) addUnread(scope, plan, lacking);
    return [...lacking].filter(([, names]) => names.size > 0).map(([name, names]): Hit => ({
      object: { kind: 'ServiceAccount', namespace: plan.namespace, name },
      message: `ServiceAccount "${name}" in ${plan.namespace} does not reference ${quoteList(names)}: its new pods pull without it.`,
    }));
  }),
};

export const referenceOrphaned: Rule = {
  id: 'PP010', name: 'reference-orphaned', severity: 'warning', title: 'A reference is left that nobody asks for',
  cause: 'Pullpass added the reference, and the namespace or the ServiceAccount is not selected any more.',
  remedy: 'The controller removes it: check that it runs and what its log says of this namespace.',
  check: ({ plans }) => plans.flatMap((plan) => plan.editReferences.filter(({ edit }) => edit.remove.length > 0).map(({ account, edit }): Hit => ({
    object: { kind: 'ServiceAccount', namespace: plan.namespace, name: account.name },
    message: `ServiceAccount "${account.name}" in ${plan.namespace} still references ${quoteList(edit.remove)}, which nobody asks for any more.`,
  }))),
};

/** The plan changes nothing for a source that could not be read; that a reference is not there can be seen all the same. */
function addUnread({ namespace, serviceAccounts, sources }: ObservedScope, { standings }: NamespacePlan, lacking: Map<string, Set<string>>): void {
  for (const { config, read } of sources) {
    if (read || standings.find(({ source }) => source === config.name)?.choice.in !== true) continue;
    for (const { name, pullSecrets } of serviceAccounts.filter(selectsAccount(namespace, config))) {
      if (pullSecrets?.includes(config.copyName) === true) continue;
      lacking.set(name, (lacking.get(name) ?? new Set()).add(config.copyName));
    }
  }
}
