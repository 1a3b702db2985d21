/** Rules on references of ServiceAccounts to copies: missing ones, and unwanted ones. */
import { hitOf, problemsOf } from './problems.ts';
import type { Hit, Rule } from './rule.ts';
import { CHECK_CONTROLLER, LEAVE_ALONE } from './remedies.ts';
import type { ObservedServiceAccount } from '../../plan/observed.ts';
import { addedTo } from '../../plan/service-account.ts';
import { UNDONE_DOCS, UNNAMED } from '../../plan/undone.ts';
import { agree, quoteList } from '../../text.ts';

export const serviceAccountNotPatched: Rule = {
  id: 'PP005',
  name: 'service-account-not-patched',
  category: 'Copies and references',
  severity: 'error',
  title: 'A ServiceAccount does not reference its copy',
  cause:
    'The namespace is opted in and the ServiceAccount selected, but its imagePullSecrets do not name the copy: new pods of it pull without ' +
    'the credential. Its record (pullpass.dev/added-pull-secrets) shows whether Pullpass had added the reference and another writer took it out.',
  remedy: `${CHECK_CONTROLLER} If another writer takes the reference out: ${UNDONE_DOCS} says what ends it.`,
  // From the plan, which adds no reference to a copy that cannot be made, is not ours, or was not read.
  check: (facts) => [
    ...facts.plans.flatMap((plan) =>
      plan.editReferences
        .filter(({ edit }) => edit.add.length > 0)
        .map(({ account, edit }): Hit => ({
          object: { kind: 'ServiceAccount', namespace: plan.namespace, name: account.name },
          message:
            `ServiceAccount "${account.name}" in ${plan.namespace} does not reference ${quoteList(edit.add)}: ` +
            `its new pods pull without it.${takenOut(account, edit.add)}`,
          ...(takenOut(account, edit.add) !== '' && { remedy: LEAVE_ALONE }),
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

/** Who took out what Pullpass had added, as a sentence; empty: nothing was. */
function takenOut(account: ObservedServiceAccount, lacking: readonly string[]): string {
  const undone = lacking.filter((name) => addedTo(account).has(name));
  if (undone.length === 0) return '';
  const them = agree(undone.length, 'it', 'them');
  return ` Pullpass had added ${them}, and another writer took ${them} out: ${account.undoneBy ?? UNNAMED}.`;
}

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
