/** `/report`: the audit as a page, at most a few minutes old. Many visitors start no more than one audit at a time. */
import { createTurns } from '../async/fair.ts';
import { inTurns } from '../async/steps.ts';
import type { Report } from '../audit/report/report.ts';
import { messageOf } from '../errors.ts';
import { text } from '../server/listener.ts';
import type { Page } from '../server/listener.ts';
import type { Audits } from './audits.ts';

/** A visitor gets a report up to this age, in milliseconds, without a new audit: this limits the load on the API server. */
const MAX_AGE_MS = 5 * 60_000;

export interface ReportPageOptions {
  audits: Pick<Audits, 'recent'>;
  /** Whether the configuration has an audit schedule: without one, the controller has no right to list pods. */
  enabled: () => boolean;
  /** Why this replica is not in sync with the API server, one line each. */
  problems: () => readonly string[];
  version: string | undefined;
  /** {@link MAX_AGE_MS} unless given. */
  maxAgeMs?: number | undefined;
}

export function createReportPage({
  audits,
  enabled,
  problems,
  version,
  maxAgeMs = MAX_AGE_MS,
}: ReportPageOptions): () => Promise<Page> {
  let shown: { readonly report: Report; readonly html: Promise<string> } | undefined;
  return async () => {
    if (!enabled())
      return text(
        404,
        'no audits here: set schedules.audit in the configuration, and apply the output of `pullpass rbac`',
      );
    const missing = problems();
    if (missing.length > 0) return text(503, `not in step with the API server yet: ${missing.join('; ')}`, RETRY);
    try {
      // The page, with its style and script, is not loaded before somebody looks at it.
      const { CONTENT_SECURITY_POLICY, htmlSteps } = await import('../audit/render/html.ts');
      const report = await audits.recent(maxAgeMs);
      if (shown?.report !== report)
        shown = { report, html: inTurns(htmlSteps(report, version === undefined ? {} : { version }), createTurns()) };
      return {
        contentType: 'text/html; charset=utf-8',
        body: await shown.html,
        headers: {
          'content-security-policy': CONTENT_SECURITY_POLICY,
          'referrer-policy': 'no-referrer',
          'x-frame-options': 'DENY',
        },
      };
    } catch (error) {
      shown = undefined;
      return text(503, `the audit failed: ${messageOf(error)}`, RETRY);
    }
  };
}

const RETRY = { 'retry-after': '10' };
