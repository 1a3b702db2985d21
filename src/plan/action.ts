/** The actions of a plan, as data: the same value is printed by `plan`, checked by tests and applied by `reconcile/apply.ts`. */
import type { CopyMetadata } from '../config/copy-metadata.ts';
import type { ObservedServiceAccount } from './observed.ts';
import type { ReferenceEdit, WantedReferences } from './service-account.ts';

interface CopyTarget {
  readonly namespace: string;
  readonly name: string;
}
interface CopyContent extends CopyTarget {
  /** Name of the source. */
  readonly source: string;
  /** Digest of the content to write; the content itself is taken from the source book only when it is written. */
  readonly digest: string;
  /** Labels and annotations besides Pullpass's own. */
  readonly metadata?: CopyMetadata;
}
/** The object that the plan was made for: another object with the same name must not be changed. */
interface Preconditions {
  readonly uid: string;
  readonly resourceVersion: string;
}

export type CopyAction =
  /** No Secret had the name. Must not overwrite one that was created meanwhile. */
  | ({ readonly type: 'createCopy' } & CopyContent)
  /** In place: so nodes keep their record of which pull Secrets may use a cached image. */
  | ({ readonly type: 'updateCopy' } & CopyContent & Preconditions)
  /** What is wrong cannot be changed (its type, or `immutable: true`): deleted and created again. */
  | ({ readonly type: 'replaceCopy'; readonly why: 'type' | 'immutable' } & CopyContent & Preconditions)
  /** `handmade`: somebody else made it, with the labels of a copy. */
  | ({ readonly type: 'deleteCopy'; readonly handmade?: true } & CopyTarget & Preconditions);

export interface EditReferences {
  readonly type: 'editReferences';
  readonly account: ObservedServiceAccount;
  readonly edit: ReferenceEdit;
  /** What the edit was computed for: after a lost race it is computed again from the live object. */
  readonly wanted: WantedReferences;
}

export type Action = CopyAction | EditReferences;
