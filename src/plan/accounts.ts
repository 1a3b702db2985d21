/** Plans the references of a namespace's ServiceAccounts, in steps, because a tenant decides how many there are. */
import { ANNOTATION_ADDED, ANNOTATION_SYNC } from '../names.ts';
import type { Steps } from '../async/steps.ts';
import type { EditReferences } from './action.ts';
import { MAX_ANNOTATION, MAX_PULL_SECRETS, MAX_PULL_SECRETS_CHARS } from './bounds.ts';
import type { CopyPlan } from './copy.ts';
import type { ObservedServiceAccount } from './observed.ts';
import { MAX_TOLD } from './problem.ts';
import type { AccountProblem, ObjectRef } from './problem.ts';
import { hasRoom, isRecord, planReferences } from './service-account.ts';
import type { WantedReferences, Whose } from './service-account.ts';
import { quote } from '../text.ts';

/** A copy, and which ServiceAccounts are to reference it; without `selects`: none. */
interface ReferencedCopy {
  readonly copyName: string;
  readonly references: CopyPlan['references'];
  readonly selects?: ((account: ObservedServiceAccount) => boolean) | undefined;
}

interface AccountsPlan {
  readonly edits: readonly EditReferences[];
  /** One per copy, in the same order: how many accounts are to reference it and can, and how many of them do. */
  readonly counts: readonly { readonly selected: number; readonly referenced: number }[];
  /** Not all: only enough to tell that there are more than {@link MAX_TOLD}. */
  readonly problems: readonly AccountProblem[];
}

/** Few enough to delay other work hardly at all, even with the longest lists allowed. */
const AT_A_STEP = 64;

export function* accountSteps(
  accounts: readonly ObservedServiceAccount[],
  copies: readonly ReferencedCopy[],
  whose: Whose,
): Steps<AccountsPlan> {
  const counts = copies.map(() => ({ selected: 0, referenced: 0 }));
  const edits: EditReferences[] = [];
  const problems: AccountProblem[] = [];
  const optedIn = copies.some(({ selects }) => selects !== undefined);
  // Most accounts of a namespace want the same references.
  const wishes = new Map<string, WantedReferences>();

  for (const [i, account] of accounts.entries()) {
    if (i % AT_A_STEP === AT_A_STEP - 1) yield;
    const chosen = copies.map(({ selects }) => selects?.(account) === true);
    const id = chosen.join();
    let wish = wishes.get(id);
    if (wish === undefined) wishes.set(id, (wish = wishOf(copies, chosen, whose)));

    const room = hasRoom(account, wish);
    for (const [n, { copyName }] of copies.entries()) {
      const count = counts[n];
      if (chosen[n] !== true || count === undefined) continue;
      const referenced = account.pullSecrets?.includes(copyName) === true;
      // Only its owner can mend a list without room: it is reported on the account, and a rotation does not wait for it.
      if (referenced || room) count.selected++;
      if (referenced) count.referenced++;
    }
    if (optedIn && problems.length <= MAX_TOLD)
      problems.push(...problemsOf(account), ...(!room && wish.wanted.size > 0 ? [crowded(account)] : []));
    const edit = planReferences(account, wish);
    if (edit !== undefined) edits.push({ type: 'editReferences', account, edit, wanted: wish });
  }
  return { edits, counts, problems };
}

function wishOf(copies: readonly ReferencedCopy[], chosen: readonly boolean[], whose: Whose): WantedReferences {
  const wanted = new Set<string>();
  const kept = new Set<string>();
  for (const [i, { copyName, references }] of copies.entries()) {
    if (references === 'add' && chosen[i] === true) wanted.add(copyName);
    if (references === 'freeze' || (references === 'keep' && chosen[i] === true)) kept.add(copyName);
  }
  return { wanted, kept, ...whose };
}

function problemsOf(account: ObservedServiceAccount): AccountProblem[] {
  const { sync, added = '' } = account;
  const invalid = (annotation: string, what: string): AccountProblem => ({
    reason: 'InvalidAnnotation',
    object: refTo(account),
    annotation,
    what,
  });
  return [
    ...(sync === undefined || sync === 'enabled' || sync === 'disabled'
      ? []
      : [invalid(ANNOTATION_SYNC, `is ${quote(sync)}: use "enabled" or "disabled". The namespace's choice applies.`)]),
    ...(isRecord(added)
      ? []
      : [
          invalid(
            ANNOTATION_ADDED,
            `is longer than ${MAX_ANNOTATION} characters, so Pullpass did not write it, ` +
              'and takes no entry for its own: remove the annotation.',
          ),
        ]),
  ];
}

const crowded = (account: ObservedServiceAccount): AccountProblem => ({
  reason: 'TooManyPullSecrets',
  object: refTo(account),
  what:
    `imagePullSecrets has, or with its copies would have, more than ${MAX_PULL_SECRETS} entries ` +
    `or ${MAX_PULL_SECRETS_CHARS} characters: Pullpass adds nothing. Remove entries that no pod needs.`,
});

const refTo = ({ namespace, name, uid }: ObservedServiceAccount): ObjectRef => ({
  kind: 'ServiceAccount',
  namespace,
  name,
  uid,
});
