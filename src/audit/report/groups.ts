/** Groups findings for people: by severity, then by rule. */
import { SEVERITIES } from '../rules/rule.ts';
import type { Finding, Severity } from '../rules/rule.ts';
import type { Report } from './report.ts';

export interface RuleGroup {
  readonly rule: Report['rules'][number];
  readonly findings: readonly Finding[];
  /** What to do about all of them; absent if it differs. */
  readonly remedy?: string;
}

export const HEADINGS: Readonly<Record<Severity, string>> = { error: 'Errors', warning: 'Warnings', info: 'Notes' };

/** Severities without findings are left out. */
export function grouped({ findings, rules }: Report): { severity: Severity; count: number; groups: RuleGroup[] }[] {
  const byRule = new Map<string, Finding[]>();
  for (const finding of findings) {
    const group = byRule.get(finding.rule);
    if (group === undefined) byRule.set(finding.rule, [finding]);
    else group.push(finding);
  }
  return SEVERITIES.flatMap((severity) => {
    const groups = rules
      .filter((rule) => rule.severity === severity)
      .map((rule) => groupOf(rule, byRule.get(rule.id) ?? []));
    const count = groups.reduce((sum, group) => sum + group.findings.length, 0);
    return count === 0 ? [] : [{ severity, count, groups }];
  });
}

function groupOf(rule: RuleGroup['rule'], findings: readonly Finding[]): RuleGroup {
  const remedy = findings[0]?.remedy;
  return {
    rule,
    findings,
    ...(remedy !== undefined && findings.every((each) => each.remedy === remedy) && { remedy }),
  };
}
