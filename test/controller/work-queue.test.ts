/** The queue as triggers and reconciles use it, under fake time; and against a model of what it promises. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createWorkQueue } from '../../src/controller/work-queue.ts';

// setImmediate stays real: the queue hands out on turns of the event loop, which are no time.
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] }));
afterEach(() => void vi.useRealTimers());

const NEVER = new AbortController().signal;

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
async function advance(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  await settle();
}

/**
 * A queue whose handler finishes when the test says so. `log` is the order in which keys were handed out, `open` those whose
 * handler is running. How many keys wait for their time is how many timers there are.
 */
function observed(options: Parameters<typeof createWorkQueue>[0] = {}, concurrency = 1) {
  let depth = 0;
  const queue = createWorkQueue<string>({ random: () => 0, ...options, meter: { onDepth: (now) => (depth = now) } });
  const log: string[] = [];
  const open = new Map<string, () => void>();
  const stop = new AbortController();
  const run = queue.run({
    concurrency,
    signal: stop.signal,
    handle: (key) => {
      log.push(key);
      return new Promise((resolve) => open.set(key, resolve));
    },
  });
  const finish = async (key: string) => {
    open.get(key)?.();
    open.delete(key);
    await settle();
  };
  const state = () => ({ log, due: depth, flying: open.size, later: vi.getTimerCount() });
  return { queue, log, open, finish, run, stop, state };
}

