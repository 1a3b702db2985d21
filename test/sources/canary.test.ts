/** Who watches the canaries, with time that a test lets pass. */
import { expect, test } from 'vitest';
import type { SourceConfig } from '../../src/config/schema.ts';
import { createCanary } from '../../src/sources/canary.ts';
import { accept, NOTHING } from '../../src/sources/rollout.ts';
import type { Canaries, Rollout } from '../../src/sources/rollout.ts';
import { sourceConfig } from '../plan/observations.ts';

interface Content {
  readonly digest: string;
}
const CANARIES: Canaries = { namespaces: new Set(['team-a']), proxies: new Set() };
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function watch(source: SourceConfig = sourceConfig({ canary: { namespaces: 1, proxies: 0, seconds: 60 } })) {
  const w = {
    arrival: 'all' as 'none' | 'some' | 'all' | 'gone',
    failing: [] as string[] | Error | Promise<string[]>,
    gone: 0,
    clock: 0,
    looks: 0,
    signal: undefined as AbortSignal | undefined,
  };
  const timers = new Map<object, { run: () => void; at: number }>();
  let rollout: Rollout<Content> = accept(
    accept<Content>(NOTHING, { digest: 'a' }, undefined),
    { digest: 'b' },
    CANARIES,
  );
  const canary = createCanary({
    arrival: () => w.arrival,
    onGone: () => {
      w.gone++;
    },
    failing: (_, __, signal) => {
      w.looks++;
      w.signal = signal;
      return w.failing instanceof Error ? Promise.reject(w.failing) : Promise.resolve(w.failing);
    },
    onLooked: (_, move) => {
      rollout = move(rollout);
      canary.watch(source, rollout);
    },
    timers: {
      set: (run, ms) => {
        const timer = {};
        timers.set(timer, { run, at: w.clock + ms });
        return timer;
      },
      clear: (timer) => {
        timers.delete(timer as object);
      },
    },
  });
  canary.watch(source, rollout);
  return Object.assign(w, {
    timers,
    stop: () => canary.stop(),
    stage: () => rollout.stage.state,
    passed: () => rollout.passed?.digest,
    /** Another content, or the same one looked at again. */
    now(next: Rollout<Content>): void {
      rollout = next;
      canary.watch(source, rollout);
    },
    rollout: () => rollout,
    /** Milliseconds until it does something. */
    waits: () => [...timers.values()].map(({ at }) => at - w.clock),
    async pass(seconds: number): Promise<void> {
      for (let second = 0; second < seconds; second++) {
        w.clock += 1_000;
        for (const [timer, { run, at }] of [...timers]) if (at <= w.clock && timers.delete(timer)) run();
        for (let i = 0; i < 4; i++) await tick();
      }
    },
  });
}

test('what fails anyway is looked at first, then the canaries are watched for their time, then the rest follows', async () => {
  const w = watch();
  w.failing = ['x'];
  await w.pass(1);
  expect([w.stage(), w.looks]).toEqual(['canary', 1]);
  await w.pass(59);
  expect([w.stage(), w.passed()]).toEqual(['canary', 'a']);
  await w.pass(2);
  expect([w.stage(), w.passed(), w.looks, w.timers.size]).toEqual(['settled', 'b', 2, 0]);
});

test('their time begins when they have it: what they do not have proves nothing', async () => {
  const w = watch();
  w.arrival = 'none';
  await w.pass(240);
  w.arrival = 'some';
  await w.pass(59);
  expect([w.stage(), w.passed(), w.gone, w.looks]).toEqual(['canary', 'a', 0, 1]);
  w.arrival = 'all';
  await w.pass(59);
  expect(w.stage()).toBe('canary');
  await w.pass(4);
  expect(w.stage()).toBe('settled');
});

test('a canary that does not get it holds nobody up for long: it goes on with those who have it, or others go first', async () => {
  const w = watch();
  w.arrival = 'some';
  await w.pass(299);
  expect([w.stage(), w.looks]).toEqual(['canary', 1]);
  await w.pass(70);
  expect([w.stage(), w.passed(), w.gone]).toEqual(['settled', 'b', 0]);
  const none = watch();
  none.arrival = 'none';
  await none.pass(299);
  expect(none.gone).toBe(0);
  await none.pass(10);
  expect([none.gone, none.stage(), none.passed()]).toEqual([1, 'canary', 'a']);
});

test('canaries that are no more are not watched: others have to go first', async () => {
  const w = watch();
  w.arrival = 'gone';
  await w.pass(3);
  expect(w.gone).toBe(1);
  await w.pass(600);
  expect([w.gone, w.stage(), w.passed()]).toEqual([1, 'canary', 'a']);
});

