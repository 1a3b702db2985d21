/** Replicas that compete for one Lease: on fake time, over networks that break. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { isOver } from '../../src/async/term.ts';
import { runElection } from '../../src/kube/leader-election.ts';
import type { ElectionOptions } from '../../src/kube/leader-election.ts';
import { createLog } from '../../src/log.ts';
import { leaseServer } from './fake-leases.ts';
import type { Network } from './fake-leases.ts';

beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 0, 2, 3, 4, 5, 678) }));
afterEach(() => void vi.useRealTimers());

const advance = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** A clock that is off by `skewMs` and runs `rate` times as fast as the true one. */
function clockOf({ skewMs = 0, rate = 1 } = {}): Required<Pick<ElectionOptions, 'now' | 'wall' | 'timers'>> {
  const start = Date.now();
  return {
    now: () => performance.now() * rate + 12_345,
    wall: () => start + (Date.now() - start) * rate + skewMs,
    timers: { set: (run, ms) => setTimeout(run, ms / rate), clear: (timer) => clearTimeout(timer as NodeJS.Timeout) },
  };
}

type Server = ReturnType<typeof leaseServer>;

/** One replica that competes until stopped. `leading` is what its writes would go by; `fail` breaks the work of its term. */
function replica(
  server: Server,
  identity: string,
  options: Partial<ElectionOptions> = {},
  network: Network = { mode: 'up' },
) {
  const lines: { level: string; msg: string }[] = [];
  const history: string[] = [];
  const stop = new AbortController();
  let term: AbortSignal | undefined;
  let fail = (): void => undefined;
  const over = runElection(
    {
      client: server.client(network),
      namespace: 'pullpass-system',
      name: 'pullpass-controller',
      identity,
      log: createLog('info', {
        write: (line: string) => void lines.push(JSON.parse(line) as { level: string; msg: string }),
      }),
      ...clockOf(),
      random: () => 0.5,
      ...options,
      lead: async (given) => {
        term = given;
        history.push('started');
        given.addEventListener('abort', () => history.push('stopped'));
        const done = Promise.withResolvers<void>();
        fail = () => done.reject(new Error('broken'));
        given.addEventListener('abort', () => done.resolve());
        if (given.aborted) done.resolve();
        await Promise.all([done.promise, options.lead?.(given)]);
      },
    },
    stop.signal,
  );
  return {
    ...{ network, lines, history, over },
    stop: () => stop.abort(),
    fail: () => fail(),
    leading: () => term?.aborted === false,
    term: () => term,
  };
}

/** Replica `a` leads, `b` is a candidate that has seen it. */
async function pair(options: { a?: Partial<ElectionOptions>; b?: Partial<ElectionOptions> } = {}) {
  const server = leaseServer();
  const a = replica(server, 'a', options.a);
  await advance(1);
  const b = replica(server, 'b', options.b);
  await advance(10_000);
  expect([a.leading(), b.leading()]).toEqual([true, false]);
  return { server, a, b };
}

test('a term is over by its clock, before a timer has said so, and goes on with each renewal', async () => {
  let skippedMs = 0;
  const clock = clockOf();
  const a = replica(leaseServer(), 'a', { ...clock, now: () => clock.now() + skippedMs });
  await advance(1);
  const over = (): boolean => isOver(a.term());
  expect([a.leading(), over()]).toEqual([true, false]);
  // As in a process that was stopped: time has passed, and nothing has run yet.
  skippedMs = 9_000;
  expect([a.leading(), over()]).toEqual([true, false]);
  skippedMs = 10_000;
  expect([a.leading(), over()]).toEqual([true, true]);
  skippedMs = 0;
  await advance(5_000);
  skippedMs = 8_000;
  expect(over()).toBe(false);
});

