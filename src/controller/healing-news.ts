/** Tells what healing does and what it leaves alone: Events on pods, log lines, and how many pods there are. */
import type { Row } from '../healing/memory.ts';
import type { EventRecorder } from '../kube/events.ts';
import type { EventReason } from '../names.ts';
import { noteOfEviction, noteOfLeft } from '../plan/healing.ts';
import type { Judged, LeftReason } from '../plan/healing.ts';
import type { Metrics } from '../server/metrics.ts';
import type { TenantLog } from './tenant-log.ts';

export interface HealingNews {
  evicted(judged: Judged): void;
  /** Only `dry-run`: the others of the owner are not told one by one. */
  wouldEvict(judged: Judged, row: Row): void;
  left(judged: Judged, row: Row, reason: LeftReason, detail?: string): void;
  failed(judged: Judged, why: string, isNews: boolean): void;
  /** How the stuck pods of a namespace stand now; empty: it has none. */
  count(namespace: string, judged: readonly (readonly [Judged, Row])[]): void;
  /** Namespaces that had stuck pods when last looked at. */
  counted(): Iterable<string>;
  clear(): void;
}

export interface HealingNewsOptions {
  events: Pick<EventRecorder, 'record'>;
  tenantLog: Pick<TenantLog, 'line'>;
  metrics: Pick<Metrics, 'podEvictions' | 'stuckPods'>;
}

const WOULD = 'would be evicted';
/** By source, then by state. */
type Counts = Map<string, Record<'evict' | 'dry-run' | 'left', number>>;

export function createHealingNews({ events, tenantLog, metrics }: HealingNewsOptions): HealingNews {
  const counted = new Map<string, Counts>();

  function say({ pod, copy }: Judged, type: 'Normal' | 'Warning', reason: EventReason, note: string): void {
    const { namespace, name, uid } = pod;
    const regarding = { apiVersion: 'v1', kind: 'Pod', namespace, name, uid };
    events.record({ regarding, type, reason, action: 'Heal', note });
    tenantLog.line(type === 'Normal' ? 'info' : 'warn', namespace, { pod: name, source: copy.source, reason }, note);
  }

  function show(): void {
    metrics.stuckPods.reset();
    for (const each of counted.values())
      for (const [source, states] of each)
        for (const [state, pods] of Object.entries(states)) metrics.stuckPods.inc({ source, state }, pods);
  }

  return {
    evicted(judged) {
      metrics.podEvictions.inc({ source: judged.copy.source, result: 'evicted' });
      say(judged, 'Normal', 'PodEvicted', noteOfEviction(judged, 'evicted'));
    },
    wouldEvict(judged, row) {
      if (row.told === WOULD) return;
      row.told = WOULD;
      say(judged, 'Normal', 'PodWouldBeEvicted', noteOfEviction(judged, 'dry-run'));
    },
    left(judged, row, reason, detail) {
      const told = `left: ${reason} ${detail ?? ''}`;
      if (row.told === told) return;
      row.told = told;
      // An owner that is going takes its pods with it.
      if (reason !== 'owner is going') say(judged, 'Warning', 'PodNotEvicted', noteOfLeft(judged, reason, detail));
    },
    failed({ pod, copy }, why, isNews) {
      metrics.podEvictions.inc({ source: copy.source, result: 'failed' });
      tenantLog.line(
        isNews ? 'warn' : 'debug',
        pod.namespace,
        { pod: pod.name },
        `not evicted, and tried again: ${why}`,
      );
    },
    count(namespace, judged) {
      if (judged.length === 0 && !counted.delete(namespace)) return;
      const counts: Counts = new Map();
      for (const [{ to, copy }, { told = '' }] of judged) {
        const of = counts.get(copy.source) ?? { evict: 0, 'dry-run': 0, left: 0 };
        of[to === 'leave' || told.startsWith('left') || copy.mode === 'off' ? 'left' : copy.mode]++;
        counts.set(copy.source, of);
      }
      if (counts.size > 0) counted.set(namespace, counts);
      show();
    },
    counted: () => counted.keys(),
    clear() {
      counted.clear();
      show();
    },
  };
}
