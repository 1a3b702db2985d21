/** What a reconcile has left behind: the standings after its writes, and what somebody else's Secret was removed. Pure. */
import { kindOf } from '../errors.ts';
import { lacksRight } from '../kube/api-error.ts';
import { LABEL_SOURCE } from '../names.ts';
import type { SourceStanding } from '../plan/namespace-plan.ts';
import { describeFailure } from './describe.ts';
import type { Failure, NamespaceOutcome } from './namespace.ts';

/**
 * The standings after the writes: a copy that was written is in sync, a reference that was added counts, and a copy that something in
 * the namespace refuses is blocked.
 */
export function standingsAfter({
  plan,
  done,
  failures,
}: Pick<NamespaceOutcome, 'plan' | 'done' | 'failures'>): readonly SourceStanding[] {
  if (done.length === 0 && failures.length === 0) return plan.standings;
  // A missing right is the platform's, and concerns every namespace.
  const isFinal = ({ error }: Failure): boolean =>
    kindOf(error) === 'refused' || (kindOf(error) === 'forbidden' && !lacksRight(error));
  return plan.standings.map((standing): SourceStanding => {
    const { copyName } = standing;
    let { copy, blockedBy, accounts } = standing;
    for (const action of done) {
      if (action.type !== 'editReferences') {
        if (action.type !== 'deleteCopy' && action.name === copyName) copy = 'in sync';
      } else if (action.edit.add.includes(copyName)) accounts = { ...accounts, referenced: accounts.referenced + 1 };
    }
    const refused =
      copy !== 'in sync' &&
      failures.findLast(
        (failure) => 'digest' in failure.action && failure.action.name === copyName && isFinal(failure),
      );
    if (refused) [copy, blockedBy] = ['blocked', describeFailure(refused)];
    return { ...standing, copy, accounts, ...(blockedBy !== undefined && { blockedBy }) };
  });
}

/** For the namespace's owner: one line for each removed Secret that somebody else had made. */
export function noticesOf({ done }: Pick<NamespaceOutcome, 'done'>): string[] {
  return done.flatMap((action) =>
    action.type === 'deleteCopy' && action.handmade === true
      ? [
          `Secret ${action.name} was removed: Pullpass did not make it, but it carried the label ${LABEL_SOURCE}, so it ` +
            'counted as a copy, and this namespace is to have none. To have one, opt in; to keep a Secret of your own, ' +
            'make it without the labels of pullpass.dev.',
        ]
      : [],
  );
}
