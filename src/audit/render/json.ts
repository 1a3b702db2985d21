/** `-o json`: the report as it is, in the shape of `Report`. */
import type { Report } from '../report/report.ts';

/** Ends with a line break. */
export function renderJson(report: Report): string {
  return `${JSON.stringify(report, undefined, 2)}\n`;
}
