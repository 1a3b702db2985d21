/** The cron schedules of the configuration in force. */
import { schedule } from 'node-cron';
import type { ScheduledTask } from 'node-cron';
import type { Configuration } from '../config/schema.ts';

export interface Schedules {
  /** Puts the schedules of a configuration in the place of those before. */
  configure(configuration: Configuration): void;
  stop(): void;
}

/** Each runs in the configured time zone, and never twice at the same time. */
export function createSchedules(work: { resync: () => Promise<void>; probe: () => Promise<void>; audit: () => Promise<void> }): Schedules {
  let tasks: ScheduledTask[] = [];
  const stop = (): void => {
    for (const task of tasks) void task.destroy();
    tasks = [];
  };
  return {
    configure({ schedules }) {
      stop();
      const at = (cron: string, run: () => Promise<void>): ScheduledTask => schedule(cron, run, { timezone: schedules.timeZone, noOverlap: true });
      tasks = [at(schedules.resync, work.resync), at(schedules.probe, work.probe), ...(schedules.audit === undefined ? [] : [at(schedules.audit, work.audit)])];
    },
    stop,
  };
}
