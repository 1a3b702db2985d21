/** The cron schedules of the configuration in force. */
import { schedule } from 'node-cron';
import type { ScheduledTask } from 'node-cron';
import type { Configuration } from '../config/schema.ts';
import { monotonic, wall } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';

/** How often the clock is looked at, and from when on it was set: it only creeps by itself. */
const LOOK_MS = 10_000;
const MOVED_MS = 2_000;

interface Schedules {
  /** Replaces the schedules with those of a configuration. */
  configure(configuration: Configuration): void;
  /** For good. */
  stop(): void;
}

/** Each schedule uses the configured time zone, and never overlaps with itself. */
export function createSchedules(
  work: { resync: () => Promise<void>; probe: () => Promise<void>; audit: () => Promise<void> },
  log: Pick<Log, 'debug' | 'error'>,
): Schedules {
  let tasks: ScheduledTask[] = [];
  // node-cron's own logger writes to standard error in colours, and warns of a run that it skips because the last one still runs.
  const quiet = (message: string): void => log.debug(`schedule: ${message}`);
  const logger = {
    info: quiet,
    warn: quiet,
    debug: (message: string | Error) => quiet(messageOf(message)),
    error: (message: string | Error) => log.error(`schedule: ${messageOf(message)}`),
  };
  let watch: NodeJS.Timeout | undefined;
  /** A reload may end after the controller was stopped. */
  let isOver = false;
  const stop = (): void => {
    clearInterval(watch);
    for (const task of tasks) void task.destroy();
    tasks = [];
  };
  /** node-cron plans the next run by the time of day: after a clock was set back by a year, that would be a year away. */
  const watchClock = (onMoved: () => void): void => {
    let offset = wall() - monotonic();
    watch = setInterval(() => {
      const moved = Math.abs(wall() - monotonic() - offset);
      offset = wall() - monotonic();
      if (moved >= MOVED_MS) onMoved();
    }, LOOK_MS).unref();
  };
  return {
    configure(configuration) {
      if (isOver) return;
      const { schedules } = configuration;
      stop();
      watchClock(() => this.configure(configuration));
      const at = (cron: string, run: () => Promise<void>): ScheduledTask =>
        schedule(cron, run, { timezone: schedules.timeZone, noOverlap: true, logger });
      tasks = [
        at(schedules.resync, work.resync),
        at(schedules.probe, work.probe),
        ...(schedules.audit === undefined ? [] : [at(schedules.audit, work.audit)]),
      ];
    },
    stop() {
      isOver = true;
      stop();
    },
  };
}
