/** Reloads the configuration file while the controller runs, and reports the result of each reload. */
import { wall } from '../clock.ts';
import { renderProblem } from '../config/mistake.ts';
import { watchConfiguration } from '../config/reload.ts';
import type { Configuration } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../server/metrics.ts';

interface FollowOptions {
  /** undefined: the configuration does not change. */
  file: string | undefined;
  /** The configuration that is in force now. */
  running: Configuration;
  /** Time between two reads of the file, in milliseconds. */
  intervalMs: number;
  signal: AbortSignal;
  log: Log;
  metrics: Pick<Metrics, 'configReloadSuccessful' | 'configReloadTimestamp'>;
  /** Throws UserError if a valid version cannot be put in force. */
  refuse: (next: Configuration) => void;
  /** Puts a valid version in force. */
  take: (next: Configuration) => Promise<void>;
}

export function followConfiguration({
  file,
  running,
  intervalMs,
  signal,
  log,
  metrics,
  refuse,
  take,
}: FollowOptions): void {
  if (file === undefined) return;
  watchConfiguration(file, {
    running,
    intervalMs,
    signal,
    onChange: (next) => {
      refuse(next);
      log.info({ sources: next.sources.map(({ name }) => name) }, 'configuration reloaded');
      metrics.configReloadSuccessful.set(1);
      metrics.configReloadTimestamp.set(wall() / 1000);
      take(next).catch((error: unknown) => {
        metrics.configReloadSuccessful.set(0);
        log.error({ err: error }, `unexpected: ${messageOf(error)}`);
      });
    },
    onProblem: (problems) => {
      metrics.configReloadSuccessful.set(0);
      for (const problem of problems)
        log.error(`configuration refused, the one in force stays: ${renderProblem(problem)}`);
    },
    onRestored: () => metrics.configReloadSuccessful.set(1),
  });
}

/** How many copy names are told one by one. */
const MAX_LEFT = 20;

/** If a copy name is dropped from the configuration, its copies stay, and no right covers them any more: says what to do. */
export function warnOfLeftCopies(before: Configuration, after: Configuration, log: Log): void {
  const known = new Set([...after.sources.map(({ copyName }) => copyName), ...after.retiredCopyNames]);
  const left = [...before.sources.map(({ copyName }) => copyName), ...before.retiredCopyNames].filter(
    (name) => !known.has(name),
  );
  for (const name of left.slice(0, MAX_LEFT))
    log.warn(
      { copyName: name },
      `the configuration no longer has copyName "${name}": copies by that name stay where they are. Add it to retiredCopyNames to have them removed.`,
    );
  if (left.length > MAX_LEFT)
    log.warn(`and ${left.length - MAX_LEFT} more copy names that the configuration no longer has`);
}
