/** The plan of one namespace, as data: printed, tested and applied as it is. */
import type { CopyAction, EditReferences } from './action.ts';
import type { CopyState } from './copy.ts';
import type { Problem } from './problem.ts';
import type { Choice } from './selection.ts';

/** The standing of one source in the namespace. */
export interface SourceStanding {
  readonly source: string;
  readonly copyName: string;
  readonly choice: Choice;
  readonly copy: CopyState;
  /** Why it is `blocked`, for people: completes "blocked by ...". */
  readonly blockedBy?: string;
  /** How many ServiceAccounts are to reference the copy and have room for it, and how many of them do already. */
  readonly accounts: { readonly selected: number; readonly referenced: number };
}

export interface NamespacePlan {
  readonly namespace: string;
  readonly standings: readonly SourceStanding[];
  /**
   * Applied in this order, which is the guarantee: copies are written before they are referenced, and references
   * are removed before their copies.
   */
  readonly writeCopies: readonly CopyAction[];
  readonly editReferences: readonly EditReferences[];
  readonly deleteCopies: readonly CopyAction[];
  readonly problems: readonly Problem[];
  /** What the brake keeps; absent if it keeps nothing. */
  readonly held?: HeldRemovals;
}

/** What stays in a namespace although it is no longer wanted. */
export interface HeldRemovals {
  readonly copies: readonly HeldCopy[];
  /** Names of ServiceAccounts that keep references. */
  readonly accounts: readonly string[];
}

interface HeldCopy {
  readonly name: string;
  /** Name of the source that it was made from; the configuration may no longer have it. */
  readonly source: string | undefined;
  /** Whether it holds the source's content in force: a held copy is no longer updated. */
  readonly current: boolean;
}
