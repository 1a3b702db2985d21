/** Reports changes of sources: a log line, and an Event on the source Secret. */
import type { EventRecorder } from '../kube/events.ts';
import type { Log } from '../log.ts';
import type { SourceConfig } from '../config/schema.ts';
import type { ObservedSource } from '../plan/observed.ts';
import { MAX_TOLD } from '../plan/problem.ts';
import type { SourceChange } from './known-source.ts';

interface Tellers {
  log: Log;
  events: Pick<EventRecorder, 'record' | 'resolve'>;
}

export function announceSources(changes: readonly SourceChange[], { log, events }: Tellers): void {
  for (const { source, accepted, problems, isNews, hasLastGood, doubt } of changes) {
    const { name, secret } = source;
    const about = { source: name, secret: `${secret.namespace}/${secret.name}` };
    if (accepted !== undefined) {
      log.info(
        { ...about, registries: firstFew(accepted.registries) },
        accepted.first ? 'source read' : 'source changed: spreading the new content',
      );
      for (const warning of firstFew(accepted.warnings)) log.warn(about, warning);
      if (!accepted.first)
        events.record({
          regarding: regarding(source),
          type: 'Normal',
          reason: 'SourceAccepted',
          action: 'Rotate',
          note: `New content accepted, spreading it: ${accepted.registries.join(', ')}`,
        });
    }
    if (doubt !== undefined) {
      events.resolve(regarding(source), 'InvalidAnnotation');
      if (doubt !== null) {
        log.warn(about, `it is not known when the login ends: ${doubt}`);
        events.record(doubtful(source, doubt));
      }
    }
    if (!isNews) continue;
    events.resolve(regarding(source), 'SourceInvalid');
    if (problems.length === 0) {
      if (accepted === undefined) log.info(about, 'source is good again, its content is the one in force');
      continue;
    }
    const consequence = consequenceOf(hasLastGood);
    for (const problem of firstFew(problems)) log.warn(about, `source refused: ${problem}. ${consequence}`);
    events.record(invalid(source, problems, hasLastGood));
  }
}

/** Reports again what is still wrong: a new leader has not reported it yet, and Events are kept only for an hour. */
export function remindOfSources(
  sources: readonly ObservedSource[],
  events: Pick<EventRecorder, 'record' | 'resolve'>,
  doubtOf: (source: string) => string | undefined,
): void {
  for (const { config, problems, digest } of sources) {
    const doubt = doubtOf(config.name);
    if (doubt === undefined) events.resolve(regarding(config), 'InvalidAnnotation');
    else events.record(doubtful(config, doubt));
    if (problems.length > 0) events.record(invalid(config, problems, digest !== undefined));
    else events.resolve(regarding(config), 'SourceInvalid');
  }
}

function invalid(source: SourceConfig, problems: readonly string[], hasLastGood: boolean) {
  return {
    regarding: regarding(source),
    type: 'Warning' as const,
    reason: 'SourceInvalid' as const,
    action: 'ReadSource',
    note: `${problems.join('; ')}. ${consequenceOf(hasLastGood)}`,
  };
}

function doubtful(source: SourceConfig, doubt: string) {
  return {
    regarding: regarding(source),
    type: 'Warning' as const,
    reason: 'InvalidAnnotation' as const,
    action: 'ReadSource',
    note: `${doubt}. Until then it is not known when the login ends.`,
  };
}

const consequenceOf = (hasLastGood: boolean): string =>
  hasLastGood
    ? 'The last good content stays in force for what is named here.'
    : 'Nothing is copied until it is mended.';

/** A Secret can hold thousands of entries. */
const firstFew = (lines: readonly string[]): readonly string[] =>
  lines.length > MAX_TOLD ? [...lines.slice(0, MAX_TOLD), `and ${lines.length - MAX_TOLD} more like these`] : lines;

/** Without a UID: the Secret may not exist, and its Events are searched by name. */
function regarding({ secret }: SourceConfig) {
  return { apiVersion: 'v1', kind: 'Secret', namespace: secret.namespace, name: secret.name };
}
