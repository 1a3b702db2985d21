/** What was left unsaid, because somebody's share was used up. */
import type { Families } from './families.ts';

export const createDropMetrics = ({ counter }: Families) => ({
  /** `reason`: DROP_REASONS */
  eventsDropped: counter('events_dropped_total', 'Events that were not written, by what stood against it.', ['reason']),
  logLinesDropped: counter('log_lines_dropped_total', 'Log lines about namespaces that had more than their share.'),
});
