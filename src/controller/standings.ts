/** Gauges of copies and references, computed at each scrape. */
import type { COPY_STATES } from '../server/leader-metrics.ts';
import type { Metrics } from '../server/metrics.ts';
import type { SourceStanding } from '../plan/namespace-plan.ts';

/** `sources`: the configured ones; each gets gauges. */
export function publishStandings(
  sources: readonly string[],
  namespaces: Iterable<readonly SourceStanding[]>,
  metrics: Pick<Metrics, 'copies' | 'references'>,
): void {
  const copies = new Map<string, Record<(typeof COPY_STATES)[number], number>>();
  const references = new Map<string, { present: number; missing: number }>();
  for (const source of sources) {
    copies.set(source, { 'in-sync': 0, stale: 0, missing: 0, foreign: 0, blocked: 0, waiting: 0 });
    references.set(source, { present: 0, missing: 0 });
  }
  for (const standings of namespaces) {
    for (const { source, choice, copy, accounts } of standings) {
      const counts = copies.get(source);
      const refs = references.get(source);
      // A standing from an earlier configuration can name a source that is no longer configured.
      if (counts === undefined || refs === undefined || !choice.in) continue;
      if (copy === 'in sync') counts['in-sync']++;
      else if (copy === 'stale' || copy === 'foreign' || copy === 'blocked') counts[copy]++;
      // Nothing that is only pending counts as absent.
      else if (copy === 'unavailable' || copy === 'terminating') counts.waiting++;
      else if (copy !== 'source') counts.missing++;
      refs.present += accounts.referenced;
      refs.missing += accounts.selected - accounts.referenced;
    }
  }
  for (const [source, counts] of copies)
    for (const [state, count] of Object.entries(counts)) metrics.copies.set({ source, state }, count);
  for (const [source, counts] of references)
    for (const [state, count] of Object.entries(counts)) metrics.references.set({ source, state }, count);
}
