/** Metrics of the last audit; no series before the first one. */
import type { Families } from './families.ts';

/** An audit that ended well. */
interface AuditResult {
  /** All rules: a rule without findings is exposed as 0. */
  readonly rules: Iterable<{ readonly id: string; readonly severity: string }>;
  readonly findings: Iterable<{ readonly rule: string; readonly severity: string }>;
  /** How many things the audit could not see. */
  readonly gaps: number;
  /** How long the audit took. */
  readonly seconds: number;
}

/** `now`: milliseconds since 1970. */
export function createAuditMetrics({ gauge, counter }: Families, now: () => number) {
  const findings = gauge('findings', 'Findings of the last audit by rule; 0 where a rule found nothing.', [
    'rule',
    'severity',
  ]);
  const ofTheLastAudit = {
    timestamp: gauge(
      'audit_last_success_timestamp_seconds',
      'When the last audit that ended well ended, in seconds since 1970.',
    ),
    duration: gauge('audit_last_success_duration_seconds', 'How long the last audit that ended well took.'),
    success: gauge('audit_last_run_successful', '1 if the last audit ended well, 0 if it failed.'),
    gaps: gauge('audit_gaps', 'How many things the last audit could not see, for want of a right or an answer.'),
  };
  function forgetAudit(): void {
    findings.reset();
    // A gauge without labels starts at 0, which would mean an audit in 1970.
    for (const metric of Object.values(ofTheLastAudit)) metric.remove({});
  }
  forgetAudit();
  const auditFailures = counter('audit_failures_total', 'Audits that ended with an error.');

  return {
    /** An audit ended with an error. The values of the last good one stay, except `audit_last_run_successful`. */
    auditFailures: {
      inc(): void {
        auditFailures.inc();
        ofTheLastAudit.success.set(0);
      },
    },
    /** An audit ended well, just now. */
    recordAudit(audit: AuditResult): void {
      findings.reset();
      for (const { id, severity } of audit.rules) findings.set({ rule: id, severity }, 0);
      for (const { rule, severity } of audit.findings) findings.inc({ rule, severity });
      ofTheLastAudit.timestamp.set(now() / 1000);
      ofTheLastAudit.duration.set(audit.seconds);
      ofTheLastAudit.gaps.set(audit.gaps);
      ofTheLastAudit.success.set(1);
    },
    /** There are no audits any more: the last values would become stale. */
    forgetAudit,
  };
}