test('halted, it is looked at every half minute, and goes on when what failed heals', async () => {
  const w = watch();
  await w.pass(2);
  w.failing = ['y'];
  await w.pass(62);
  expect(w.stage()).toBe('halted');
  await w.pass(60);
  expect([w.stage(), w.passed()]).toEqual(['halted', 'a']);
  w.failing = [];
  await w.pass(31);
  expect([w.stage(), w.passed()]).toEqual(['settled', 'b']);
});

test('canaries that cannot be looked at are no good news: before they have anything nobody gets it, and afterwards nobody else', async () => {
  const w = watch();
  w.failing = new Error('forbidden');
  await w.pass(30);
  expect(w.stage()).toBe('looking');
  w.failing = [];
  await w.pass(6);
  expect(w.stage()).toBe('canary');
  w.failing = new Error('forbidden');
  await w.pass(62);
  expect([w.stage(), w.passed()]).toEqual(['halted', 'a']);
  w.failing = [];
  await w.pass(31);
  expect(w.stage()).toBe('settled');
});

test('a second edit in the middle begins anew, with what last passed for the rest', async () => {
  const w = watch();
  await w.pass(50);
  w.now(accept(w.rollout(), { digest: 'c' }, CANARIES));
  expect(w.timers.size).toBe(1);
  await w.pass(30);
  expect([w.stage(), w.passed()]).toEqual(['canary', 'a']);
  await w.pass(40);
  expect([w.stage(), w.passed()]).toEqual(['settled', 'c']);
});

test('what a look found that began before the second edit says nothing of it', async () => {
  const w = watch();
  const slow = Promise.withResolvers<string[]>();
  w.failing = slow.promise;
  await w.pass(1);
  w.failing = ['was failing'];
  w.now(accept(w.rollout(), { digest: 'c' }, CANARIES));
  slow.resolve([]);
  await w.pass(70);
  // Else what was failing before would be news.
  expect([w.stage(), w.passed()]).toEqual(['settled', 'c']);
});

test('looked at again while it is watched, its time goes on', async () => {
  const w = watch();
  await w.pass(40);
  w.now(w.rollout());
  await w.pass(22);
  expect([w.stage(), w.passed(), w.looks]).toEqual(['settled', 'b', 2]);
});

test('taken back, it is watched no more, and anew when it comes again', async () => {
  const w = watch();
  const before = accept<Content>(NOTHING, { digest: 'a' }, undefined);
  w.now(before);
  w.now(accept(before, { digest: 'b' }, CANARIES));
  await w.pass(2);
  expect([w.stage(), w.looks]).toEqual(['canary', 1]);
  w.now(before);
  expect([w.stage(), w.timers.size]).toEqual(['settled', 0]);
  await w.pass(300);
  expect([w.looks, w.gone]).toEqual([1, 0]);
});

test('a look that failed before the second edit halts nothing', async () => {
  const w = watch();
  await w.pass(2);
  const slow = Promise.withResolvers<string[]>();
  w.failing = slow.promise;
  await w.pass(61);
  w.failing = ['was failing'];
  w.now(accept(w.rollout(), { digest: 'c' }, CANARIES));
  slow.reject(new Error('forbidden'));
  await w.pass(5);
  expect(w.stage()).toBe('canary');
  await w.pass(60);
  expect([w.stage(), w.passed()]).toEqual(['settled', 'c']);
});

test('how long it waits at each stage', async () => {
  const w = watch();
  expect(w.waits()).toEqual([0]);
  await w.pass(1);
  expect(w.waits()).toEqual([60_000]);
  w.failing = new Error('forbidden');
  await w.pass(60);
  expect([w.stage(), w.waits()]).toEqual(['halted', [30_000]]);
  const late = watch();
  late.arrival = 'some';
  await late.pass(300);
  expect(late.waits()).toEqual([1_000]);
  await late.pass(1);
  expect(late.waits()).toEqual([60_000]);
});

test('what keeps the canaries from being looked at is told as the reason to halt', async () => {
  const w = watch();
  await w.pass(2);
  w.failing = new Error('pods is forbidden');
  await w.pass(62);
  expect(w.rollout().stage).toMatchObject({
    state: 'halted',
    why: ['the canaries cannot be looked at: pods is forbidden'],
  });
});

test('stopped, it leaves nothing behind, and what a look finds afterwards moves nothing', async () => {
  const w = watch();
  const slow = Promise.withResolvers<string[]>();
  w.failing = slow.promise;
  await w.pass(1);
  w.stop();
  expect(w.signal?.aborted).toBe(true);
  slow.resolve([]);
  await w.pass(300);
  expect([w.timers.size, w.stage(), w.looks]).toEqual([0, 'looking', 1]);
  const waiting = watch();
  waiting.arrival = 'none';
  await waiting.pass(2);
  waiting.stop();
  expect(waiting.timers.size).toBe(0);
});