describe('the Lease', () => {
  test('is created when there is none', async () => {
    const server = leaseServer();
    const a = replica(server, 'a');
    await advance(0);
    expect(server.lease()).toMatchObject({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { namespace: 'pullpass-system', name: 'pullpass-controller' },
      spec: {
        holderIdentity: 'a',
        leaseDurationSeconds: 15,
        acquireTime: '2026-01-02T03:04:05.678000Z',
        renewTime: '2026-01-02T03:04:05.678000Z',
        leaseTransitions: 0,
      },
    });
    expect([a.history, a.leading()]).toEqual([['started'], true]);
  });

  test('is renewed with one write each retry period, and what others wrote into it stays', async () => {
    const { server, a } = await pair();
    server.edit((lease) => {
      lease.metadata.annotations = { note: 'kept' };
      lease.spec.strategy = 'kept';
    });
    const before = server.lease();
    await advance(10_000);
    const after = server.lease();
    expect(after?.metadata.annotations).toEqual({ note: 'kept' });
    expect(after?.spec).toEqual({ ...before?.spec, renewTime: after?.spec.renewTime });
    expect(after?.spec.renewTime).not.toBe(before?.spec.renewTime);
    expect(a.history).toEqual(['started']);
    server.calls.length = 0;
    await advance(22_000);
    expect(server.calls.filter((verb) => verb === 'replace')).toHaveLength(10);
  });

  test('that is deleted under its leader is written anew by the leader, not taken by a candidate', async () => {
    const { server, a, b } = await pair();
    server.remove();
    a.network.mode = 'refused'; // so that the candidate is the first to see that it is gone
    await advance(4_000);
    a.network.mode = 'up';
    await advance(10_000);
    expect(server.lease()?.spec.holderIdentity).toBe('a');
    expect([a.history, b.history]).toEqual([['started'], []]);
  });

  test('that somebody gives to another replica by hand ends the term at the next renewal', async () => {
    const { server, a } = await pair();
    server.edit((lease) => {
      lease.spec.holderIdentity = 'somebody';
    });
    await advance(3_000);
    expect([a.leading(), a.history]).toEqual([false, ['started', 'stopped']]);
    expect(server.lease()?.spec.holderIdentity).toBe('somebody');
  });
});

