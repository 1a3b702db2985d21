/** What is known of logins and cache proxies beyond the objects that were read: mostly, what the controller saved. */
import type { UnknownReason } from '../../plan/proxy.ts';

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
  readonly reason?: UnknownReason;
  /** Whether it needs the login before no longer: it has settled and, with a probe, it is proven. */
  readonly done: boolean;
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
