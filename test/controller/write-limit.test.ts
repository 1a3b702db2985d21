/** A played server with so many processors: what the limit comes to, and what that costs. */
import { expect, test } from 'vitest';
import { createWriteLimit } from '../../src/controller/write-limit.ts';
import { ApiError } from '../../src/kube/api-error.ts';

/** One write takes `serviceMs` of one of `processors`, and `networkMs` on its way; time is played. */
async function play({
  writes,
  most = 32,
  processors,
  serviceMs,
  networkMs = 0,
  errorAt = -1,
  slow = () => 0,
  from = { now: 0 },
}: {
  writes: number;
  most?: number;
  processors: number;
  serviceMs: number;
  networkMs?: number;
  errorAt?: number;
  /** Milliseconds more for this write, outside the server. */
  slow?: (i: number) => number;
  from?: { now: number };
}) {
  const clock = from;
  const events: { at: number; run: () => void }[] = [];
  const at = (time: number): Promise<void> => new Promise((run) => events.push({ at: time, run }));
  const free = Array.from({ length: processors }, () => clock.now);
  const limits: number[] = [];
  const limit = createWriteLimit({ most, now: () => clock.now, onChange: (n) => limits.push(n) });
  let under = 0;
  let highest = 0;
  const started = clock.now;
  const all = Array.from({ length: writes }, (_, i) =>
    limit(async () => {
      highest = Math.max(highest, ++under);
      const [first = 0] = free.sort((a, b) => a - b);
      free[0] = Math.max(first, clock.now) + serviceMs;
      await at(free[0] + networkMs + slow(i));
      under--;
      if (i === errorAt) throw new ApiError('PATCH x', 429, {}, 1000);
    }).catch(() => undefined),
  );
  let over = false;
  void Promise.all(all).then(() => (over = true));
  for (;;) {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    if (over) break;
    events.sort((a, b) => a.at - b.at);
    const next = events.shift();
    if (next === undefined) throw new Error('nothing is under way');
    clock.now = next.at;
    next.run();
  }
  return { limits, now: limits.at(-1) ?? 0, highest, ms: clock.now - started };
}

test('a server with room for all gets all', async () => {
  const { now, highest } = await play({ writes: 2000, processors: 100, serviceMs: 5 });
  expect([now, highest]).toEqual([32, 32]);
});

test('one that is busy gets as many as keep it busy: they take no longer, and others wait less', async () => {
  const busy = { writes: 5000, processors: 2, serviceMs: 2, networkMs: 2 };
  const { now, ms } = await play(busy);
  expect(now).toBeLessThan(24);
  expect(now).toBeGreaterThanOrEqual(4);
  // All the time both processors have work.
  expect(ms / ((5000 * 2) / 2)).toBeLessThan(1.02);
});

test('one that asks to wait gets half, once for all that are under way, and more again later', async () => {
  const server = { writes: 200, processors: 100, serviceMs: 5 };
  const { limits } = await play({ ...server, errorAt: 100 });
  const fell = limits.findIndex((n, i) => i > 0 && n < (limits[i - 1] ?? 0));
  expect(limits[fell]).toBe((limits[fell - 1] ?? 0) / 2);
  expect(limits.at(-1)).toBeGreaterThan(limits[fell] ?? 0);
  expect(limits.slice(fell).every((n) => n >= 16)).toBe(true);
});

test('never fewer than four, and never more than there may be', async () => {
  expect((await play({ writes: 3000, processors: 1, serviceMs: 50 })).now).toBeGreaterThanOrEqual(4);
  const few = await play({ writes: 300, most: 2, processors: 1, serviceMs: 50 });
  expect([few.now, few.highest]).toEqual([2, 2]);
  expect((await play({ writes: 300, most: 1, processors: 1, serviceMs: 50 })).highest).toBe(1);
});

test('a few answers that are quick say nothing about many', async () => {
  const limits: number[] = [];
  const limit = createWriteLimit({ most: 32, now: () => 0, onChange: (n) => limits.push(n) });
  for (let i = 0; i < 500; i++) await limit(() => Promise.resolve());
  expect(limits).toEqual([16]);
});

test('an error goes to whom it concerns, and takes no place', async () => {
  const limit = createWriteLimit({ most: 2, now: () => 0 });
  for (let i = 0; i < 10; i++)
    await expect(limit(() => Promise.reject(new Error(`no ${i}`)))).rejects.toThrow(`no ${i}`);
  expect(await limit(() => Promise.resolve('yes'))).toBe('yes');
});

test('a webhook that is slow for one namespace in ten holds up none of the others', async () => {
  const { limits } = await play({
    writes: 3000,
    processors: 100,
    serviceMs: 5,
    slow: (i) => (i % 10 === 0 ? 9_000 : 0),
  });
  expect(Math.min(...limits)).toBe(16);
  expect(limits.at(-1)).toBe(32);
});

test('of all writes under way that are told to wait only the first counts, and a minute of them never leads below four', async () => {
  const clock = { now: 0 };
  const limits: number[] = [];
  const limit = createWriteLimit({ most: 32, now: () => clock.now, onChange: (n) => limits.push(n) });
  const refused = (): Promise<void> => limit(() => Promise.reject(new ApiError('PATCH x', 429, {}, 1000)));
  await Promise.allSettled(Array.from({ length: 16 }, refused));
  expect(limits).toEqual([16, 8]);
  for (; clock.now < 60_000; clock.now += 1_000) await refused().catch(() => undefined);
  expect(limits).toEqual([16, 8, 4]);
});

test('a server that has become slower for good is taken as it is after a while', async () => {
  const clock = { now: 0 };
  const limits: number[] = [];
  const limit = createWriteLimit({ most: 32, now: () => clock.now, onChange: (n) => limits.push(n) });
  /** So many writes, each of which takes so long however many are under way. */
  async function writes(count: number, ms: number): Promise<number> {
    let left = count;
    let open: (() => void)[] = [];
    for (let i = 0; i < count; i++)
      void limit(() => new Promise<void>((resolve) => open.push(resolve))).then(() => left--);
    while (left > 0) {
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      clock.now += ms;
      const under = open;
      open = [];
      for (const end of under) end();
    }
    return limits.at(-1) ?? 0;
  }
  expect(await writes(1000, 5)).toBe(32);
  expect(await writes(1000, 100)).toBeLessThan(12);
  clock.now += 10 * 60_000;
  // The first answers of two windows still know the time before.
  await writes(1, 100);
  clock.now += 6 * 60_000;
  await writes(1, 100);
  clock.now += 6 * 60_000;
  expect(await writes(1000, 100)).toBe(32);
});
