/** The last changes, in order: for watches to replay, and to compute an earlier state. */
import type { KubeObject } from '../json.ts';

export interface Change {
  readonly revision: number;
  readonly storage: string;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** After the change; for a deletion the last state, with the deletion's resourceVersion. */
  readonly object: KubeObject;
  readonly previous: KubeObject | undefined;
  /** Undefined: the sandbox itself, in the place of kube-controller-manager. */
  readonly author: Author | undefined;
}

/** Whose request made a change. */
export interface Author {
  readonly user: string;
  readonly userAgent: string;
}

export class History {
  #changes: Change[] = [];
  /** Changes up to this revision are forgotten. */
  #compacted = 0;
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get compacted(): number {
    return this.#compacted;
  }

  add(change: Change): void {
    this.#changes.push(change);
    // Dropping a tenth at a time keeps the cost of a write constant.
    if (this.#changes.length > this.#limit * 1.1)
      this.compact(this.#changes[this.#changes.length - this.#limit - 1]?.revision ?? 0);
  }

  compact(revision: number): void {
    this.#compacted = Math.max(this.#compacted, revision);
    this.#changes = this.#changes.slice(this.#firstAfter(this.#compacted));
  }

  /** Forgets everything: the next change comes after `revision`, which may be lower than the last one. */
  restart(revision: number): void {
    this.#changes = [];
    this.#compacted = revision;
  }

  /** Changes of one storage after a revision, oldest first. */
  after(revision: number, storage: string): Change[] {
    return this.#changes.slice(this.#firstAfter(revision)).filter((change) => change.storage === storage);
  }

  #firstAfter(revision: number): number {
    let low = 0;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#changes[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
