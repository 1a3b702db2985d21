/** Tells what became of the sources: a log line, an Event on the source Secret, and the metrics. */
import type { EventRecorder } from '../kube/events.ts';
import type { Log } from '../log.ts';
import type { SourceConfig } from '../config/schema.ts';
import type { ObservedSource } from '../plan/observed.ts';
import type { SourceChange } from '../reconcile/sources.ts';
import type { Metrics } from '../server/metrics.ts';

export interface Tellers {
  log: Log;
  metrics: Pick<Metrics, 'sourceValid' | 'sourceChanged'>;
  /** undefined on a replica that does not lead: two replicas would say the same. */
  events: Pick<EventRecorder, 'record' | 'resolve'> | undefined;
}

export function announceSources(changes: readonly SourceChange[], { log, metrics, events }: Tellers): void {
  for (const change of changes) {
    const { name, secret } = change.source;
    const about = { source: name, secret: `${secret.namespace}/${secret.name}` };
    metrics.sourceValid.set({ source: name }, change.type === 'refused' ? 0 : 1);
    switch (change.type) {
      case 'accepted':
        metrics.sourceChanged.set({ source: name }, Date.now() / 1000);
        log.info({ ...about, registries: change.registries }, change.first ? 'source read' : 'source changed: spreading the new content');
        for (const warning of change.warnings) log.warn(about, warning);
        events?.resolve(regarding(change.source), 'SourceInvalid');
        if (!change.first) events?.record({ regarding: regarding(change.source), type: 'Normal', reason: 'SourceAccepted', action: 'Rotate', note: `New content accepted, spreading it: ${change.registries.join(', ')}` });
        break;
      case 'refused': {
        const consequence = consequenceOf(change.hasLastGood);
        for (const problem of change.problems) log.warn(about, `source refused: ${problem}. ${consequence}`);
        events?.record(invalid(change.source, change.problems, change.hasLastGood));
        break;
      }
      case 'recovered':
        log.info(about, 'source is good again, its content is the one in force');
        events?.resolve(regarding(change.source), 'SourceInvalid');
    }
  }
}

/** Says again what is still wrong: a new leader has not said it yet, and Events are kept for an hour only. */
export function remindOfSources(sources: readonly ObservedSource[], events: Pick<EventRecorder, 'record'>): void {
  for (const { config, problems, digest } of sources) if (problems.length > 0) events.record(invalid(config, problems, digest !== undefined));
}

function invalid(source: SourceConfig, problems: readonly string[], hasLastGood: boolean) {
  return { regarding: regarding(source), type: 'Warning' as const, reason: 'SourceInvalid' as const, action: 'ReadSource', note: `${problems.join('; ')}. ${consequenceOf(hasLastGood)}` };
}

const consequenceOf = (hasLastGood: boolean): string => (hasLastGood ? 'The last good content stays in force.' : 'Nothing is copied until it is mended.');

/** Without a uid: the Secret may not exist, and its Event is looked for by name all the same. */
function regarding({ secret }: SourceConfig) {
  return { apiVersion: 'v1', kind: 'Secret', namespace: secret.namespace, name: secret.name };
}
