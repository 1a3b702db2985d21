/** What the page's script works on: rows as they are shown, of which the page itself holds the first ones only. Types alone: the browser's side reads them too. */

export interface PageData {
  /** As they stand on the page. */
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
  /** Empty for what is in no namespace. */
  readonly namespace: string;
  /** `Secret regcred`. */
  readonly object: string;
  readonly message: string;
  /** Absent where the whole group has the same: it is said once. */
  readonly remedy?: string;
}

/** How something stands: its colour, its icon and its shape. `none`: nothing was asked for. */
export type Tone = 'ok' | 'error' | 'warning' | 'info' | 'none' | 'unknown';

/** The worst that can be said of a namespace. */
export type Level = 'error' | 'warning' | 'ok' | 'none';

export interface NamespaceRow {
  readonly name: string;
  readonly level: Level;
  /** Why it is in or out. */
  readonly why: string;
  /** One a source, in their order. */
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
  /** `1/2 refs`; empty where none are to be. */
  readonly references: string;
}
