/** Renders a report in each text format. */
import { stringify } from 'yaml';
import type { Report } from '../report/report.ts';
import type { TextOutput } from './formats.ts';
import { renderHtml } from './html.ts';
import { renderJson } from './json.ts';
import { renderMarkdown } from './markdown.ts';
import { renderSarif } from './sarif.ts';
import { renderTable } from './table.ts';

export interface RenderOptions {
  readonly output: TextOutput;
  readonly color: boolean;
  readonly width?: number | undefined;
  /** Version of Pullpass, for SARIF and the page. */
  readonly version?: string | undefined;
}

/** Ends with a line break. */
export function renderReport(report: Report, { output, color, width, version }: RenderOptions): string {
  switch (output) {
    case 'table':
      return renderTable(report, { color, width });
    case 'json':
      return renderJson(report);
    case 'yaml':
      return stringify(report);
    case 'markdown':
      return renderMarkdown(report);
    case 'sarif':
      return renderSarif(report, version);
    case 'html':
      return renderHtml(report, version === undefined ? {} : { version });
  }
}
