/** What a reconcile has left behind: the standings after its writes, and what somebody else's Secret was removed. Pure. */
import { kindOf } from '../errors.ts';
import { lacksRight } from '../kube/api-error.ts';
import { LABEL_SOURCE } from '../names.ts';
import type { SourceStanding } from '../plan/namespace-plan.ts';
import { describeFailure } from './describe.ts';
import type { NamespaceOutcome } from './namespace.ts';

/**
 * The standings after the writes: a copy that was written is in sync, a reference that was added counts, and a copy that something in
 * the namespace refuses is blocked.
 */
export function standingsAfter({
  plan,
  done,
  failures,
}: Pick<NamespaceOutcome, 'plan' | 'done' | 'failures'>): SourceStanding[] {
  const written = new Set(
    done.flatMap((action) => (action.type === 'editReferences' || action.type === 'deleteCopy' ? [] : [action.name])),
  );
  const refused = new Map(
    failures.flatMap((failure): [string, string][] => {
      const { action, error } = failure;
      if (action.type === 'editReferences' || action.type === 'deleteCopy') return [];
      // A missing right is the platform's, and concerns every namespace.
      const isFinal = kindOf(error) === 'refused' || (kindOf(error) === 'forbidden' && !lacksRight(error));
      return isFinal ? [[action.name, describeFailure(failure)]] : [];
    }),
  );
  const added = done.flatMap((action) => (action.type === 'editReferences' ? action.edit.add : []));
  return plan.standings.map(({ accounts, ...rest }): SourceStanding => {
    const more = added.filter((name) => name === rest.copyName).length;
    const standing = { ...rest, accounts: { ...accounts, referenced: accounts.referenced + more } };
    if (written.has(standing.copyName)) return { ...standing, copy: 'in sync' };
    const blockedBy = refused.get(standing.copyName);
    return blockedBy === undefined || standing.copy === 'in sync'
      ? standing
      : { ...standing, copy: 'blocked', blockedBy };
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