describe('taking over', () => {
  test('a leader that crashes is replaced when its Lease has run out, not before', async () => {
    const { server, a, b } = await pair();
    a.network.mode = 'refused'; // for ever: the process is gone
    const renewed = Date.parse(server.lease()?.spec.renewTime ?? '');
    await advance(renewed + 15_000 - Date.now() - 1);
    expect(b.leading()).toBe(false);
    await advance(5_000);
    expect(b.leading()).toBe(true);
    expect(server.lease()?.spec).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  });

  test('a leader that stops frees the Lease once its work has ended, and the next one starts within a retry period', async () => {
    const work = Promise.withResolvers<void>();
    const { server, a, b } = await pair({ a: { lead: () => work.promise } });
    a.stop();
    await advance(5_000);
    expect([a.leading(), a.history, server.lease()?.spec.holderIdentity]).toEqual([false, ['started', 'stopped'], 'a']);
    work.resolve();
    await advance(0);
    await a.over;
    expect(server.lease()?.spec).toMatchObject({ leaseDurationSeconds: 1, leaseTransitions: 0 });
    expect(server.lease()?.spec.holderIdentity).toBeUndefined();
    await advance(2_400);
    expect(b.leading()).toBe(true);
    expect(server.lease()?.spec).toMatchObject({ holderIdentity: 'b', leaseDurationSeconds: 15, leaseTransitions: 1 });
  });

  test('a leader whose work fails hands over and stays a candidate', async () => {
    const { server, a, b } = await pair();
    a.fail();
    await advance(0);
    expect([a.history, server.lease()?.spec.holderIdentity]).toEqual([['started', 'stopped'], undefined]);
    expect(a.lines).toContainEqual(expect.objectContaining({ level: 'error', msg: 'the work of the leader failed' }));
    await advance(5_000);
    expect([a.leading(), b.leading()]).toEqual([false, true]);
    b.stop();
    await advance(5_000);
    expect([a.leading(), a.history]).toEqual([true, ['started', 'stopped', 'started']]);
  });

  test('a replica that is stopped while it is a candidate leaves the Lease alone', async () => {
    const { server, a, b } = await pair();
    const calls = server.calls.length;
    b.stop();
    await b.over;
    expect(server.calls.length).toBe(calls);
    expect([a.leading(), b.history]).toEqual([true, []]);
  });

  test('a replica that is stopped the moment it gets the Lease gives it up again', async () => {
    const server = leaseServer();
    const { now } = clockOf();
    const a: ReturnType<typeof replica> = replica(server, 'a', {
      now() {
        if (server.lease() !== undefined) a.stop();
        return now();
      },
    });
    await advance(0);
    await a.over;
    expect([a.leading(), server.lease()?.spec.leaseDurationSeconds]).toEqual([false, 1]);
    expect(server.lease()?.spec.holderIdentity).toBeUndefined();
  });

  test('a stop is not held up by an API server that does not answer, and leaves no timer behind', async () => {
    const { a, b } = await pair();
    a.network.mode = 'hung';
    a.stop();
    b.stop();
    await advance(4_000);
    await Promise.all([a.over, b.over]);
    expect(a.history).toEqual(['started', 'stopped']);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a leader that is cut off', () => {
  for (const mode of ['refused', 'hung'] as const) {
    test(`stops before another one starts (calls are ${mode}), and competes again afterwards`, async () => {
      const { server, a, b } = await pair();
      a.network.mode = mode;
      const renewed = Date.parse(server.lease()?.spec.renewTime ?? '');
      await advance(renewed + 10_000 - Date.now() - 1);
      expect(a.leading()).toBe(true);
      await advance(1);
      expect([a.leading(), b.leading()]).toEqual([false, false]);
      await advance(10_000);
      expect(b.leading()).toBe(true);
      a.network.mode = 'up';
      await advance(10_000);
      expect([a.leading(), b.leading()]).toEqual([false, true]);
      b.stop();
      await advance(5_000);
      expect(a.leading()).toBe(true);
    });
  }

  test('counts its time from before a renewal was sent, for the others may have seen it any time after that', async () => {
    const { server, a } = await pair();
    a.network.mode = 1_500; // each way
    await advance(30_000);
    const before = server.lease()?.spec.renewTime;
    while (server.lease()?.spec.renewTime === before) await advance(10);
    await advance(1_500);
    a.network.mode = 'hung';
    await advance(Date.parse(server.lease()?.spec.renewTime ?? '') + 10_000 - Date.now() - 1);
    expect(a.leading()).toBe(true);
    await advance(1);
    expect(a.leading()).toBe(false);
  });

  test('keeps the lead over one hung call', async () => {
    const { a } = await pair();
    a.network.mode = 'hung';
    await advance(4_000);
    a.network.mode = 'up';
    await advance(60_000);
    expect([a.leading(), a.history]).toEqual([true, ['started']]);
  });

  test('and held up until its renewal counts no more stops when it sees that, even before a timer had a chance to run', async () => {
    let frozenMs = 0;
    const { now } = clockOf();
    const { server, a } = await pair({ a: { now: () => now() + frozenMs } });
    a.network.mode = 1_500; // each way
    server.calls.length = 0;
    while (!server.calls.includes('replace')) await advance(10);
    frozenMs = 11_000;
    await advance(1_480);
    expect(a.leading()).toBe(true);
    await advance(20);
    expect(a.leading()).toBe(false);
  });
});

test('clocks that are hours apart change nothing', async () => {
  const { server, a, b } = await pair({
    a: clockOf({ skewMs: -5 * 3_600_000 }),
    b: clockOf({ skewMs: 5 * 3_600_000 }),
  });
  await advance(120_000);
  expect([a.history, b.history]).toEqual([['started'], []]);
  a.network.mode = 'refused';
  await advance(20_000);
  expect([a.leading(), b.leading()]).toEqual([false, true]);
  expect(server.lease()?.spec.leaseTransitions).toBe(1);
});

describe('the log', () => {
  const warnings = (lines: { level: string; msg: string }[]) =>
    lines.filter(({ level }) => level !== 'debug').map(({ msg }) => msg);

  test('names a missing right once, another error once, and the recovery', async () => {
    const b = replica(leaseServer(), 'b', {}, { mode: 'up', answer: 403 });
    await advance(30_000);
    b.network.answer = 500;
    await advance(30_000);
    delete b.network.answer;
    await advance(30_000);
    expect(warnings(b.lines)).toEqual([
      'cannot compete for the lead: grant get, create and update on leases.coordination.k8s.io in namespace pullpass-system',
      'cannot read or write the Lease; trying on',
      'the Lease can be read and written again',
      'leading',
    ]);
  });
});

describe('a Lease that a stranger wrote', () => {
  const byStranger = (spec: object) => {
    const server = leaseServer();
    return { server, write: () => server.put({ holderIdentity: 'stranger', leaseDurationSeconds: 15, ...spec }) };
  };

  test.each<[string, object, number]>([
    ['for years', { leaseDurationSeconds: 2_000_000_000 }, 30],
    ['a little longer than ours', { leaseDurationSeconds: 20 }, 20],
    ['for no time', { leaseDurationSeconds: 0 }, 15],
    ['for less than no time', { leaseDurationSeconds: -5 }, 15],
    ['for no number', { leaseDurationSeconds: 'long' }, 15],
    ['for more than a number', { leaseDurationSeconds: Infinity }, 15],
    ['without a duration', { leaseDurationSeconds: undefined }, 15],
    ['at no time', { renewTime: 'yesterday', acquireTime: '' }, 15],
    ['in the year 9999', { renewTime: '9999-12-31T23:59:59.000000Z' }, 15],
  ])('%s runs out', async (_, spec, seconds) => {
    const { server, write } = byStranger(spec);
    write();
    const a = replica(server, 'a');
    await advance((seconds - 1) * 1_000);
    expect(a.leading()).toBe(false);
    await advance(6_000);
    expect(a.leading()).toBe(true);
    expect(server.lease()?.spec).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 15 });
  });

  test.each([
    [2 ** 31 - 1, 2 ** 31 - 1],
    [Number.NaN, 1],
    [-7, 1],
    ['many', 1],
    [41, 42],
  ])('with %j transitions before is written with %j', async (before, after) => {
    const { server, write } = byStranger({ leaseTransitions: before });
    write();
    const a = replica(server, 'a');
    await advance(30_000);
    expect(a.leading()).toBe(true);
    expect(server.lease()?.spec.leaseTransitions).toBe(after);
  });

  test('and renews for ever cannot be outwaited: the log says once whose it is', async () => {
    const { server, write } = byStranger({ leaseDurationSeconds: 2e9, acquireTime: '2026-01-01T00:00:00.000000Z' });
    const a = replica(server, 'a');
    for (let i = 0; i < 60; i++) {
      server.put({ holderIdentity: `stranger ${'x'.repeat(10_000)}`, leaseDurationSeconds: 2e9, renewTime: String(i) });
      await advance(5_000);
    }
    expect(a.history).toEqual([]);
    expect(a.lines.map(({ msg }) => msg)).toEqual([
      'another holds the Lease with a duration of 2000000000 s, which is not trusted: without a renewal it runs out in 30 s',
    ]);
    expect(JSON.stringify(a.lines).length).toBeLessThan(1_000);
    for (let i = 0; i < 60; i++) {
      server.put({ holderIdentity: `stranger-${i}`, leaseDurationSeconds: 15 });
      await advance(5_000);
    }
    expect(a.lines.length).toBeLessThan(8);
    write();
    await advance(40_000);
    expect(a.leading()).toBe(true);
  });

  test('over ours, with no time left: no candidate takes that for the end of our term', async () => {
    const { server, a, b } = await pair();
    for (let i = 0; i < 10; i++) {
      server.edit((lease) => {
        lease.spec.leaseDurationSeconds = 0;
      });
      await advance(1_900);
    }
    expect([a.history, b.history]).toEqual([['started'], []]);
  });
});

