/** Reports the standing of cache proxies: log line, Event on the Secret of the source, metrics. */
import type { CacheProxyKind } from '../config/cache-proxies.ts';
import type { SourceConfig } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import type { EventRecorder } from '../kube/events.ts';
import type { Log } from '../log.ts';
import { stateOf, UNKNOWN_REASONS } from '../plan/proxy.ts';
import type { UnknownReason } from '../plan/proxy.ts';
import type { ConfiguredProxy } from '../proxies/kinds.ts';
import type { ProxyOutcome } from '../reconcile/proxy.ts';
import type { Metrics } from '../server/metrics.ts';

export interface ProxyTellers {
  log: Log;
  events: Pick<EventRecorder, 'record' | 'resolve'>;
  metrics: Pick<Metrics, 'proxyApplied' | 'proxyVerified' | 'proxyUnknown' | 'proxyDone'>;
}

interface ProxyNews {
  /** `told`: the problem that was reported last. Returns the present one. */
  tell(
    proxy: ConfiguredProxy,
    source: SourceConfig,
    outcome: ProxyOutcome,
    told: string | undefined,
  ): string | undefined;
  /** The cache proxy is no longer configured, or has another source. */
  forget(name: string, source: string): void;
}

const REASONS = ['ProxyNotApplied', 'ProxyLoginRefused', 'ProxyNotVerified', 'WriteUndone'] as const;
const labelOf = (reason: UnknownReason): string => reason.replaceAll(' ', '-');
const VERDICTS = ['verified', 'refused', 'unknown'] as const;

export function createProxyNews({ log, events, metrics }: ProxyTellers): ProxyNews {
  return {
    tell({ config, adapter: { consumer } }, source, outcome, told) {
      const { applied, done, changed, withdrawn, verified, problem, error } = outcome;
      const labels = { proxy: config.name, source: source.name };
      metrics.proxyApplied.set(labels, applied ? 1 : 0);
      metrics.proxyDone.set(labels, done ? 1 : 0);
      for (const state of VERDICTS) metrics.proxyVerified.set({ ...labels, state }, verified.state === state ? 1 : 0);
      for (const reason of UNKNOWN_REASONS)
        metrics.proxyUnknown.set({ ...labels, reason: labelOf(reason) }, verified.reason === reason ? 1 : 0);

      const about: { proxy: string; kind: CacheProxyKind; source: string } = { ...labels, kind: config.kind };
      const name = `cache proxy ${config.name}`;
      const regarding = { apiVersion: 'v1', kind: 'Secret', ...source.secret };
      // A contest is told once, not at each write.
      if (changed && problem?.reason !== 'WriteUndone') log.info(about, `${name}: login forwarded`);
      if (withdrawn === true) log.info(about, `${name}: ${consumer?.object} names its copy no longer`);
      const note = problem && `Cache proxy ${config.name}: ${problem.note}`;
      // By its note: other cache proxies have their problems on the same Secret.
      if (told !== undefined && told !== note) for (const reason of REASONS) events.resolve(regarding, reason, told);
      if (problem !== undefined && note !== undefined) {
        events.record({ regarding, type: 'Warning', reason: problem.reason, action: 'Forward', note });
        if (told !== note) log.warn({ ...about, reason: problem.reason }, note);
        return note;
      }
      if (told !== undefined && applied) log.info(about, `${name}: applied; ${stateOf(verified)}`);
      if (error !== undefined) log.warn(about, `${name}: ${messageOf(error)}`);
      return undefined;
    },
    forget(proxy, source) {
      metrics.proxyApplied.remove({ proxy, source });
      metrics.proxyDone.remove({ proxy, source });
      for (const state of VERDICTS) metrics.proxyVerified.remove({ proxy, source, state });
      for (const reason of UNKNOWN_REASONS) metrics.proxyUnknown.remove({ proxy, source, reason: labelOf(reason) });
    },
  };
}
