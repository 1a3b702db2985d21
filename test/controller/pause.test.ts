/** A pause: what it stops at once, and what has to be in force before it ends. */
import { expect, test } from 'vitest';
import { SupersededError } from '../../src/kube/races.ts';
import { createPause } from '../../src/controller/pause.ts';
import { createMemory } from '../../src/controller/memory.ts';
import { createWorkQueue } from '../../src/controller/work-queue.ts';
import { createLog } from '../../src/log.ts';
import type { Action } from '../../src/plan/action.ts';
import { createState } from '../../src/observe/state.ts';
import { createMetrics } from '../../src/server/metrics.ts';
import { refusal, scriptedClient } from '../kube/scripted-client.ts';
import { exposed } from '../monitoring/exposition.ts';

const action: Action = { type: 'deleteCopy', namespace: 'team-a', name: 'regcred', uid: 'u', resourceVersion: '1' };
const { signal } = new AbortController();

function pausing(beforeWrites: () => Promise<void> = () => Promise.resolve()) {
  const queue = createWorkQueue<string>();
  const metrics = createMetrics({ version: 'test', processMetrics: false });
  const lines: string[] = [];
  const handled: string[] = [];
  const pause = createPause({
    queue,
    metrics,
    beforeWrites,
    log: createLog('info', { write: (line: string) => void lines.push((JSON.parse(line) as { msg: string }).msg) }),
  });
  const stop = new AbortController();
  void queue.run({
    concurrency: 1,
    signal: stop.signal,
    handle: async (key) => {
      handled.push(key);
      return Promise.resolve();
    },
  });
  return { queue, pause, lines, handled, stop, metric: async () => (await exposed(metrics)).value('pullpass_paused') };
}
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
};

test('nothing is handed out in a pause; what came up meanwhile follows when it is over; each change is one line', async () => {
  const p = pausing();
  p.pause.set(true);
  p.pause.set(true);
  p.queue.add('a');
  await p.pause.end();
  await turns();
  expect([p.handled, await p.metric(), p.lines]).toEqual([
    [],
    1,
    [expect.stringMatching(/^paused by the configuration/)],
  ]);
  p.pause.set(false);
  await turns();
  expect(p.handled).toEqual([]);
  await p.pause.end();
  await p.pause.end();
  await turns();
  expect([p.handled, await p.metric(), p.lines.slice(1)]).toEqual([
    ['a'],
    0,
    [expect.stringMatching(/^the pause is over/)],
  ]);
});

test('a namespace in flight begins no further write', async () => {
  const p = pausing();
  const applied: Action[] = [];
  const applier = p.pause.pausable({
    whoUndid: () => Promise.resolve('somebody'),
    apply: (each) => {
      applied.push(each);
      return Promise.resolve();
    },
  });
  await applier.apply(action, signal);
  p.pause.set(true);
  await expect(applier.apply(action, signal)).rejects.toThrow(SupersededError);
  expect(await applier.whoUndid(action, signal)).toBeUndefined();
  p.pause.set(false);
  await p.pause.end();
  await applier.apply(action, signal);
  expect(applied).toHaveLength(2);
});

test('a pause that comes back while one is being ended goes on', async () => {
  const busy = Promise.withResolvers<void>();
  const p = pausing(() => busy.promise);
  p.pause.set(true);
  p.pause.set(false);
  const ending = p.pause.end();
  p.pause.set(true);
  busy.resolve();
  await ending;
  expect([p.pause.on, p.lines.length]).toEqual([true, 1]);
});

test('a stop in a pause does not wait for what is queued', async () => {
  const p = pausing();
  p.pause.set(true);
  p.queue.add('a');
  await p.queue.shutdown();
  expect(p.handled).toEqual([]);
});

test('in a pause the state is looked at and not made; it is made when the pause ends, and not twice', async () => {
  const { client, calls } = scriptedClient(({ verb, body }) => {
    if (verb === 'get') throw refusal(404);
    return { ...body, metadata: { name: 'pullpass-state', uid: 'u', resourceVersion: '1' } };
  });
  const state = createState(client, 'pullpass-system');
  const memory = createMemory(state, {
    namespace: 'pullpass-system',
    log: createLog('fatal'),
    halt: (why) => expect.fail(why.message),
  });
  await memory.load(true, signal);
  state.setProxy('cache', { applied: { mac: state.mac('x'), at: new Date(0).toISOString() } });
  await state.save(signal);
  expect(calls.map(({ verb }) => verb)).toEqual(['get']);
  const before = state.mac('x');
  await memory.resume(signal);
  await memory.resume(signal);
  expect(calls.map(({ verb }) => verb)).toEqual(['get', 'get', 'patch']);
  expect(state.mac('x')).toBe(before);
});
