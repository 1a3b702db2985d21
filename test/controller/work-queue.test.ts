/** The queue as triggers and reconciles use it, under fake time; and against a model of what it promises. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createWorkQueue } from '../../src/controller/work-queue.ts';
import type { WorkQueue, WorkQueueOptions } from '../../src/controller/work-queue.ts';

// setImmediate stays real: the queue hands out on turns of the event loop, which are no time.
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] }));
afterEach(() => void vi.useRealTimers());

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
async function advance(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  await settle();
}

/** A queue whose handler finishes when the test says so; `log` is the order in which keys were handed out. */
function observed(options: WorkQueueOptions<string> = {}, concurrency = 1) {
  const queue = createWorkQueue<string>({ jitter: 0, ...options });
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
  return { queue, log, open, finish, run, stop };
}

describe('handing out', () => {
  test('keys come out in the order they went in, each once, however often they were added', async () => {
    const { queue, log, finish } = observed();
    for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key);
    expect(queue.depth()).toBe(3);
    await settle();
    for (const key of ['a', 'b', 'c']) await finish(key);
    expect(log).toEqual(['a', 'b', 'c']);
    expect([queue.depth(), queue.inFlight(), queue.waiting()]).toEqual([0, 0, 0]);
  });

  test('a key that is added while it is in flight is handed out once more afterwards, never beside itself', async () => {
    const { queue, log, finish } = observed({}, 4);
    queue.add('a');
    await settle();
    queue.add('a');
    queue.add('a');
    await settle();
    expect(log).toEqual(['a']);
    await finish('a');
    expect(log).toEqual(['a', 'a']);
    await finish('a');
    expect(log).toEqual(['a', 'a']);
    expect(queue.inFlight()).toBe(0);
  });

  test('no more keys are in flight than asked for', async () => {
    const { queue, log, finish } = observed({}, 2);
    for (const key of ['a', 'b', 'c']) queue.add(key);
    await settle();
    expect([log, queue.inFlight(), queue.depth()]).toEqual([['a', 'b'], 2, 1]);
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
    void queue.run({ concurrency: 16, handle: async () => void handled++ });
    for (let i = 0; i < 10_000; i++) queue.add(`key-${i}`);
    await queue.idle();
    running = false;
    expect(handled).toBe(10_000);
    expect(turns).toBeGreaterThan(10_000 / 16 / 2);
  });

  test('a handler that throws stops nothing: it is reported, and its key comes again after a backoff', async () => {
    const errors: unknown[] = [];
    const queue = createWorkQueue<string>({
      baseDelayMs: 100,
      jitter: 0,
      onError: (error, key) => errors.push([key, String(error)]),
    });
    const log: string[] = [];
    void queue.run({
      concurrency: 1,
      handle: (key) => {
        log.push(key);
        if (log.length === 1) throw new Error('at once');
        return log.length === 2 ? Promise.reject(new Error('later')) : Promise.resolve();
      },
    });
    queue.add('a');
    queue.add('b');
    await settle();
    expect(errors).toEqual([
      ['a', 'Error: at once'],
      ['b', 'Error: later'],
    ]);
    expect(queue.waiting()).toBe(2);
    await advance(100);
    expect(log).toEqual(['a', 'b', 'a', 'b']);
    expect(queue.waiting()).toBe(0);
  });
});

