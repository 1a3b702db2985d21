/** All data that the rules of an audit depend on. It holds no login, only registry keys and keyed digests. */
import type { HealingRow } from '../../healing/survey.ts';
import type { Confirmation } from '../../config/confirmation.ts';
import type { SourceConfig } from '../../config/schema.ts';
import type { Personal } from '../../credentials/personal-login.ts';
import type { Unusable } from '../../credentials/usable-login.ts';
import type { Maker } from '../../observe/pull-secrets.ts';
import type { ObservedScope, ObservedSource } from '../../plan/observed.ts';
import type { AuditedDerived, AuditedLogin, AuditedProxy } from './verdicts.ts';

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
  /** The namespaces of `--namespaces`: only these can be seen; undefined: the whole cluster. */
  readonly listed?: readonly string[];
  /** One per namespace, sorted by name. */
  readonly scopes: readonly ObservedScope[];
  /** In the order of the configuration. */
  readonly sources: readonly AuditedSource[];
  readonly workloads: readonly Workload[];
  /** Pod templates; undefined: not asked for. */
  readonly templates?: readonly Template[];
  /** Whether `workloads` holds every pod of `scopes`. */
  readonly podsSeen: boolean;
  /** Whether `scopes` hold every ServiceAccount of their namespaces; absent: no. */
  readonly accountsSeen?: boolean;
  /** Secrets that ServiceAccounts or pods name; one without an item here was not read. */
  readonly pullSecrets: PullSecrets;
  /** Every pull Secret, of any maker, sorted by namespace and name; undefined: Secrets were not listed. */
  readonly allPullSecrets?: readonly ListedSecret[];
  /** Who may read every Secret of the cluster; undefined: not read. */
  readonly secretReaders?: readonly SecretReader[];
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
  /** Pods that healing evicts, would evict or leaves alone; absent: no source heals, or it was not looked at. */
  readonly healing?: readonly HealingRow[];
  /** Of CRI-O; undefined: it was not looked for. */
  readonly crio?: AuditedCrio;
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
  /**
   * The content in force: what pods pull with, whatever the Secret holds now. During a rollout: what all carriers but the canaries
   * have. Undefined: there is none. Findings about pulls judge by it.
   */
  readonly content?: PullContent;
  /** The newer content that only canaries have, or get first; absent: no rollout is under way. */
  readonly next?: PullContent;
  /** What the Secret holds now, in force or not, with what is suspicious in it; absent: nothing can be read from it. */
  readonly written?: PullContent;
  /** By digest, as copies have it: the contents that carriers are to have now. */
  readonly contents: ReadonlyMap<string, PullContent>;
  /** Nothing of it was ever spread, and the controller has not taken it over yet: it may be trying the logins. */
  readonly fresh?: true;
  /** When the source Secret was last written, in milliseconds since 1970. */
  readonly changedAt?: number;
  /** When it was created, in milliseconds since 1970. */
  readonly createdAt?: number;
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
  /** Milliseconds since 1970, if anything says when it ends. */
  readonly expiresAt?: number;
  /** From its issue to its end, in milliseconds; absent: unknown. */
  readonly lifetimeMs?: number;
  /** What says so, if not the password or token itself: of a source, the annotation of its Secret, or its `maxAge`. */
  readonly endBy?: 'annotation' | 'maxAge';
  /** How it shows that the login is of a user of the registry, and not of a robot; absent: it does not show. */
  readonly personal?: Personal;
}

/** A pull Secret that was found by its type, whether anybody names it or not. */
export interface ListedSecret {
  readonly namespace: string;
  readonly name: string;
  readonly maker: Maker;
  readonly content: PullContent;
}

/** A subject of RBAC, and what it may do with every Secret of the cluster. */
export interface SecretReader {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  /** Of get, list and watch. */
  readonly verbs: readonly string[];
  /** ClusterRoles that give it, sorted. */
  readonly roles: readonly string[];
}

export type PullSecret =
  | {
      readonly state: 'read';
      readonly content: PullContent;
      /** Milliseconds since 1970; absent: unknown, or a copy. */
      readonly createdAt?: number;
      /** The platform that made it and renews it by itself. */
      readonly renewedBy?: 'OpenShift';
    }
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
  /** Images of init, ephemeral and normal containers, without duplicates; as their author wrote them, where that is known. */
  readonly images: readonly string[];
  readonly pods: number;
  /** Name of one of the pods. */
  readonly example: string;
  /** A static pod, made by a kubelet from a file: it has no ServiceAccount and no pull secrets. */
  readonly isStatic: boolean;
  /** What these pods fail to pull now, one per image; empty: no pull fails. */
  readonly failures: readonly PullFailure[];
  /** Those of `images` that kube-image-keeper v1 pulls for these pods: `images` has their original names. Absent: none. */
  readonly rewritten?: readonly string[];
}

/** What later pods of a workload will be made from. */
export interface Template extends Pick<Workload, 'namespace' | 'owner' | 'serviceAccount' | 'images'> {
  /** Its own `imagePullSecrets`; empty: its pods get those of their ServiceAccount. */
  readonly pullSecrets: readonly string[];
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

/** What decides whether copies serve CRI-O's mirrors. */
export interface AuditedCrio {
  /** How many nodes run it, of how many. */
  readonly crio: number;
  readonly all: number;
  /** ServiceAccounts of pods that may not list the Secrets of their namespace. */
  readonly cannotList: readonly CrioAccount[];
}

/** `sources`: those with aliases that select it. */
export interface CrioAccount {
  readonly namespace: string;
  readonly name: string;
  readonly sources: readonly string[];
}
