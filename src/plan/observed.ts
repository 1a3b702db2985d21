/**
 * What a plan is computed from: the few fields that matter, as the stores keep them. No credential is in here, and of what
 * tenants write no more than a bounded part (`bounds.ts`).
 */
import type { SourceConfig } from '../config/schema.ts';
import type { Owner } from '../owner.ts';

export interface ObservedNamespace {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly terminating: boolean;
  /** Raw values of our annotations, cut one character behind what counts; undefined where the annotation is absent. */
  readonly sync: string | undefined;
  readonly sources: string | undefined;
  readonly serviceAccounts: string | undefined;
  /** Keys that look like ours and mean nothing here: typing errors, and labels that should be annotations. Absent: none. */
  readonly strays?: readonly string[];
}

export interface ObservedServiceAccount {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** Names in order, as written; undefined where the field is absent, which a JSON Patch must tell from an empty list. */
  readonly pullSecrets: readonly string[] | undefined;
  /** The list is too long to be kept: nobody knows what is in it, and it is left alone. */
  readonly oversized?: true;
  /** Raw value of {@link ANNOTATION_SYNC}, cut. */
  readonly sync: string | undefined;
  /** Raw value of {@link ANNOTATION_ADDED}; longer than {@link MAX_ANNOTATION}, and cut one character behind: no record of ours. */
  readonly added: string | undefined;
  /** Whether it has any annotation: a JSON Patch cannot add a key to a map that is not there. */
  readonly annotated: boolean;
}

export interface ObservedCopy {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** Cut, where it is longer than any that we know. */
  readonly type: string;
  /** Carries the label of a copy, and of nothing else of ours. */
  readonly ours: boolean;
  /** What else of ours it is: then it is no copy, whatever it asks for. Absent: a copy, or none of ours. */
  readonly other?: Exclude<Owner, 'copy' | 'nobody'>;
  /** Value of {@link LABEL_SOURCE}. */
  readonly source: string | undefined;
  /** Carries `adopt: "true"`. */
  readonly adopt: boolean;
  /** Keyed digest of `.dockerconfigjson`; undefined where the key is absent. */
  readonly digest: string | undefined;
  /** When its content was last written, in milliseconds since 1970; undefined where the server does not say. For reports only. */
  readonly writtenAt?: number | undefined;
  readonly terminating: boolean;
}

/** What a source has to give: its last good content by digest, and what is wrong with the newest one. */
export interface ObservedSource {
  readonly config: SourceConfig;
  /** Digest of the content to spread; undefined while there never was a good one. */
  readonly digest: string | undefined;
  /** Whether the Secret and all its copies were read. Before that, nothing may be concluded from what is not there. */
  readonly read: boolean;
  /** Why the newest content is not in force; empty when it is. */
  readonly problems: readonly string[];
}

/** Everything that one namespace's plan may depend on. */
export interface ObservedScope {
  readonly namespace: ObservedNamespace;
  readonly serviceAccounts: readonly ObservedServiceAccount[];
  /** Secrets in the namespace that have a configured or retired copy name, by name. */
  readonly copies: ReadonlyMap<string, ObservedCopy>;
  readonly sources: readonly ObservedSource[];
  readonly retiredCopyNames: readonly string[];
}
