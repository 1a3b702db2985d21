/** The audits of several clusters: a section each, and one line in the end. */
import type { Report } from '../audit/report/report.ts';
import { resultOf } from '../audit/report/result.ts';
import type { InContext } from './contexts.ts';
import { render } from './output.ts';
import type { Output } from './output.ts';

export interface Audited {
  readonly report: Report;
  readonly text: string;
  readonly exitCode: number;
}

/** Ends with a line break. The exit status is the worst one: a cluster that could not be audited counts as an error. */
export function renderAudits(all: readonly InContext<Audited>[], output: Output): { text: string; exitCode: number } {
  const contexts = Object.fromEntries(
    all.map((each) => [each.context, each.ok ? each.value.report : { error: each.why }]),
  );
  const data = { apiVersion: 'pullpass.dev/v1alpha1', kind: 'AuditReportList', contexts };
  const sections = all.map((each) => `== ${each.context}\n${each.ok ? each.value.text : `not audited: ${each.why}\n`}`);
  const last = all.map(
    (each) => `${each.context}: ${each.ok ? resultOf(each.value.report).headline : `not audited: ${each.why}`}\n`,
  );
  return {
    text: render(output, data, () => [...sections, `== ${all.length} clusters\n${last.join('')}`].join('\n')),
    exitCode: Math.max(...all.map((each) => (each.ok ? each.value.exitCode : each.exitCode))),
  };
}
