/** What the readers of all tools come to: which logins are spread, from where to where, and how each tool is stopped. */
import type { LabelSelector } from '../config/label-selector.ts';
import { printable } from '../text.ts';

export const TOOLS = [
  'reflector',
  'replicator',
  'kyverno',
  'titansoft',
  'tamcore',
  'registry-creds',
  'hand-made',
] as const;
export type Tool = (typeof TOOLS)[number];

export interface Place {
  readonly namespace: string;
  readonly name: string;
}

/** Where the login of a spread is kept. */
export type Origin =
  /** A pull Secret: it becomes the source. */
  | { readonly secret: Place }
  /** There is none, or of another type: a source is made first. `by`: commands that print no credential; empty: by hand. */
  | { readonly make: string; readonly by: (source: Place) => readonly string[] };

/** Which namespaces get a copy from now on; the names are globs. */
export interface Reach {
  /** undefined: only those that have one now, by name. */
  readonly allow: readonly string[] | undefined;
  readonly deny: readonly string[];
  /** Labels that they must have besides; only with `allow`. */
  readonly selector?: LabelSelector;
}

/** One login that a tool, or people, keep in several namespaces. */
export interface Spread {
  readonly tool: Tool;
  readonly origin: Origin;
  /** The copies that exist, and only those that are surely the tool's. */
  readonly copies: readonly Place[];
  readonly reach: Reach;
  /** Globs of the ServiceAccounts that the tool edits; undefined: it edits none, so those that use the copies count. */
  readonly accounts: readonly string[] | undefined;
}

export interface Found {
  readonly tool: Tool;
  /** What shows that it is there, one line each. Empty: no trace. */
  readonly seen: readonly string[];
  readonly spreads: readonly Spread[];
  /** Worth knowing, and nothing to repair. */
  readonly notes: readonly string[];
  /** What could not be read or understood, so the plan may lack something. */
  readonly gaps: readonly string[];
  /** Names that it adds to pods of every ServiceAccount. */
  readonly adds?: ReadonlySet<string>;
  /** Before any namespace opts in. */
  readonly quiet?: Part;
  /** When copies are there: what adds names to pods and templates. Templates are mended after it. */
  readonly unmutate?: Part;
  /** Ends the tool's work on these logins. */
  readonly stop: Part;
  /** After the copies are gone. */
  readonly rest: Part;
}

/** Part of a step. */
export interface Part {
  readonly why: readonly string[];
  readonly commands: readonly string[];
}

export const NO_PART: Part = { why: [], commands: [] };

/** One word of a shell command. What others named may hold anything. */
export function word(text: string): string {
  const shown = printable(text);
  return /^[\w./:=@%+,-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", `'\\''`)}'`;
}

/** One line of a shell. */
export const command = (...words: readonly string[]): string => words.map(word).join(' ');