describe('due times', () => {
  test('a delayed key is handed out when its time has come, not before', async () => {
    const { queue, log } = observed();
    queue.addAfter('a', 1_000);
    await advance(999);
    expect([log, queue.waiting()]).toEqual([[], 1]);
    await advance(1);
    expect([log, queue.waiting()]).toEqual([['a'], 0]);
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
    await advance(3_600_000);
    expect(log).toEqual([]);
    await queue.shutdown();
  });

  test('the backoff of a key doubles up to its limit, apart from other keys, and starts small after success', async () => {
    const { queue } = observed({ baseDelayMs: 250, maxDelayMs: 1_500 });
    const delays = (key: string, times: number) => Array.from({ length: times }, () => queue.retry(key));
    expect(delays('a', 5)).toEqual([250, 500, 1_000, 1_500, 1_500]);
    expect(queue.retries('a')).toBe(5);
    expect(delays('b', 2)).toEqual([250, 500]);
    queue.forget('a');
    expect(delays('a', 1)).toEqual([250]);
    expect(delays('c', 2_000).at(-1)).toBe(1_500);
    await queue.shutdown();
  });

  test('jitter takes a part of the delay away and never makes it longer', () => {
    const queue = createWorkQueue({ baseDelayMs: 1_000, jitter: 0.5, random: () => 0.5 });
    expect(queue.retry('a')).toBe(750);
  });
});

describe('pausing and ending', () => {
  test('a paused queue takes keys in and hands them out after it is resumed', async () => {
    const { queue, log } = observed();
    queue.pause();
    queue.add('a');
    queue.addAfter('b', 10);
    await advance(100);
    expect([log, queue.depth()]).toEqual([[], 2]);
    queue.resume();
    await settle();
    expect(log).toEqual(['a']);
  });

  test('shutdown hands out nothing more and resolves when the last handler is done', async () => {
    const { queue, log, finish, run } = observed();
    queue.add('a');
    queue.add('b');
    queue.addAfter('c', 10);
    await settle();
    const over = vi.fn();
    void queue.shutdown().then(over);
    queue.add('a');
    queue.add('d');
    await advance(1_000);
    expect(over).not.toHaveBeenCalled();
    await finish('a');
    expect(over).toHaveBeenCalled();
    await run;
    expect(log).toEqual(['a']);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a run that is stopped leaves the keys to the next one', async () => {
    const { queue, log, stop, run, finish } = observed();
    queue.add('a');
    queue.add('b');
    await settle();
    stop.abort();
    await finish('a');
    await run;
    expect([log, queue.depth()]).toEqual([['a'], 1]);
    const second: string[] = [];
    void queue.run({ concurrency: 1, handle: async (key) => void second.push(key) });
    await settle();
    expect(second).toEqual(['b']);
  });

  test('only one run at a time', async () => {
    const { queue } = observed();
    await expect(queue.run({ concurrency: 1, handle: async () => undefined })).rejects.toThrow('running already');
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
    await finish('a');
    expect(idle).not.toHaveBeenCalled();
    await finish('b');
    expect(idle).toHaveBeenCalled();
    expect(queue.waiting()).toBe(1);
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

test('depth, waiting time and duration are told', async () => {
  const told: unknown[] = [];
  const { queue, finish } = observed({
    onDepth: (depth) => told.push(['depth', depth]),
    onWait: (ms) => told.push(['wait', ms]),
    onDuration: (ms, key) => told.push(['duration', ms, key]),
  });
  queue.add('a');
  await settle();
  queue.add('b');
  await advance(300);
  await finish('a');
  expect(told).toEqual([
    ['depth', 1],
    ['wait', 0],
    ['depth', 0],
    ['depth', 1],
    ['duration', 300, 'a'],
    ['wait', 300],
    ['depth', 0],
  ]);
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

  const state = (queue: WorkQueue<string>, log: string[]) => ({
    log,
    due: queue.depth(),
    flying: queue.inFlight(),
    later: queue.waiting(),
  });

  test('whatever happens in whatever order: FIFO, deduplicated, nothing lost, delays kept, one at a time per key', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 1, max: 3 }),
        async (commands, concurrency) => {
          vi.clearAllTimers();
          const expected = model(concurrency);
          const { queue, log, open, finish, run } = observed({ baseDelayMs: BASE, maxDelayMs: MAX }, concurrency);
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
            expect(state(queue, log)).toEqual(expected.state());
            expect(open.size).toBe(queue.inFlight());
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
