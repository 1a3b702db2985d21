/** The shapes of findings and rules. */
import type { Steps } from '../../async/steps.ts';
import type { Facts } from '../facts/facts.ts';

export const SEVERITIES = ['error', 'warning', 'info'] as const;
/** error: pulls fail or will fail; warning: something is wrong; info: good to know, no need to act. */
export type Severity = (typeof SEVERITIES)[number];

/** `PP` and three digits. Stable: a number is never reused for another rule. */
export type RuleId = `PP${number}`;

/** The object of a finding. `kind`: a Kubernetes kind, or Source, CacheProxy, Registry, Configuration. */
export interface FindingObject {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

export interface Finding {
  readonly rule: RuleId;
  readonly severity: Severity;
  readonly object: FindingObject;
  /** Distinguishes findings of one rule on one object: a source, an image, a registry key. */
  readonly about?: string;
  /** One line: what is wrong. Texts of tenants and registries are quoted, cut, and without control characters. */
  readonly message: string;
  /** One line: what to do. */
  readonly remedy: string;
}

/** What a rule returns for one object; the rule supplies the rest of the finding. */
export type Hit = Pick<Finding, 'object' | 'message'> & Partial<Pick<Finding, 'about' | 'remedy'>>;

export interface Rule {
  readonly id: RuleId;
  /** In kebab case; easier to read than the id. */
  readonly name: string;
  /** The group of the rule in dashboards. */
  readonly category: 'Copies and references' | 'Pulls' | 'Credentials' | 'Cache proxies' | 'Sources' | 'Controller';
  readonly severity: Severity;
  /** A few words, without a full stop. */
  readonly title: string;
  readonly cause: string;
  /** What to do in general; a hit can be more specific. */
  readonly remedy: string;
  /** Pure; in steps if it reads every pod or ServiceAccount. */
  readonly check: (facts: Facts) => Hit[] | Steps<Hit[]>;
}
