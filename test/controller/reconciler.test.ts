import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createReconciler } from '../../src/controller/reconciler.ts';
import { createTenantLog } from '../../src/controller/tenant-log.ts';
import type { Retry } from '../../src/retry.ts';
import { createRotations } from '../../src/rotation/rotations.ts';
import { namespaceKey } from '../../src/controller/triggers.ts';
import type { Key } from '../../src/controller/triggers.ts';
import { createWorkQueue } from '../../src/controller/work-queue.ts';
import { UnreachableError } from '../../src/kube/api-error.ts';
import { createLog } from '../../src/log.ts';
import type { Action } from '../../src/plan/action.ts';
import type { ObservedScope } from '../../src/plan/observed.ts';
import { refusal } from '../kube/scripted-client.ts';
import { account, copy, namespace, scope, source } from '../plan/observations.ts';
import { SupersededError } from '../../src/kube/races.ts';

// setImmediate stays real: the queue hands out on turns of the event loop, which are no time.
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] }));
const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
  vi.useRealTimers();
});

async function pass(ms = 0): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A controller with one namespace; the test says what is observed and what writes come to. */
function controlling(
  apply: (action: Action, signal: AbortSignal) => void | Promise<void> = () => undefined,
  proxy: (name: string) => Retry | Promise<Retry> = () => 'done',
) {
  let observed: ObservedScope | undefined = scope();
  const queue = createWorkQueue<Key>({ random: () => 0 });
  const lines: { level: string; msg: string }[] = [];
  const events: string[] = [];
  const results: string[] = [];
  const complete: string[] = [];
  const contested = new Map<string, number>();
  /** What is read of who undoes a write, look by look. */
  const whoUndid: (string | undefined)[] = [];
  const tried: Action[] = [];
  const proxied: string[] = [];
  let open = true;
  const settled: string[] = [];
  let observing: () => void = () => undefined;
  const unread = { now: false };
  const seen: string[] = [];
  const about: object[] = [];
  const log = createLog('debug', {
    write: (line) => void lines.push(JSON.parse(line) as { level: string; msg: string }),
  });
  const rotations = createRotations(log, { pending: () => undefined, complete: (name) => complete.push(name) });
  const controller = createReconciler({
    queue,
    rotations,
    log,
    tenantLog: createTenantLog({ log }),
    brake: {
      isOpen: () => open,
      settle: (name, plan) => void settled.push(`${name} keeps ${plan?.held?.copies.length ?? 0}`),
    },
    observe: () => {
      observing();
      return observed;
    },
    isUnread: () => unread.now,
    onSeen: (name, isThere) => void seen.push(`${name} ${isThere ? 'is there' : 'is not there'}`),
    applier: {
      whoUndid: () => Promise.resolve(whoUndid.shift()),
      apply: async (action, signal) => {
        tried.push(action);
        await apply(action, signal);
      },
    },
    events: {
      record({ regarding, reason, note }) {
        about.push(regarding);
        events.push(`${reason} ${regarding.kind}/${regarding.name}: ${note}`);
      },
      resolve: ({ kind, name }, reason, note) => void events.push(`mended: ${reason} ${kind}/${name}: ${note}`),
      flush: () => Promise.resolve(),
      stop: () => undefined,
    },
    proxy: async (name) => {
      proxied.push(name);
      return await proxy(name);
    },
    metrics: {
      contestedObjects: { set: ({ kind }: { kind: string }, n: number) => void contested.set(kind, n) } as never,
    },
    onReconciled: (result) => void results.push(result),
  });
  const stop = new AbortController();
  const fence = new AbortController();
  const done = controller.run({ concurrency: 4, signal: stop.signal, fence: fence.signal });
  stops.push(async () => {
    stop.abort();
    await done;
    await queue.shutdown();
  });
  return {
    unread,
    seen,
    about,
    queue,
    lines,
    events,
    results,
    complete,
    contested,
    whoUndid,
    tried,
    proxied,
    rotations,
    controller,
    stop,
    fence,
    done,
    told: (level: string) => lines.filter((line) => line.level === level).map(({ msg }) => msg),
    onObserve: (run: () => void) => {
      observing = run;
    },
    settled,
    hold: () => {
      open = false;
    },
    /** What is so from now on; undefined: no such namespace. */
    async now(next: ObservedScope | undefined): Promise<void> {
      observed = next;
      queue.add(namespaceKey('team-a'));
      await pass();
    },
  };
}
const IN_SYNC = scope({
  copies: [copy()],
  serviceAccounts: [account({ pullSecrets: ['regcred'], added: 'regcred', annotated: true })],
});

