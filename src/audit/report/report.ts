/** The report: what every output prints and the page shows. Fields are only ever added. It holds names, never a login. */
import type { CopyState } from '../../plan/copy.ts';
import type { Choice } from '../../plan/selection.ts';
import type { RegistryCoverage } from '../facts/coverage.ts';
import type { Finding, Rule, Severity } from '../rules/rule.ts';
import type { AuditedLogin, AuditedProxy } from '../observe/verdicts.ts';

export const REPORT_API_VERSION = 'pullpass.dev/v1alpha1';
export const REPORT_KIND = 'AuditReport';

export interface Report {
  readonly apiVersion: typeof REPORT_API_VERSION;
  readonly kind: typeof REPORT_KIND;
  /** ISO 8601, UTC. */
  readonly generatedAt: string;
  readonly cluster: {
    /** `host:port` of the API server. */
    readonly server: string;
  };
  /** Whether there was a configuration; without one the report says nothing about sources, copies and opt-ins. */
  readonly configured: boolean;
  /** Names of the requested namespaces; absent: all. */
  readonly only?: readonly string[];
  /** The namespaces of `--namespaces`; absent: the whole cluster was looked at. */
  readonly listed?: readonly string[];
  readonly summary: Summary;
  /** Sorted by name. */
  readonly namespaces: readonly NamespaceReport[];
  /** In the order of the configuration. */
  readonly sources: readonly SourceReport[];
  /** Sorted, most pods first. */
  readonly registries: readonly RegistryCoverage[];
  readonly proxies: readonly AuditedProxy[];
  /** Sorted: errors first, then by rule, namespace and name. */
  readonly findings: readonly Finding[];
  /** The rules that `findings` name. */
  readonly rules: readonly Omit<Rule, 'category' | 'check'>[];
  /** What could not be read, so that the report says nothing about it, and why: one line each. */
  readonly couldNotSee: readonly string[];
}

export interface Summary {
  readonly findings: Readonly<Record<Severity, number>>;
  readonly namespaces: number;
  readonly optedIn: number;
  /** Copies in opted-in namespaces. */
  readonly copies: { readonly inSync: number; readonly outOfSync: number };
  readonly serviceAccounts: { readonly selected: number; readonly referenced: number };
  readonly pods: number;
  readonly podsFailing: number;
  readonly images: number;
  readonly registries: number;
}

export interface NamespaceReport {
  readonly name: string;
  /** To at least one source. */
  readonly optedIn: boolean;
  /** `enabled`, `default`, `not opted in`, `disabled`, `denied`, ... */
  readonly why: Choice['why'] | 'no configuration' | 'being deleted';
  readonly sources: readonly {
    readonly source: string;
    readonly copyName: string;
    readonly optedIn: boolean;
    readonly why: Choice['why'];
    readonly copy: CopyState;
    readonly serviceAccounts: { readonly selected: number; readonly referenced: number };
  }[];
  /** ServiceAccounts that should reference a copy, or do; only copies for which the namespace is opted in. */
  readonly serviceAccounts: readonly {
    readonly name: string;
    readonly wanted: readonly string[];
    readonly missing: readonly string[];
    readonly pullSecrets: readonly string[];
  }[];
  readonly pods: number;
  readonly podsFailing: number;
  readonly findings: Readonly<Record<Severity, number>>;
}

export interface SourceReport {
  readonly name: string;
  /** `namespace/name`. */
  readonly secret: string;
  readonly copyName: string;
  readonly state: 'good' | 'missing' | 'invalid' | 'unread' | 'held back';
  /** Why all or a part of its newest content is not in force. */
  readonly problems: readonly string[];
  readonly registries: readonly {
    readonly key: string;
    readonly state: AuditedLogin['state'] | 'untried';
    readonly why?: string;
    readonly since?: string;
    /** ISO 8601. */
    readonly expiresAt?: string;
    /** It is about to end, by how long it lasts (PP041). */
    readonly endsSoon?: boolean;
    /** Whether an image of a pod, an alias or a cache proxy needs it; absent: unknown. */
    readonly used?: boolean;
  }[];
  /** Copies in opted-in namespaces by standing; `orphaned`: copies that no namespace asks for any more. */
  readonly copies: {
    readonly inSync: number;
    readonly stale: number;
    readonly missing: number;
    readonly foreign: number;
    readonly other: number;
    readonly orphaned: number;
  };
  /** `complete`: every copy and every cache proxy carries what the Secret holds now; false while there is nothing to carry. */
  readonly rotation: {
    readonly complete: boolean;
    readonly stale: number;
    readonly copiesDone: number;
    readonly copies: number;
    readonly proxiesDone: number;
    readonly proxies: number;
    /** How the newest content spread, oldest first, as far as it is known. */
    readonly timeline: readonly TimelineEntry[];
  };
}

/** One step of a rotation. */
export interface TimelineEntry {
  /** ISO 8601, UTC. */
  readonly at: string;
  /** `copies`: some copies got the content. Each other event happens once per name. */
  readonly event: 'source changed' | 'login accepted' | 'copies' | 'proxy given' | 'proxy verified';
  /** Registry key or cache proxy. */
  readonly name?: string;
  /** With `copies`: how many copies had the content by then. */
  readonly copies?: number;
}
