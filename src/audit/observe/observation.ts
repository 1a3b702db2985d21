/** All data that the rules of an audit depend on. It holds no login, only registry keys and keyed digests. */
import type { Confirmation } from '../../config/confirmation.ts';
import type { SourceConfig } from '../../config/schema.ts';
import type { Unusable } from '../../credentials/usable-login.ts';
import type { ObservedScope, ObservedSource } from '../../plan/observed.ts';

export interface Observation {
  /** URL of the API server. */
  readonly server: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** false: there is no configuration, so rules about sources find nothing. */
  readonly configured: boolean;
  /** Whether the configuration says `paused: true`. */
  readonly paused?: boolean;
  /** The confirmation of a large removal; undefined: the brake is not judged. */
  readonly confirmation?: Confirmation;
  /** The requested namespaces; undefined: all. */
  readonly only?: readonly string[];
  /** One per namespace, sorted by name. */
  readonly scopes: readonly ObservedScope[];
  /** In the order of the configuration. */
  readonly sources: readonly AuditedSource[];
  readonly workloads: readonly Workload[];
  /** Whether `workloads` holds every pod of `scopes`. */
  readonly podsSeen: boolean;
  /** Secrets that ServiceAccounts or pods name; one without an item here was not read. */
  readonly pullSecrets: PullSecrets;
  /** Secrets with our labels whose name is not in the configuration. */
  readonly strayCopies: readonly StrayCopy[];
  /** RBAC rules on Secrets for the controller's ServiceAccount; undefined: not read. */
  readonly grants?: readonly SecretGrant[];
  /** The controller's Lease; undefined: there is none, or it was not read. `renewedAt`: milliseconds since 1970. */
  readonly lease?: {
    readonly namespace: string;
    /** Empty: no replica holds it. */
    readonly holder: string;
    readonly renewedAt?: number;
  };
  /** Verdicts of registries on logins. */
  readonly registries?: readonly AuditedLogin[];
  readonly proxies?: readonly AuditedProxy[];
  /** What cache proxies made of their logins, where some of it holds another one. */
  readonly derived?: readonly AuditedDerived[];
  /** Entries and rollouts that are held back, and why. */
  readonly heldBack?: readonly { readonly source: string; readonly why: string; readonly since?: string }[];
  /** One line each: what this audit could not read, so says nothing about, and why. */
  readonly couldNotSee: readonly string[];
}

export interface AuditedSource {
  readonly config: SourceConfig;
  readonly observed: ObservedSource;
  /** `unread`: its Secrets or copies could not be read. */
  readonly state: 'good' | 'missing' | 'invalid' | 'unread';
  /** The newest good content; undefined if there is none. */
  readonly content?: PullContent;
  /** When the source Secret was last written, in milliseconds since 1970. */
  readonly changedAt?: number;
}

/** What a kubelet reads from one Secret. Equal Secrets share one value. */
export interface PullContent {
  /** Keyed digest: equal for equal Secrets; compare it within one audit only. */
  readonly id: string;
  readonly entries: readonly PullEntry[];
  /** Suspicious parts of it, one line each. */
  readonly warnings: readonly string[];
  /** Why it cannot be used. `breaksPulls`: every pull of a pod that names it fails; otherwise kubelets ignore it. */
  readonly problem?: { readonly text: string; readonly breaksPulls: boolean };
}

/** An entry without its login. */
export interface PullEntry {
  readonly key: string;
  /** Keyed digest of the login: shows only whether two logins are equal. */
  readonly login: string;
  /** Why kubelets cannot use its login; absent: they can. */
  readonly unusable?: Unusable;
  /** Milliseconds since 1970, if the password or token is a JWT with `exp`. */
  readonly expiresAt?: number;
}

export type PullSecret =
  | { readonly state: 'read'; readonly content: PullContent }
  | { readonly state: 'missing' }
  | { readonly state: 'unseen' };

/** Pods with the same owner, ServiceAccount, pull secrets, images, and failing images. */
export interface Workload {
  readonly namespace: string;
  /** The owner, as far as pods show it: the Deployment instead of its ReplicaSet; `Pod` for a pod without an owner. */
  readonly owner: { readonly kind: string; readonly name: string };
  readonly serviceAccount: string;
  /** `imagePullSecrets` of the pods: kubelets use these, not those of the ServiceAccount. */
  readonly pullSecrets: readonly string[];
  /** Images of init, ephemeral and normal containers, without duplicates. */
  readonly images: readonly string[];
  readonly pods: number;
  /** Name of one of the pods. */
  readonly example: string;
  /** A static pod, made by a kubelet from a file: it has no ServiceAccount and no pull secrets. */
  readonly isStatic: boolean;
  /** What these pods fail to pull now, one per image; empty: no pull fails. */
  readonly failures: readonly PullFailure[];
}

export interface PullFailure {
  readonly image: string;
  readonly container: string;
  readonly containerKind: 'container' | 'init container' | 'ephemeral container';
  /** The waiting reason of the container, such as ErrImagePull. */
  readonly reason: string;
  /** The kubelet's message: one line, of limited length, URLs without logins and queries. May be empty. */
  readonly message: string;
}

/** By namespace and name. */
export type PullSecrets = ReadonlyMap<string, ReadonlyMap<string, PullSecret>>;

export interface StrayCopy {
  readonly namespace: string;
  readonly name: string;
  readonly source: string;
}

/** One RBAC rule about Secrets that the controller's ServiceAccount has. */
export interface SecretGrant {
  /** The role with the rule; the ServiceAccount itself if the API server was asked about it and no role was read. */
  readonly role: { readonly kind: string; readonly namespace?: string; readonly name: string };
  /** Where it applies; undefined: in all namespaces. */
  readonly namespace?: string;
  readonly verbs: readonly string[];
  /** Empty: every Secret. */
  readonly names: readonly string[];
}

export interface AuditedLogin {
  readonly source: string;
  readonly key: string;
  readonly state: 'accepted' | 'refused' | 'unknown';
  /** One line, without a login. */
  readonly why: string;
  /** ISO 8601. */
  readonly since?: string;
}

export interface AuditedProxy {
  readonly name: string;
  readonly kind: string;
  readonly source: string;
  readonly registry: string;
  readonly applied: boolean;
  /** ISO 8601: when it got the current login. */
  readonly appliedAt?: string;
  readonly verified: 'verified' | 'refused' | 'unknown';
  readonly why: string;
  readonly since?: string;
  /** URL of its configured probe. */
  readonly url?: string;
}

/** Secrets that a cache proxy made of its login, some of which hold another one. */
export interface AuditedDerived {
  readonly proxy: string;
  readonly source: string;
  readonly registry: string;
  /** One line: how many of what, and in which namespaces. */
  readonly line: string;
  /** The label selector that lists them. */
  readonly selector?: string;
}
