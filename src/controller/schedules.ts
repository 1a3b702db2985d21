/** The cron schedules of the configuration in force. */
import { schedule } from 'node-cron';
import type { ScheduledTask } from 'node-cron';
import type { Configuration } from '../config/schema.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';

interface Schedules {
  /** Puts the schedules of a configuration in the place of those before. */
  configure(configuration: Configuration): void;
  stop(): void;
}

/** Each runs in the configured time zone, and never twice at the same time. */
export function createSchedules(
  work: { resync: () => Promise<void>; probe: () => Promise<void>; audit: () => Promise<void> },
  log: Pick<Log, 'debug' | 'error'>,
): Schedules {
  let tasks: ScheduledTask[] = [];
  // Its own goes to standard error, in colours. A turn that is left out, for the one before still runs, is no warning.
  const quiet = (message: string): void => log.debug(`schedule: ${message}`);
  const logger = {
    info: quiet,
    warn: quiet,
    debug: (message: string | Error) => quiet(messageOf(message)),
    error: (message: string | Error) => log.error(`schedule: ${messageOf(message)}`),
  };
  const stop = (): void => {
    for (const task of tasks) void task.destroy();
    tasks = [];
  };
  return {
    configure({ schedules }) {
      stop();
      const at = (cron: string, run: () => Promise<void>): ScheduledTask =>
        schedule(cron, run, { timezone: schedules.timeZone, noOverlap: true, logger });
      tasks = [
        at(schedules.resync, work.resync),
        at(schedules.probe, work.probe),
        ...(schedules.audit === undefined ? [] : [at(schedules.audit, work.audit)]),
      ];
    },
    stop,
  };
}
