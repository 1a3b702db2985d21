/** The schedules, with time that the test lets pass. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { configurationSchema } from '../../src/config/schema.ts';
import type { Configuration } from '../../src/config/schema.ts';
import { createSchedules } from '../../src/controller/schedules.ts';
import { createLog } from '../../src/log.ts';

beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2030, 0, 1, 11, 59, 58) }));
afterEach(() => void vi.useRealTimers());

const configured = (schedules: object): Configuration =>
  configurationSchema.parse({
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Configuration',
    sources: [{ name: 'hub', secret: { namespace: 'n', name: 'hub' }, copyName: 'c' }],
    // Once a year, unless a test says otherwise: the defaults would have their turn too.
    schedules: { resync: '0 0 1 6 *', probe: '0 0 1 6 *', ...schedules },
  });
const lines: { level: string; msg: string }[] = [];
const log = createLog('debug', {
  write: (line: string) => void lines.push(JSON.parse(line) as { level: string; msg: string }),
});
const SECOND = 1_000;
const HOUR = 3_600 * SECOND;

function play() {
  const ran: string[] = [];
  const work = (name: string) => () => (ran.push(name), Promise.resolve());
  const schedules = createSchedules({ resync: work('resync'), probe: work('probe'), audit: work('audit') }, log);
  return { schedules, ran, pass: (ms: number) => vi.advanceTimersByTimeAsync(ms) };
}

test.each(['resync', 'probe', 'audit'])('%s runs when its own schedule says so', async (name) => {
  const { schedules, ran, pass } = play();
  schedules.configure(configured({ [name]: '0 12 * * *' }));
  await pass(HOUR);
  schedules.stop();
  expect(ran).toEqual([name]);
});

test('a schedule is in the time zone of the configuration', async () => {
  const { schedules, ran, pass } = play();
  schedules.configure(configured({ audit: '0 15 * * *', timeZone: 'Europe/Berlin' }));
  await pass(HOUR);
  expect(ran).toEqual([]);
  await pass(HOUR + SECOND);
  await pass(HOUR);
  schedules.stop();
  expect(ran).toEqual(['audit']);
});

test('a new configuration takes the place of the one before, and none is left after a stop', async () => {
  const { schedules, ran, pass } = play();
  schedules.configure(configured({ audit: '* * * * * *' }));
  await pass(3 * SECOND);
  const before = ran.length;
  expect(before).toBeGreaterThan(1);
  schedules.configure(configured({}));
  await pass(5 * SECOND);
  expect(ran).toHaveLength(before);
  schedules.configure(configured({ audit: '* * * * * *' }));
  await pass(3 * SECOND);
  const after = ran.length;
  expect(after).toBeGreaterThan(before);
  schedules.stop();
  await pass(5 * SECOND);
  expect(ran).toHaveLength(after);
});

test('what takes longer than its schedule is not begun a second time meanwhile', async () => {
  const busy = Promise.withResolvers<void>();
  let begun = 0;
  const idle = (): Promise<void> => Promise.resolve();
  const schedules = createSchedules({ resync: idle, probe: idle, audit: () => (begun++, busy.promise) }, log);
  schedules.configure(configured({ audit: '* * * * * *' }));
  await vi.advanceTimersByTimeAsync(5 * SECOND);
  expect(begun).toBe(1);
  busy.resolve();
  await vi.advanceTimersByTimeAsync(3 * SECOND);
  schedules.stop();
  expect(begun).toBeGreaterThan(1);
  // Said in our own log, and not as a warning: nothing went wrong.
  expect(lines.filter(({ msg }) => msg.startsWith('schedule: '))).not.toEqual([]);
  expect(new Set(lines.map(({ level }) => level))).toEqual(new Set(['debug']));
});

test.each([-HOUR, -365 * 24 * HOUR, 365 * 24 * HOUR])(
  'a clock that is moved by %i ms delays the next run by no more than the schedule',
  async (ms) => {
    const { schedules, ran, pass } = play();
    schedules.configure(configured({ resync: '*/5 * * * *' }));
    await pass(10 * 60 * SECOND);
    const before = ran.length;
    expect(before).toBeGreaterThan(1);
    vi.setSystemTime(Date.now() + ms);
    await pass(6 * 60 * SECOND);
    schedules.stop();
    expect(ran.length).toBeGreaterThan(before);
    expect(vi.getTimerCount()).toBe(0);
  },
);

test('after its end nothing is scheduled, also by a reload that comes late', async () => {
  const { schedules, ran, pass } = play();
  schedules.stop();
  schedules.configure(configured({ resync: '0 12 * * *' }));
  await pass(HOUR);
  expect([ran, vi.getTimerCount()]).toEqual([[], 0]);
});
