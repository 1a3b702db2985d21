/** What is to be done in one namespace, as data: printed, tested and applied as it is. */
import type { CopyAction, EditReferences } from './action.ts';
import type { CopyState } from './copy.ts';
import type { Problem } from './problem.ts';
import type { Choice } from './selection.ts';

/** How one source stands in the namespace. */
export interface SourceStanding {
  readonly source: string;
  readonly copyName: string;
  readonly choice: Choice;
  readonly copy: CopyState;
  /** ServiceAccounts that are to reference the copy and have room for it, and how many of them do already. */
  readonly accounts: { readonly selected: number; readonly referenced: number };
}

export interface NamespacePlan {
  readonly namespace: string;
  readonly standings: readonly SourceStanding[];
  /**
   * In this order, and the order is the guarantee: copies are written before they are referenced, and references
   * go before the copies they name.
   */
  readonly writeCopies: readonly CopyAction[];
  readonly editReferences: readonly EditReferences[];
  readonly deleteCopies: readonly CopyAction[];
  readonly problems: readonly Problem[];
  /** What the brake keeps; absent where it keeps nothing. */
  readonly held?: HeldRemovals;
}

/** What stays in a namespace although nobody asks for it any more. */
export interface HeldRemovals {
  readonly copies: readonly HeldCopy[];
  /** Names of ServiceAccounts that keep references. */
  readonly accounts: readonly string[];
}

interface HeldCopy {
  readonly name: string;
  /** Name of the source that it was made from; the configuration may not have it any more. */
  readonly source: string | undefined;
  /** Whether it holds what that source has to give now: a held copy is not written any more. */
  readonly current: boolean;
}