describe('handing out', () => {
  test('keys come out in the order they went in, each once, however often they were added', async () => {
    const { queue, finish, state } = observed();
    for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key);
    expect(state()).toMatchObject({ log: [], due: 3 });
    await settle();
    for (const key of ['a', 'b', 'c']) await finish(key);
    expect(state()).toEqual({ log: ['a', 'b', 'c'], due: 0, flying: 0, later: 0 });
  });

  test('a key that is added while it is in flight is handed out once more afterwards, never beside itself', async () => {
    const { queue, log, finish, state } = observed({}, 4);
    queue.add('a');
    await settle();
    queue.add('a');
    queue.add('a');
    await settle();
    expect(log).toEqual(['a']);
    await finish('a');
    expect(log).toEqual(['a', 'a']);
    await finish('a');
    expect(state()).toMatchObject({ log: ['a', 'a'], flying: 0 });
  });

  test('no more keys are in flight than asked for', async () => {
    const { queue, log, finish, state } = observed({}, 2);
    for (const key of ['a', 'b', 'c']) queue.add(key);
    await settle();
    expect(state()).toMatchObject({ log: ['a', 'b'], flying: 2, due: 1 });
    await finish('b');
    expect(log).toEqual(['a', 'b', 'c']);
  });

  test('ten thousand keys that need nothing done leave other work its turn', async () => {
    vi.useRealTimers();
    const queue = createWorkQueue<string>();
    let turns = 0;
    let running = true;
    const turn = () => void (turns++, running && setImmediate(turn));
    setImmediate(turn);
    let handled = 0;
    void queue.run({ concurrency: 16, signal: NEVER, handle: async () => void handled++ });
    for (let i = 0; i < 10_000; i++) queue.add(`key-${i}`);
    await queue.idle();
    running = false;
    expect(handled).toBe(10_000);
    expect(turns).toBeGreaterThan(10_000 / 16 / 2);
  });

  test('a handler that throws stops nothing: its key comes again after a backoff', async () => {
    const queue = createWorkQueue<string>({ baseDelayMs: 100, random: () => 0 });
    const log: string[] = [];
    void queue.run({
      concurrency: 1,
      signal: NEVER,
      handle: (key) => {
        log.push(key);
        if (log.length === 1) throw new Error('at once');
        return log.length === 2 ? Promise.reject(new Error('later')) : Promise.resolve();
      },
    });
    queue.add('a');
    queue.add('b');
    await settle();
    await advance(99);
    expect([log, queue.retries('a'), queue.retries('b')]).toEqual([['a', 'b'], 1, 1]);
    await advance(1);
    expect(log).toEqual(['a', 'b', 'a', 'b']);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('due times', () => {
  test('a delayed key is handed out when its time has come, not before', async () => {
    const { queue, state } = observed();
    queue.addAfter('a', 1_000);
    await advance(999);
    expect(state()).toMatchObject({ log: [], later: 1 });
    await advance(1);
    expect(state()).toMatchObject({ log: ['a'], later: 0 });
  });

  test('the earlier due time wins, whichever was asked for first', async () => {
    const { queue, log } = observed({}, 2);
    queue.addAfter('a', 1_000);
    queue.addAfter('a', 5_000);
    queue.addAfter('b', 5_000);
    queue.addAfter('b', 1_000);
    await advance(1_000);
    expect(log).toEqual(['a', 'b']);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('an immediate add cancels the wait', async () => {
    const { queue, log, finish } = observed();
    queue.addAfter('a', 1_000);
    queue.add('a');
    await settle();
    await finish('a');
    await advance(10_000);
    expect(log).toEqual(['a']);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a delay that is over while the key is in flight brings it once more', async () => {
    const { queue, log, finish } = observed();
    queue.add('a');
    await settle();
    queue.addAfter('a', 10);
    await advance(50);
    expect(log).toEqual(['a']);
    await finish('a');
    expect(log).toEqual(['a', 'a']);
  });

  test('a delay longer than a timer can hold does not come at once', async () => {
    const { queue, log } = observed();
    queue.addAfter('a', 90 * 24 * 3_600_000);
    await advance(2 ** 31 - 2);
    expect(log).toEqual([]);
    await advance(1);
    expect(log).toEqual(['a']);
  });

  test('the backoff of a key doubles up to its limit, apart from other keys, and starts small after success', async () => {
    const { queue, log, finish } = observed({ baseDelayMs: 250, maxDelayMs: 1_500 });
    const expectRetryAfter = async (key: string, ms: number) => {
      const before = log.length;
      queue.retry(key);
      await advance(ms - 1);
      expect(log).toHaveLength(before);
      await advance(1);
      expect(log.slice(before)).toEqual([key]);
      await finish(key);
    };
    for (const ms of [250, 500, 1_000, 1_500, 1_500]) await expectRetryAfter('a', ms);
    expect(queue.retries('a')).toBe(5);
    for (const ms of [250, 500]) await expectRetryAfter('b', ms);
    queue.forget('a');
    await expectRetryAfter('a', 250);
    for (let times = 0; times < 2_000; times++) queue.retry('c');
    await advance(250);
    await finish('c');
    await expectRetryAfter('c', 1_500);
  });

  test('by default a key waits for a quarter of a second at first, and for five minutes at most', async () => {
    const { queue, log } = observed();
    queue.retry('a');
    await advance(249);
    expect(log).toEqual([]);
    await advance(1);
    expect(log).toEqual(['a']);
    const late = observed();
    for (let times = 0; times < 20; times++) {
      late.queue.retry('a');
      await advance(300_000);
      await late.finish('a');
    }
    late.queue.retry('a');
    await advance(299_999);
    expect(late.log).toHaveLength(20);
    await advance(1);
    expect(late.log).toHaveLength(21);
  });

  test('chance takes up to half of the delay away and never makes it longer', async () => {
    for (const [random, ms] of [
      [0, 1_000],
      [0.5, 750],
      [1, 500],
    ] as const) {
      const { queue, log } = observed({ baseDelayMs: 1_000, random: () => random });
      queue.retry('a');
      await advance(ms - 1);
      expect(log).toEqual([]);
      await advance(1);
      expect(log).toEqual(['a']);
    }
  });
});

describe('pausing and ending', () => {
  test('a paused queue takes keys in and hands them out after it is resumed', async () => {
    const { queue, log, state } = observed();
    queue.pause();
    queue.add('a');
    queue.addAfter('b', 10);
    await advance(100);
    expect(state()).toMatchObject({ log: [], due: 2 });
    queue.resume();
    await settle();
    expect(log).toEqual(['a']);
  });

  test('shutdown hands out nothing more and resolves when the last handler is done', async () => {
    const { queue, finish, run, state } = observed({}, 2);
    for (const key of ['a', 'b', 'c']) queue.add(key);
    queue.addAfter('d', 10);
    await settle();
    queue.add('a');
    const over = vi.fn();
    void queue.shutdown().then(over);
    queue.add('b');
    queue.add('e');
    await advance(1_000);
    await finish('a');
    expect(over).not.toHaveBeenCalled();
    await finish('b');
    expect(over).toHaveBeenCalled();
    await run;
    expect(state()).toEqual({ log: ['a', 'b'], due: 0, flying: 0, later: 0 });
  });

  test('a run that is stopped leaves the keys to the next one', async () => {
    const { queue, stop, run, finish, state } = observed();
    queue.add('a');
    queue.add('b');
    await settle();
    stop.abort();
    await finish('a');
    await run;
    expect(state()).toMatchObject({ log: ['a'], due: 1 });
    const second: string[] = [];
    void queue.run({ concurrency: 1, signal: NEVER, handle: async (key) => void second.push(key) });
    await settle();
    expect(second).toEqual(['b']);
  });

  test('only one run at a time', async () => {
    const { queue } = observed();
    await expect(queue.run({ concurrency: 1, signal: NEVER, handle: async () => undefined })).rejects.toThrow(
      'running already',
    );
  });

  test('a run that is stopped before it begins, or begins after the shutdown, hands out nothing', async () => {
    const queue = createWorkQueue<string>();
    queue.add('a');
    const handed: string[] = [];
    const handle = async (key: string) => void handed.push(key);
    await queue.run({ concurrency: 1, signal: AbortSignal.abort(), handle });
    await queue.shutdown();
    await queue.run({ concurrency: 1, signal: NEVER, handle });
    await settle();
    expect(handed).toEqual([]);
  });

  test('a shutdown resolves who waits until the queue is idle', async () => {
    const { queue } = observed();
    queue.pause();
    queue.add('a');
    const idle = queue.idle();
    await queue.shutdown();
    await expect(idle).resolves.toBeUndefined();
  });

  test('idle waits for what is due and in flight, not for what is due later', async () => {
    const { queue, finish } = observed();
    const idle = vi.fn();
    queue.addAfter('later', 60_000);
    await expect(queue.idle()).resolves.toBeUndefined();
    queue.add('a');
    queue.add('b');
    void queue.idle().then(idle);
    await settle();
    // As many are due as are in flight.
    void queue.idle().then(idle);
    await settle();
    expect(idle).not.toHaveBeenCalled();
    await finish('a');
    expect(idle).not.toHaveBeenCalled();
    await finish('b');
    expect(idle).toHaveBeenCalledTimes(2);
    expect(vi.getTimerCount()).toBe(1);
  });

  test('a pending delay does not keep the process alive', () => {
    vi.useRealTimers();
    const set = vi.spyOn(globalThis, 'setTimeout');
    const queue = createWorkQueue();
    queue.addAfter('a', 60_000);
    const timer: unknown = set.mock.results[0]?.value;
    expect((timer as NodeJS.Timeout).hasRef()).toBe(false);
    set.mockRestore();
    void queue.shutdown();
  });
});

/** A queue that tells everything, in order. */
function telling() {
  const told: unknown[] = [];
  const queue = createWorkQueue<string>({
    random: () => 0,
    meter: {
      onDepth: (depth) => told.push(['depth', depth]),
      onAdd: () => told.push('add'),
      onRetry: () => told.push('retry'),
      onWait: (ms) => told.push(['wait', ms]),
      onDone: (ms) => told.push(['done', ms]),
    },
  });
  return { queue, told };
}

test('depth, waiting time and work are told; a key that is due already is no new one', async () => {
  const { queue, told } = telling();
  const work = Promise.withResolvers<void>();
  void queue.run({ concurrency: 1, signal: NEVER, handle: () => work.promise });
  await advance(1_000);
  queue.add('a');
  await settle();
  queue.add('a');
  queue.add('b');
  await advance(300);
  queue.add('a');
  queue.add('b');
  expect(queue.running()).toEqual([300]);
  work.resolve();
  await settle();
  expect(queue.running()).toEqual([]);
  expect(told).toEqual([
    'add',
    ['depth', 1],
    ['wait', 0],
    ['depth', 0],
    'add',
    'add',
    ['depth', 1],
    ['done', 300],
    ['depth', 2],
    ['wait', 300],
    ['depth', 1],
    ['done', 0],
    ['wait', 300],
    ['depth', 0],
    ['done', 0],
  ]);
});

test('a key that comes back after a delay is told when it is put back, and again when it is due', async () => {
  const { queue, told } = telling();
  queue.retry('a');
  queue.addAfter('b', 100);
  expect(told).toEqual(['retry', 'retry']);
  await advance(250);
  expect(told).toEqual(['retry', 'retry', 'add', ['depth', 1], 'add', ['depth', 2]]);
  await queue.shutdown();
  queue.retry('a');
  expect(told.slice(6)).toEqual([['depth', 0]]);
});

test('a replica that followed for an hour has no key that waited for an hour, and keeps their order', async () => {
  const { queue, told } = telling();
  for (const key of ['b', 'a']) queue.add(key);
  await advance(3_600_000);
  const order: string[] = [];
  void queue.run({ concurrency: 1, signal: NEVER, handle: async (key) => void order.push(await Promise.resolve(key)) });
  await settle();
  expect(order).toEqual(['b', 'a']);
  expect(told.filter((each) => Array.isArray(each) && each[0] === 'wait')).toEqual([
    ['wait', 0],
    ['wait', 0],
  ]);
});

test('nobody has to be told: a key that becomes due again in flight comes again', async () => {
  const queue = createWorkQueue<string>();
  const log: string[] = [];
  void queue.run({
    concurrency: 1,
    signal: NEVER,
    handle: async (key) => {
      if (log.push(key) === 1) queue.add(key);
      return Promise.resolve();
    },
  });
  queue.add('a');
  await settle();
  queue.add('b');
  await settle();
  expect(log).toEqual(['a', 'a', 'b']);
});

describe('against a model', () => {
  const BASE = 100;
  const MAX = 1_000;
  const key = fc.constantFrom('a', 'b', 'c', 'd');
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('add' as const), key }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('addAfter' as const), key, ms: fc.integer({ min: 0, max: 500 }) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('retry' as const), key }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), key }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('finish' as const), key }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 600 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('pause' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('resume' as const) }) },
  );

  /** The promises, written down the slow way. */
  function model(concurrency: number) {
    const due: string[] = [];
    const flying = new Map<string, boolean>(); // value: due again
    const later = new Map<string, { at: number; order: number }>();
    const failures = new Map<string, number>();
    const log: string[] = [];
    let time = 0;
    let order = 0;
    let paused = false;
    const add = (name: string) => {
      later.delete(name);
      if (flying.has(name)) flying.set(name, true);
      else if (!due.includes(name)) due.push(name);
    };
    const addAfter = (name: string, ms: number) => {
      if (due.includes(name) || flying.get(name) === true) return;
      if (ms <= 0) return add(name);
      const waiting = later.get(name);
      if (waiting === undefined || waiting.at > time + ms) later.set(name, { at: time + ms, order: order++ });
    };
    const handOut = () => {
      while (!paused && flying.size < concurrency) {
        const next = due.shift();
        if (next === undefined) return;
        log.push(next);
        flying.set(next, false);
      }
    };
    return {
      apply(command: typeof step extends fc.Arbitrary<infer T> ? T : never) {
        switch (command.do) {
          case 'add':
            add(command.key);
            break;
          case 'addAfter':
            addAfter(command.key, command.ms);
            break;
          case 'retry': {
            const before = failures.get(command.key) ?? 0;
            failures.set(command.key, before + 1);
            addAfter(command.key, Math.min(MAX, BASE * 2 ** before));
            break;
          }
          case 'forget':
            failures.delete(command.key);
            break;
          case 'finish':
            if (flying.get(command.key) === true) due.push(command.key);
            flying.delete(command.key);
            break;
          case 'advance': {
            time += command.ms;
            const ripe = [...later]
              .filter(([, { at }]) => at <= time)
              .sort(([, x], [, y]) => x.at - y.at || x.order - y.order);
            for (const [name] of ripe) add(name);
            break;
          }
          case 'pause':
            paused = true;
            break;
          case 'resume':
            paused = false;
        }
        handOut();
      },
      state: () => ({ log, due: due.length, flying: flying.size, later: later.size }),
    };
  }

  test('whatever happens in whatever order: FIFO, deduplicated, nothing lost, delays kept, one at a time per key', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 1, max: 3 }),
        async (commands, concurrency) => {
          vi.clearAllTimers();
          const expected = model(concurrency);
          const { queue, open, finish, run, state } = observed({ baseDelayMs: BASE, maxDelayMs: MAX }, concurrency);
          for (const command of commands) {
            if (command.do === 'advance') await advance(command.ms);
            else if (command.do === 'finish') await finish(command.key);
            else if (command.do === 'addAfter') queue.addAfter(command.key, command.ms);
            else if (command.do === 'pause' || command.do === 'resume') queue[command.do]();
            else if (command.do === 'add') queue.add(command.key);
            else if (command.do === 'retry') queue.retry(command.key);
            else queue.forget(command.key);
            await settle();
            expected.apply(command);
            expect(state()).toEqual(expected.state());
          }
          const over = queue.shutdown();
          for (const name of open.keys()) await finish(name);
          await over;
          await run;
          await settle();
          expect(vi.getTimerCount()).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });
});
