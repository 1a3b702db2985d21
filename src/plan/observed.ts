/**
 * What a plan is computed from: the few fields that matter, as the stores keep them. It has no credential, and only a bounded
 * part of what tenants write (`bounds.ts`).
 */
import type { Labels } from '../config/label-selector.ts';
import type { SourceConfig } from '../config/schema.ts';
import type { Owner } from '../owner.ts';

export interface ObservedNamespace {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly terminating: boolean;
  /** Raw values of our annotations, cut one character after what counts; undefined: the annotation is absent. */
  readonly sync: string | undefined;
  readonly sources: string | undefined;
  readonly serviceAccounts: string | undefined;
  /** Those of its labels that a selector of the configuration asks for. Absent: none. */
  readonly labels?: Labels;
  /** Keys that look like ours but are not known here: typing errors, and labels that should be annotations. Absent: none. */
  readonly strays?: readonly string[];
}

export interface ObservedServiceAccount {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** Names in order, as written; undefined: the field is absent, which differs from an empty list in a JSON Patch. */
  readonly pullSecrets: readonly string[] | undefined;
  /** The list is too long to be kept: its names are unknown, and it is never changed. */
  readonly oversized?: true;
  /** Raw value of {@link ANNOTATION_SYNC}, cut. */
  readonly sync: string | undefined;
  /** Raw value of {@link ANNOTATION_ADDED}, cut one character after {@link MAX_ANNOTATION}; Pullpass never writes a longer one. */
  readonly added: string | undefined;
  /** Whether it has any annotation: a JSON Patch cannot add a key to an absent map. */
  readonly annotated: boolean;
  /** Who took a recorded reference out of the list, in words. Absent: the list has all of them, or the object does not say. */
  readonly undoneBy?: string;
}

export interface ObservedCopy {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** Cut if it is longer than any known type. */
  readonly type: string;
  /** Has the label of a copy, and no label of another owner. */
  readonly ours: boolean;
  /** What else it is for Pullpass: then it cannot be adopted. Absent: a copy, or not of Pullpass. */
  readonly other?: Exclude<Owner, 'copy' | 'nobody'>;
  /** Value of {@link LABEL_SOURCE}. */
  readonly source: string | undefined;
  /** Value of {@link LABEL_INSTANCE}; undefined: it was written before there was that label. */
  readonly instance: string | undefined;
  /** Has the annotation `pullpass.dev/adopt: "true"`. */
  readonly adopt: boolean;
  /** Keyed digest of `.dockerconfigjson`; undefined: the key is absent. */
  readonly digest: string | undefined;
  /** The labels and annotations that Pullpass applied to it besides its own, as `metadataText`; cut. Absent: none. */
  readonly metadata?: string;
  /** When its content was last written, in milliseconds since 1970; undefined: the server does not say. For reports only. */
  readonly writtenAt?: number | undefined;
  /** Who else wrote the content or the label of a copy of ours, in words. Absent: nobody. */
  readonly undoneBy?: string;
  /** Only its metadata can be changed. Absent: no. */
  readonly immutable?: true;
  /** No write of Pullpass is among those that made it what it is. Absent: there is one, or the server does not say. */
  readonly handmade?: true;
  readonly terminating: boolean;
  /** What keeps it although it is being deleted; the first few. Absent: nothing, or it is not being deleted. */
  readonly finalizers?: readonly string[];
}

/** A source as a plan sees it: the digest of the content in force, and what is wrong with the source's Secret. */
export interface ObservedSource {
  readonly config: SourceConfig;
  /** Digest of the content to spread; undefined: there was never a good one. */
  readonly digest: string | undefined;
  /** Whether the Secret and all its copies were read. Before that, a missing object proves nothing. */
  readonly read: boolean;
  /** Why not all that the source holds is in force; empty: all of it is. */
  readonly problems: readonly string[];
}

/** Everything that one namespace's plan may depend on. */
export interface ObservedScope {
  /** The installation that the plan is for, by the namespace of its Lease and state. */
  readonly instance: string;
  readonly namespace: ObservedNamespace;
  readonly serviceAccounts: readonly ObservedServiceAccount[];
  /** Secrets in the namespace that have a configured or retired copy name, by name. */
  readonly copies: ReadonlyMap<string, ObservedCopy>;
  readonly sources: readonly ObservedSource[];
  readonly retiredCopyNames: readonly string[];
}
