/** Plans the references of a namespace's ServiceAccounts, in steps, because a tenant decides how many there are. */
import { ANNOTATION_ADDED, ANNOTATION_SYNC } from '../names.ts';
import type { Steps } from '../async/steps.ts';
import type { EditReferences } from './action.ts';
import { MAX_ANNOTATION, MAX_PULL_SECRETS, MAX_PULL_SECRETS_CHARS } from './bounds.ts';
import type { CopyPlan } from './copy.ts';
import type { ObservedServiceAccount } from './observed.ts';
import { MAX_TOLD } from './problem.ts';
import type { AccountProblem, ObjectRef } from './problem.ts';
import { hasRoom, isRecord, isSettled, planReferences, settledRecordOf } from './service-account.ts';
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

/** In a text with a character for each copy. */
const CHOSEN = '+';

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
  const wishes = new Map<string, { readonly wish: WantedReferences; readonly record: string }>();

  let i = 0;
  for (const account of accounts) {
    if (++i % AT_A_STEP === 0) yield;
    let chosen = '';
    for (const { selects } of copies) chosen += selects?.(account) === true ? CHOSEN : '-';
    let known = wishes.get(chosen);
    if (known === undefined) {
      const wish = wishOf(copies, chosen, whose);
      wishes.set(chosen, (known = { wish, record: settledRecordOf(wish) }));
    }
    const { wish, record } = known;

    const settled = isSettled(account, wish, record);
    const room = settled || hasRoom(account, wish);
    for (let n = 0; n < copies.length; n++) {
      const count = counts[n];
      if (chosen[n] !== CHOSEN || count === undefined) continue;
      const referenced = account.pullSecrets?.includes(copies[n]?.copyName ?? '') === true;
      // Only its owner can mend a list without room: it is reported on the account, and a rotation does not wait for it.
      if (referenced || room) count.selected++;
      if (referenced) count.referenced++;
    }
    if (optedIn && problems.length <= MAX_TOLD) problemsOf(account, !room && wish.wanted.size > 0, problems);
    const edit = settled ? undefined : planReferences(account, wish);
    if (edit !== undefined) edits.push({ type: 'editReferences', account, edit, wanted: wish });
  }
  return { edits, counts, problems };
}

function wishOf(copies: readonly ReferencedCopy[], chosen: string, whose: Whose): WantedReferences {
  const wanted: string[] = [];
  const kept: string[] = [];
  copies.forEach(({ copyName, references }, i) => {
    if (references === 'add' && chosen[i] === CHOSEN) wanted.push(copyName);
    if (references === 'freeze' || (references === 'keep' && chosen[i] === CHOSEN)) kept.push(copyName);
  });
  return { ...whose, wanted: setOf(wanted), kept: setOf(kept) };
}

const NONE: ReadonlySet<string> = new Set();
/** Most are empty. */
const setOf = (names: readonly string[]): ReadonlySet<string> => (names.length === 0 ? NONE : new Set(names));

function problemsOf(account: ObservedServiceAccount, isCrowded: boolean, into: AccountProblem[]): void {
  const { sync, added = '' } = account;
  const invalid = (annotation: string, what: string): unknown =>
    into.push({ reason: 'InvalidAnnotation', object: refTo(account), annotation, what });
  if (sync !== undefined && sync !== 'enabled' && sync !== 'disabled')
    invalid(ANNOTATION_SYNC, `is ${quote(sync)}: use "enabled" or "disabled". The namespace's choice applies.`);
  if (!isRecord(added))
    invalid(
      ANNOTATION_ADDED,
      `is longer than ${MAX_ANNOTATION} characters, so Pullpass did not write it, ` +
        'and takes no entry for its own: remove the annotation.',
    );
  if (isCrowded) into.push(crowded(account));
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