describe('while removals are held', () => {
  const optedOut = scope({
    namespace: namespace({ sync: 'disabled' }),
    copies: [copy()],
    serviceAccounts: [account({ pullSecrets: ['regcred'], added: 'regcred', annotated: true })],
  });

  test('nothing is taken from a namespace that opted out, and what it keeps is told', async () => {
    const c = controlling();
    c.hold();
    await c.now(optedOut);
    expect([c.tried, c.settled]).toEqual([[], ['team-a keeps 1']]);
  });

  test('a namespace that opted in gets its copy', async () => {
    const c = controlling();
    c.hold();
    await c.now(scope());
    expect(c.tried.map(({ type }) => type)).toEqual(['createCopy', 'editReferences']);
  });

  test('one that is gone keeps nothing', async () => {
    const c = controlling();
    await c.now(undefined);
    expect(c.settled).toEqual(['team-a keeps 0']);
  });
});

describe('a listed namespace', () => {
  test('that cannot be read is behind in a rotation, as far as anybody knows', async () => {
    const c = controlling();
    c.rotations.begin('upstream', 'new', ['team-a'], false);
    c.unread.now = true;
    await c.now(undefined);
    expect([c.complete, c.seen]).toEqual([[], []]);
    c.unread.now = false;
    await c.now(undefined);
    expect([c.complete, c.seen]).toEqual([['upstream'], ['team-a is not there']]);
    await c.now(IN_SYNC);
    expect(c.seen).toEqual(['team-a is not there', 'team-a is there']);
  });

  test('has no UID that anybody knows, and its Events have none', async () => {
    const c = controlling();
    await c.now(scope({ namespace: namespace({ sync: 'nonsense', uid: '' }) }));
    expect(c.about.at(-1)).toEqual({ apiVersion: 'v1', kind: 'Namespace', name: 'team-a' });
  });
});

describe('a reconcile', () => {
  test('that changes something tells it in one line; one that finds all in sync says nothing', async () => {
    const c = controlling();
    await c.now(scope());
    expect(c.told('info')).toEqual(['copy regcred created, ServiceAccount default: +regcred']);
    await c.now(IN_SYNC);
    expect(c.lines).toHaveLength(1);
    expect(c.results).toEqual(['changed', 'in-sync']);
    expect(c.controller.standings().get('team-a')?.[0]?.copy).toBe('in sync');
  });

  test('of a rotation is no news: the rotation has a line of its own', async () => {
    const c = controlling();
    await c.now({ ...IN_SYNC, copies: new Map([['regcred', copy({ digest: 'old' })]]) });
    expect(c.told('info')).toEqual([]);
    expect(c.told('debug')).toEqual(['copy regcred updated']);
  });

  test('of a namespace that is gone forgets everything about it', async () => {
    const c = controlling();
    await c.now(scope({ namespace: namespace({ sync: 'nonsense' }) }));
    expect(c.controller.standings().size).toBe(1);
    await c.now(undefined);
    expect(c.controller.standings().size).toBe(0);
    expect(c.events.at(-1)).toMatch(/^mended: InvalidAnnotation Namespace\/team-a: .*"nonsense"/);
  });

  test('that runs into a bug of ours is told and tried again, and stops nobody else', async () => {
    const c = controlling();
    let broken = true;
    c.onObserve(() => {
      if (broken) throw new TypeError('a bug');
    });
    await c.now(scope());
    expect(c.told('error')).toEqual(['unexpected: a bug']);
    broken = false;
    await pass(250);
    expect(c.results).toEqual(['changed']);
  });
});

