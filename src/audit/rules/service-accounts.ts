/** Rules on references of ServiceAccounts to copies: missing ones, and unwanted ones. */
import { recordOf } from '../../plan/service-account.ts';
import { hitOf, problemsOf } from './problems.ts';
import type { Hit, Rule } from './rule.ts';
import { CHECK_CONTROLLER } from './remedies.ts';
import { quoteList } from '../../text.ts';

export const serviceAccountNotPatched: Rule = {
  id: 'PP005',
  name: 'service-account-not-patched',
  category: 'Copies and references',
  severity: 'error',
  title: 'A ServiceAccount does not reference its copy',
  cause:
    'The namespace is opted in and the ServiceAccount selected, but its imagePullSecrets do not name the copy: new pods of it pull without the credential.',
  remedy: CHECK_CONTROLLER,
  // From the plan, which adds no reference to a copy that cannot be made, is not ours, or was not read.
  check: (facts) => [
    ...facts.plans.flatMap((plan) =>
      plan.editReferences
        .map(({ account, edit }) => ({ account, add: edit.add.filter((name) => !recordOf(account).has(name)) }))
        .filter(({ add }) => add.length > 0)
        .map(({ account, add }): Hit => ({
          object: { kind: 'ServiceAccount', namespace: plan.namespace, name: account.name },
          message: `ServiceAccount "${account.name}" in ${plan.namespace} does not reference ${quoteList(add)}: its new pods pull without it.`,
        })),
    ),
    ...problemsOf(facts)
      .filter(({ reason }) => reason === 'TooManyPullSecrets')
      .map((problem): Hit => ({
        ...hitOf(problem),
        remedy: 'Remove entries from its imagePullSecrets that no pod needs.',
      })),
  ],
};

export const referenceOrphaned: Rule = {
  id: 'PP010',
  name: 'reference-orphaned',
  category: 'Copies and references',
  severity: 'warning',
  title: 'A reference is left that nobody asks for',
  cause: 'Pullpass added the reference, and the namespace or the ServiceAccount is not selected any more.',
  remedy: CHECK_CONTROLLER,
  check: ({ plans }) =>
    plans.flatMap((plan) =>
      plan.editReferences
        .filter(({ edit }) => edit.remove.length > 0)
        .map(({ account, edit }): Hit => ({
          object: { kind: 'ServiceAccount', namespace: plan.namespace, name: account.name },
          message: `ServiceAccount "${account.name}" in ${plan.namespace} still references ${quoteList(edit.remove)}, which nobody asks for any more.`,
        })),
    ),
};
