/** Everything that an audit's rules may depend on, as data. No credential is in here, only keys and digests of logins. */
import type { Confirmation } from '../../config/confirmation.ts';
import type { SourceConfig } from '../../config/schema.ts';
import type { Unusable } from '../../credentials/usable-login.ts';
import type { ObservedScope, ObservedSource } from '../../plan/observed.ts';

export interface Observation {
  /** URL of the API server. */
  readonly server: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** false: audited without a configuration; rules about sources then have nothing to say. */
  readonly configured: boolean;
  /** Whether the configuration says `paused: true`. */
  readonly paused?: boolean;
  /** What lets a large removal through; undefined: not to be judged. */
  readonly confirmation?: Confirmation;
  /** The namespaces that were asked for; undefined: all. */
  readonly only?: readonly string[];
  /** One a namespace, sorted by name. */
  readonly scopes: readonly ObservedScope[];
  /** In the order of the configuration. */
  readonly sources: readonly AuditedSource[];
  readonly workloads: readonly Workload[];
  /** Whether `workloads` holds every pod of `scopes`. */
  readonly podsSeen: boolean;
  /** Those that ServiceAccounts or pods name; one that is not there was not seen. */
  readonly pullSecrets: PullSecrets;
  /** Secrets that carry our label under a name that the configuration does not have. */
  readonly strayCopies: readonly StrayCopy[];
  /** Rules on Secrets that the controller's ServiceAccount is given; undefined: not looked at. */
  readonly grants?: readonly SecretGrant[];
  /** The controller's Lease; undefined where there is none, or it was not looked at. `renewedAt`: milliseconds since 1970. */
  readonly lease?: {
    readonly namespace: string;
    /** Empty: nobody. */ readonly holder: string;
    readonly renewedAt?: number;
  };
  /** What became of trying credentials at their registries. */
  readonly registries?: readonly AuditedLogin[];
  readonly proxies?: readonly AuditedProxy[];
  /** New contents of sources that are kept back because a registry refused them. */
  readonly heldBack?: readonly { readonly source: string; readonly why: string; readonly since?: string }[];
  /** One line each: what this audit says nothing about, and why. */
  readonly couldNotSee: readonly string[];
}

export interface AuditedSource {
  readonly config: SourceConfig;
  readonly observed: ObservedSource;
  /** `unread`: not allowed to look. */
  readonly state: 'good' | 'missing' | 'invalid' | 'unread';
  /** What a copy of it holds; undefined while there is nothing good. */
  readonly content?: PullContent;
  /** When the source Secret was last written, in milliseconds since 1970. */
  readonly changedAt?: number;
}

/** What a kubelet reads from one Secret. Secrets with the same content share one value. */
export interface PullContent {
  /** Keyed digest: equal for equal contents, in this audit only. */
  readonly id: string;
  readonly entries: readonly PullEntry[];
  /** What is odd about it, one line each. */
  readonly warnings: readonly string[];
  /** Why nothing can be read from it. `breaksPulls`: every pull of a pod that names it fails. */
  readonly problem?: { readonly text: string; readonly breaksPulls: boolean };
}

/** One registry key, without its login. */
export interface PullEntry {
  readonly key: string;
  /** Keyed digest of the login: tells two apart, says nothing about either. */
  readonly login: string;
  /** Why kubelets have no usable login in it: it covers no image. Absent: they have. */
  readonly unusable?: Unusable;
  /** Milliseconds since 1970, where the password or token says it (JWT `exp`). */
  readonly expiresAt?: number;
}

export type PullSecret =
  | { readonly state: 'read'; readonly content: PullContent }
  | { readonly state: 'missing' }
  | { readonly state: 'unseen' };

/** Pods that are alike in all that matters here: same owner, ServiceAccount, pull secrets, images, and images that fail. */
export interface Workload {
  readonly namespace: string;
  /** What made the pods, as far as it can be told from them: a Deployment rather than its ReplicaSet; `Pod` for a bare one. */
  readonly owner: { readonly kind: string; readonly name: string };
  readonly serviceAccount: string;
  /** Names on the pods: what kubelets use, whatever the ServiceAccount says by now. */
  readonly pullSecrets: readonly string[];
  /** Of init, ephemeral and normal containers, each once. */
  readonly images: readonly string[];
  readonly pods: number;
  /** Name of one of them. */
  readonly example: string;
  /** Made by a kubelet from a file: no ServiceAccount and no pull secret applies. */
  readonly isStatic: boolean;
  /** What all of these pods fail to pull now, one an image; empty: nothing. */
  readonly failures: readonly PullFailure[];
}

export interface PullFailure {
  readonly image: string;
  readonly container: string;
  readonly containerKind: 'container' | 'init container' | 'ephemeral container';
  /** The kubelet's word, such as ErrImagePull. */
  readonly reason: string;
  /** The kubelet's text, one line, bounded, URLs without logins and queries. May be empty. */
  readonly message: string;
}

/** By namespace and name. */
export type PullSecrets = ReadonlyMap<string, ReadonlyMap<string, PullSecret>>;

export interface StrayCopy {
  readonly namespace: string;
  readonly name: string;
  readonly source: string;
}

/** One RBAC rule about Secrets, and what binds it to the controller. */
export interface SecretGrant {
  /** Where the rule is; the ServiceAccount itself where only the answer of the server is known. */
  readonly role: { readonly kind: string; readonly namespace?: string; readonly name: string };
  /** undefined: in all namespaces. */
  readonly namespace?: string;
  readonly verbs: readonly string[];
  /** Empty: every Secret. */
  readonly names: readonly string[];
}

export interface AuditedLogin {
  readonly source: string;
  readonly key: string;
  readonly state: 'accepted' | 'refused' | 'unknown';
  /** One line, no credential. */
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
  /** ISO 8601: when it was given the login that it has. */
  readonly appliedAt?: string;
  readonly verified: 'verified' | 'refused' | 'unknown';
  readonly why: string;
  readonly since?: string;
  /** Where pods reach it, as configured in its probe. */
  readonly url?: string;
}
