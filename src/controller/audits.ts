/** The controller's own audits, on schedule and for the page. They use what it watches, and only one runs at a time. */
import { monotonic, wall } from '../clock.ts';
import { reportSteps } from '../audit/report/create.ts';
import { knownTo } from '../audit/observe/known.ts';
import type { Observation } from '../audit/observe/observation.ts';
import { observe } from '../audit/observe/observe.ts';
import { resultOf } from '../audit/report/result.ts';
import type { Report } from '../audit/report/report.ts';
import { RULES } from '../audit/rules/all.ts';
import type { Configuration } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import { aborted, within } from '../async/sleep.ts';
import type { Log } from '../log.ts';
import { MANAGER } from '../names.ts';
import { peekState, snapshotOf } from '../sources/snapshot.ts';
import type { State } from '../observe/state.ts';
import type { World } from '../observe/world.ts';
import type { Metrics } from '../server/metrics.ts';
import { createTurns } from '../async/fair.ts';
import { inTurns } from '../async/steps.ts';
import type { Turn } from '../async/steps.ts';
import type { Watches } from './watches.ts';
import type { ReportPublisher } from './publish-report.ts';

export interface Audits {
  /** A scheduled audit: log line, metrics, report object. Only the leader does it; a failure is logged. */
  scheduled(): Promise<void>;
  /** For the page: the last report if it is not older than `maxAgeMs`, else a new one. Throws what an audit throws. */
  recent(maxAgeMs: number): Promise<Report>;
}

export interface AuditsOptions {
  client: KubeClient;
  world: World;
  state: State;
  watches: Pick<Watches, 'isRead' | 'isSynced' | 'unread' | 'problems'>;
  configuration: () => Configuration;
  /** Where the controller runs. */
  namespace: string;
  leading: () => boolean;
  /** The term as leader: the report object is written only in it. */
  term: () => AbortSignal;
  /** Resolves when no work is left: what the controller is about to correct should not become a finding. */
  idle: () => Promise<void>;
  /** How long a scheduled audit waits for `idle`, in milliseconds; {@link PATIENCE_MS} unless given. */
  patienceMs?: number;
  publisher: ReportPublisher;
  log: Log;
  metrics: Pick<Metrics, 'recordAudit' | 'auditFailures'>;
  stop: AbortSignal;
  /** Milliseconds since 1970, and of a clock that never goes back. */
  now?: () => number;
  ticks?: () => number;
}

/** A rotation through thousands of namespaces is faster. A slower one should become a finding. */
const PATIENCE_MS = 2 * 60_000;
const MOST_TRIES = 3;

export function createAudits({
  client,
  world,
  state,
  watches,
  configuration,
  namespace,
  leading,
  term,
  idle,
  patienceMs = PATIENCE_MS,
  publisher,
  log,
  metrics,
  stop,
  now = wall,
  ticks = monotonic,
}: AuditsOptions): Audits {
  let last: { readonly at: number; readonly report: Report; readonly of: Configuration } | undefined;
  let running: Promise<Report> | undefined;

  /** A call during an audit gets the report of that audit. */
  function audit(): Promise<Report> {
    running ??= look().finally(() => {
      running = undefined;
    });
    return running;
  }

  /** The world changes between the turns: what was observed while the configuration or a source changed is observed again. */
  async function observeSteadily(turn: Turn): Promise<{ config: Configuration; observation: Observation }> {
    for (let tries = 1; ; tries++) {
      const config = configuration();
      const versions = sourceVersions(world);
      // The leader has the newest state in memory. Other replicas read it from the Secret that the leader writes.
      const memory = leading() ? { state, remembered: true } : await peekState(client, namespace, stop);
      const { isRead, isSynced } = watches;
      const snapshot = await snapshotOf({ client, world, configuration: config, ...memory, isRead, isSynced, turn });
      const observation = await observe({
        client,
        configuration: config,
        listed: world.listed,
        signal: stop,
        now,
        controller: { namespace, name: MANAGER },
        watched: { ...snapshot, refused: watches.unread() },
        turn,
        known: () => knownTo({ client, configuration: config, snapshot, mayAsk: false }),
      });
      const isSteady = configuration() === config && sourceVersions(world) === versions;
      if (isSteady || tries === MOST_TRIES) return { config, observation };
    }
  }

  async function look(): Promise<Report> {
    const startedAt = ticks();
    // Work in turns: lease renewals and probes must not wait until thousands of namespaces are audited.
    const turn = createTurns();
    const { config, observation } = await observeSteadily(turn);
    const report = await inTurns(reportSteps(observation), turn);
    // The age of a report counts from the start of its audit.
    last = { at: startedAt, report, of: config };
    if (leading())
      metrics.recordAudit({
        rules: RULES,
        findings: report.findings,
        gaps: report.couldNotSee.length,
        seconds: (ticks() - startedAt) / 1000,
      });
    return report;
  }

  return {
    async scheduled() {
      const mayAudit = (): boolean =>
        leading() && configuration().schedules.audit !== undefined && watches.problems().length === 0;
      if (!mayAudit()) return;
      await within(patienceMs, Promise.race([idle(), aborted(stop)]));
      if (!mayAudit() || stop.aborted) return;
      try {
        const report = await audit();
        // No longer the leader: the new leader reports.
        if (!leading()) return;
        const { level, headline } = resultOf(report);
        log[level === 'ok' ? 'info' : 'warn'](
          { ...report.summary, rules: rulesOf(report), couldNotSee: report.couldNotSee.length },
          `audit: ${headline}`,
        );
        if (configuration().audit.reportObject) await publisher.publish(report, term());
      } catch (error) {
        if (stop.aborted || !leading()) return;
        metrics.auditFailures.inc();
        log.error(`audit: failed: ${messageOf(error)}`);
      }
    },
    async recent(maxAgeMs) {
      // A report for an earlier configuration can name sources that no longer exist.
      if (last !== undefined && last.of === configuration() && ticks() - last.at <= maxAgeMs) return last.report;
      return audit();
    },
  };
}

/** How often each rule found something. */
function rulesOf({ findings }: Report): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { rule } of findings) counts[rule] = (counts[rule] ?? 0) + 1;
  return counts;
}

/** Another text after each change of a Secret of a source. */
function sourceVersions(world: World): string {
  const stores = [...world.secrets].map(([ref, store]) => [
    ref,
    ...[...store.all()].map((each) => each.resourceVersion),
  ]);
  return JSON.stringify(stores);
}