describe('trying again', () => {
  async function delays(error: unknown, tries: number): Promise<number[]> {
    const at: number[] = [];
    const c = controlling(() => {
      at.push(Date.now());
      throw error as Error;
    });
    await c.now(scope({ serviceAccounts: [] }));
    for (let i = 0; i < 400 && at.length < tries; i++) await pass(50);
    return at.slice(1).map((t, i) => t - (at[i] ?? 0));
  }

  test('after an error, with a growing pause', async () => {
    expect(await delays(new UnreachableError('x'), 5)).toEqual([250, 500, 1_000, 2_000]);
    expect(await delays(refusal(409), 3)).toEqual([250, 500]);
  });
  test('as late as the server wants', async () => {
    expect(await delays(refusal(429, {}, '3'), 3)).toEqual([3_000, 3_000]);
  });
  test('at once when the plan was overtaken', async () => {
    expect(await delays(new SupersededError('x'), 2)).toEqual([50]);
  });
  test('not at all when the server will say the same again; the next change is a new start', async () => {
    const c = controlling(() => {
      throw refusal(422);
    });
    await c.now(scope({ serviceAccounts: [] }));
    await pass(600_000);
    expect(c.tried).toHaveLength(1);
    await c.now(scope({ serviceAccounts: [] }));
    expect(c.tried).toHaveLength(2);
  });

  test('what passes is told only when it lasts', async () => {
    const c = controlling(() => {
      throw new UnreachableError('no route');
    });
    await c.now(scope({ serviceAccounts: [] }));
    await pass(1_000);
    expect(c.told('warn')).toEqual([]);
    await pass(10_000);
    expect(c.told('warn')[0]).toBe('copy regcred: no route');
  });

  test('a success starts the pauses from small again', async () => {
    let fails = true;
    const c = controlling(() => {
      if (fails) throw new UnreachableError('x');
    });
    await c.now(scope({ serviceAccounts: [] }));
    await pass(2_000);
    fails = false;
    await pass(5_000);
    expect(c.queue.retries(namespaceKey('team-a'))).toBe(0);
  });
});

test('a cache proxy is handled by its name, under the same retry switch', async () => {
  const retries: Retry[] = ['backoff', { afterMs: 3_000 }, 'done'];
  const c = controlling(undefined, () => retries.shift() ?? 'done');
  c.queue.add('proxy/hub');
  await pass();
  expect(c.proxied).toEqual(['hub']);
  await pass(250);
  expect(c.proxied).toHaveLength(2);
  await pass(2_999);
  expect(c.proxied).toHaveLength(2);
  await pass(1);
  expect(c.proxied).toHaveLength(3);
  await pass(600_000);
  expect(c.proxied).toHaveLength(3);
  expect(c.tried).toEqual([]);
});