test('timings that could let two replicas lead are refused', async () => {
  for (const [leaseDurationMs, renewDeadlineMs] of [
    [10_000, 10_000],
    [10_000, 4_000],
  ] as const)
    await expect(
      replica(leaseServer(), 'a', { timings: { leaseDurationMs, renewDeadlineMs, retryPeriodMs: 2_000 } }).over,
    ).rejects.toThrow('leaseDuration > renewDeadline');
});

describe('whatever happens to processes, networks and clocks', () => {
  const trouble = fc.oneof(
    { weight: 3, arbitrary: fc.constant('up' as const) },
    { weight: 2, arbitrary: fc.constant('refused' as const) },
    { weight: 2, arbitrary: fc.constant('hung' as const) },
    { weight: 3, arbitrary: fc.integer({ min: 1, max: 8_000 }) },
    { weight: 2, arbitrary: fc.constantFrom('stop' as const, 'crash' as const, 'fail' as const) },
  );
  const schedule = fc.array(fc.record({ after: fc.integer({ min: 0, max: 9_000 }), who: fc.nat(2), trouble }), {
    maxLength: 30,
  });
  const clocks = fc.tuple(
    ...[0, 1, 2].map(() =>
      fc.record({
        skewMs: fc.integer({ min: -3_600_000, max: 3_600_000 }),
        rate: fc.double({ min: 0.9, max: 1.1, noNaN: true }),
      }),
    ),
  );

  test('no two replicas lead at once, and one leads when all is well again', async () => {
    await fc.assert(
      fc.asyncProperty(
        schedule,
        clocks,
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        async (steps, skews, dice) => {
          vi.clearAllTimers();
          const server = leaseServer();
          const leading = new Set<string>();
          let most = 0;
          let generation = 0;
          const start = (index: number) => {
            const identity = `${index}-${generation++}`;
            return Object.assign(
              replica(server, identity, {
                ...clockOf(skews[index]),
                random: () => Number(dice.next().value),
                lead: (signal) => {
                  if (signal.aborted || crashed.has(identity)) return;
                  leading.add(identity);
                  most = Math.max(most, leading.size);
                  signal.addEventListener('abort', () => leading.delete(identity));
                },
              }),
              { identity },
            );
          };
          const crashed = new Set<string>();
          const replicas = [0, 1, 2].map(start);
          const all = [...replicas];
          for (const { after, who, trouble: what } of steps) {
            await advance(after);
            const one = replicas[who];
            if (one === undefined) continue;
            if (what === 'fail') one.fail();
            else if (what === 'stop' || what === 'crash') {
              if (what === 'stop') one.stop();
              else {
                // What it sent may still arrive; it sends nothing more, and nobody works for it.
                one.network.mode = 'hung';
                crashed.add(one.identity);
                leading.delete(one.identity);
              }
              all.push((replicas[who] = start(who)));
            } else one.network.mode = what;
          }
          for (const one of replicas) one.network.mode = 'up';
          await advance(60_000);
          expect(most).toBeLessThanOrEqual(1);
          expect(leading.size).toBe(1);
          expect(replicas.filter((one) => one.leading()).map(({ identity }) => identity)).toEqual([...leading]);
          for (const one of all) one.stop();
          await advance(30_000);
          await Promise.all(all.map(({ over }) => over));
          expect(vi.getTimerCount()).toBe(0);
        },
      ),
      { numRuns: 150 },
    );
  });
});
