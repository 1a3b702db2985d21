import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createTenantLog } from '../../src/controller/tenant-log.ts';
import { createLog } from '../../src/log.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function setup(level = 'info') {
  const lines: Record<string, unknown>[] = [];
  const log = createLog(level, { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) });
  let dropped = 0;
  const tenants = createTenantLog({ log, onDropped: () => void dropped++ });
  return {
    lines,
    tenants,
    dropped: () => dropped,
    about: (name: string) => lines.filter((l) => l['namespace'] === name),
  };
}

test('a namespace has 50 lines, and then one in five seconds; how many are missing is said once, and others have theirs', async () => {
  const { lines, tenants, dropped, about } = setup();
  for (let i = 0; i < 500; i++) tenants.line('warn', 'loud', { i }, `line ${i}`);
  tenants.line('info', 'quiet', {}, 'quiet');
  expect([about('loud').length, about('quiet').length, dropped()]).toEqual([50, 1, 450]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(lines.at(-1)).toMatchObject({
    level: 'warn',
    namespace: 'loud',
    lines: 450,
    msg: '450 more lines about namespace loud were not logged',
  });
  tenants.line('warn', 'loud', {}, 'again');
  expect(lines.at(-1)).toMatchObject({ msg: 'again' });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(lines).toHaveLength(53);
});

test('all namespaces together have a share too; the three with most lines are named, the rest is counted', async () => {
  const { lines, tenants } = setup();
  for (let i = 0; i < 5_000; i++)
    for (let n = i < 10 ? 3 : 1; n > 0; n--) tenants.line('warn', `team-${i}`, {}, 'line');
  expect(lines).toHaveLength(1_000);
  tenants.stop();
  expect(lines.slice(1_000).map(({ msg }) => msg)).toEqual([
    '1 more line about namespace team-980 was not logged',
    '1 more line about namespace team-981 was not logged',
    '1 more line about namespace team-982 was not logged',
    '4017 more lines about other namespaces were not logged',
  ]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(lines).toHaveLength(1_004);
});

test('lines of a level that is not written cost nothing', () => {
  const { lines, tenants } = setup();
  for (let i = 0; i < 500; i++) tenants.line('debug', 'team', {}, 'debug');
  tenants.line('info', 'team', {}, 'info');
  expect(lines.map(({ msg }) => msg)).toEqual(['info']);
});