describe('what is reported', () => {
  test('a problem each time it is seen, in the log once, and that it is mended', async () => {
    const c = controlling();
    const bad = scope({ namespace: namespace({ sync: 'nonsense' }) });
    await c.now(bad);
    await c.now(bad);
    expect(c.events.filter((e) => e.startsWith('InvalidAnnotation Namespace/team-a'))).toHaveLength(2);
    expect(c.told('warn')).toHaveLength(1);
    await c.now(IN_SYNC);
    expect(c.events.at(-1)).toMatch(/^mended: InvalidAnnotation Namespace\/team-a: .*"nonsense"/);
    await c.now(bad);
    expect(c.told('warn')).toHaveLength(2);
  });

  test('of two problems of one kind, only the one that is mended is taken back', async () => {
    const c = controlling();
    const selecting = { sync: 'enabled', serviceAccounts: 'BAD', sources: undefined };
    const with_ = (chosen: object) =>
      c.now(scope({ ...IN_SYNC, copies: [copy()], namespace: namespace({ ...selecting, ...chosen }) }));
    await with_({ sources: 'upstream' });
    expect(c.events).toHaveLength(1);
    // Two notes by the reason InvalidAnnotation on the Namespace, then one of them alone.
    await with_({ serviceAccounts: `BAD,${'x,'.repeat(300)}` });
    await with_({});
    const mended = c.events.filter((e) => e.startsWith('mended'));
    expect(mended).toEqual([expect.stringContaining('is too long')]);
  });

  test('what is mended is said before what is told anew: a queue that is full then has room', async () => {
    const c = controlling();
    await c.now(scope({ namespace: namespace({ sync: 'one' }) }));
    c.events.length = 0;
    await c.now(scope({ namespace: namespace({ sync: 'two' }) }));
    expect(c.events).toEqual([
      expect.stringMatching(/^mended: InvalidAnnotation Namespace\/team-a: .*"one"/),
      expect.stringContaining('is "two"'),
    ]);
  });

  test('a write that the server refuses for good, on the namespace', async () => {
    const c = controlling(() => {
      throw refusal(403, { message: 'no right' });
    });
    await c.now(scope({ serviceAccounts: [] }));
    expect(c.events).toEqual([
      'WriteRefused Namespace/team-a: The API server refuses a write of pullpass: copy regcred: GET /scripted: no right',
    ]);
  });

  test('not a write that failed and will pass', async () => {
    const c = controlling(() => {
      throw refusal(503);
    });
    await c.now(scope({ serviceAccounts: [] }));
    expect(c.events).toEqual([]);
  });
});

describe('a rotation', () => {
  test('is complete once a namespace carries the content, although a ServiceAccount in it is refused', async () => {
    const c = controlling((action) => {
      if (action.type === 'editReferences') throw refusal(422);
    });
    c.rotations.begin('upstream', 'new', ['team-a'], false);
    await c.now(scope());
    expect(c.complete).toEqual(['upstream']);
  });

  test('is not complete while the copy could not be written', async () => {
    const c = controlling(() => {
      throw refusal(422);
    });
    c.rotations.begin('upstream', 'new', ['team-a'], false);
    await c.now(scope());
    expect(c.complete).toEqual([]);
  });

  test('does not wait for a namespace that is being deleted, however long that takes', async () => {
    const c = controlling();
    c.rotations.begin('upstream', 'new', ['team-a'], false);
    await c.now(scope({ namespace: namespace({ terminating: true }) }));
    expect(c.complete).toEqual(['upstream']);
  });

  test('is not completed by a plan from before it', async () => {
    const c = controlling(() => {
      c.rotations.begin('upstream', 'newer', ['team-a'], false); // while this write is in flight
    });
    await c.now(scope({ serviceAccounts: [] }));
    expect(c.complete).toEqual([]);
    await c.now(
      scope({ sources: [source({ digest: 'newer' })], copies: [copy({ digest: 'newer' })], serviceAccounts: [] }),
    );
    expect(c.complete).toEqual(['upstream']);
  });
});

describe('the end of leadership', () => {
  test('finishes what is in flight when we stop, and starts nothing more', async () => {
    const write = Promise.withResolvers<void>();
    const c = controlling(() => write.promise);
    await c.now(scope({ serviceAccounts: [] }));
    c.stop.abort();
    let ended = false;
    void c.done.then(() => {
      ended = true;
    });
    c.queue.add(namespaceKey('team-b'));
    await pass();
    expect(ended).toBe(false);
    write.resolve();
    await pass();
    expect([ended, c.tried.length]).toEqual([true, 1]);
  });

  test('cuts what is in flight at the fence, makes no noise about it and does not try again', async () => {
    const c = controlling(
      (_, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    );
    await c.now(scope());
    c.fence.abort();
    await pass(60_000);
    expect(c.told('warn')).toEqual([]);
    expect(c.tried).toHaveLength(1);
    expect(c.queue.retries(namespaceKey('team-a'))).toBe(0);
  });
});
