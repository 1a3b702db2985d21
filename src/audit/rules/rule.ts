/** What an audit says, and the shape of the rules that say it. */
import type { Steps } from '../../async/steps.ts';
import type { Facts } from '../facts/facts.ts';

export const SEVERITIES = ['error', 'warning', 'info'] as const;
/** error: pulls fail or will; warning: something is not as it should be; info: worth knowing, nothing to alarm anybody. */
export type Severity = (typeof SEVERITIES)[number];

/** `PP` and three digits: stable for ever, a number is never given to another rule. */
export type RuleId = `PP${number}`;

/** What a finding is about. `kind`: a Kubernetes kind, or one of ours: Source, CacheProxy, Registry, Configuration. */
export interface FindingObject {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

export interface Finding {
  readonly rule: RuleId;
  readonly severity: Severity;
  readonly object: FindingObject;
  /** Tells findings of one rule on one object apart: a source, an image, a registry key. */
  readonly about?: string;
  /** One line: what is wrong. What tenants and registries wrote is quoted in it, cut, and without control characters. */
  readonly message: string;
  /** One line: what to do. */
  readonly remedy: string;
}

/** A rule's own words about one object; the rest is filled in from the rule. */
export type Hit = Pick<Finding, 'object' | 'message'> & Partial<Pick<Finding, 'about' | 'remedy'>>;

export interface Rule {
  readonly id: RuleId;
  /** In kebab case, for people who read ids badly. */
  readonly name: string;
  /** For dashboards. */
  readonly category: 'Copies and references' | 'Pulls' | 'Credentials' | 'Cache proxies' | 'Sources' | 'Controller';
  readonly severity: Severity;
  /** A few words, without a full stop. */
  readonly title: string;
  readonly cause: string;
  /** What to do in general; a hit may know better. */
  readonly remedy: string;
  /** Pure; in steps where it looks at every pod or ServiceAccount. */
  readonly check: (facts: Facts) => Hit[] | Steps<Hit[]>;
}
