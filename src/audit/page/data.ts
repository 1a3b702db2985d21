/** The data of the page's script: all rows, while the HTML has only the first ones. Only types: the browser code uses them too. */

export interface PageData {
  /** In the order of the page. */
  readonly groups: readonly GroupData[];
  /** Sorted by name. */
  readonly namespaces: readonly NamespaceRow[];
}

/** The findings of one rule. */
export interface GroupData {
  readonly rule: string;
  readonly title: string;
  readonly severity: 'error' | 'warning' | 'info';
  readonly findings: readonly FindingRow[];
}

export interface FindingRow {
  /** Empty for an object without a namespace. */
  readonly namespace: string;
  /** `Secret regcred`. */
  readonly object: string;
  readonly message: string;
  /** Absent if the whole group has the same remedy, which is shown once. */
  readonly remedy?: string;
}

/** Selects colour and icon. `none`: nothing is expected here. */
export type Tone = 'ok' | 'error' | 'warning' | 'info' | 'none' | 'unknown';

/** The worst state in a namespace. */
export type Level = 'error' | 'warning' | 'ok' | 'none';

export interface NamespaceRow {
  readonly name: string;
  readonly level: Level;
  /** Why it is opted in or not. */
  readonly why: string;
  /** One per source, in the order of the report. */
  readonly cells: readonly CellData[];
  readonly pods: number;
  readonly failing: number;
  readonly errors: number;
  readonly warnings: number;
  readonly notes: number;
}

export interface CellData {
  readonly tone: Tone;
  readonly word: string;
  /** `1/2 refs`; empty if no references are wanted. */
  readonly references: string;
}
