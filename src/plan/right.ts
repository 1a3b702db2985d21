/** A right of the controller, as RBAC has it. */

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';

/** Verbs on a resource, where, and why. */
export interface Right {
  /** API group, `''` for the core one. */
  apiGroup: string;
  resource: string;
  verbs: readonly Verb[];
  /** Sorted. Absent: every object of the resource. */
  resourceNames?: string[];
  /** Absent: in all namespaces, or the resource is cluster-scoped. */
  namespace?: string;
  /** Completes the sentence "Pullpass needs this to ...". */
  why: string;
}
