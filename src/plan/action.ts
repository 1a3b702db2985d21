/** A plan's steps, as data: printed by `plan`, asserted by tests, carried out by `reconcile/apply.ts`, all the same value. */
import type { ObservedServiceAccount } from './observed.ts';
import type { ReferenceEdit, WantedReferences } from './service-account.ts';

interface CopyTarget {
  readonly namespace: string;
  readonly name: string;
}
interface CopyContent extends CopyTarget {
  /** Name of the source. */
  readonly source: string;
  /** Digest of the content to write; the content itself stays in the source store until the moment of writing. */
  readonly digest: string;
}
/** Which object the plan was made for: a different one by the same name is somebody else's. */
interface Guard {
  readonly uid: string;
  readonly resourceVersion: string;
}

export type CopyAction =
  /** No Secret had the name. Must not overwrite one that came up meanwhile. */
  | ({ readonly type: 'createCopy' } & CopyContent)
  /** In place: nodes keep their record of who may use a cached image. */
  | ({ readonly type: 'updateCopy' } & CopyContent & Guard)
  /** Wrong `type`, which is immutable: delete and create. */
  | ({ readonly type: 'replaceCopy' } & CopyContent & Guard)
  | ({ readonly type: 'deleteCopy' } & CopyTarget & Guard);

export interface EditReferences {
  readonly type: 'editReferences';
  readonly account: ObservedServiceAccount;
  readonly edit: ReferenceEdit;
  /** What the edit was computed for, so that a lost race can be computed again from the live object. */
  readonly wanted: WantedReferences;
}

export type Action = CopyAction | EditReferences;
