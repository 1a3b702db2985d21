/** How many evictions there may be, and when there are none: pauses, the brake, limits, failures, the end of a term. */
import { expect, test } from 'vitest';
import { createHealing } from '../../src/controller/healing.ts';
import { createHealingNews } from '../../src/controller/healing-news.ts';
import { createRounds } from '../../src/healing/rounds.ts';
import type { RecordedEvent } from '../../src/kube/events.ts';
import { createStore } from '../../src/kube/store.ts';
import type { PendingPod } from '../../src/observe/pending-pods.ts';
import type { HealingCopy } from '../../src/plan/healing.ts';
import { createMetrics } from '../../src/server/metrics.ts';
import { refusal, scriptedClient } from '../kube/scripted-client.ts';
import { exposed } from '../monitoring/exposition.ts';
import { namespace, scope } from '../plan/observations.ts';
import { createMemory } from '../sources/memory.ts';

const COPY: HealingCopy = {
  ...{ source: 'hub', copyName: 'hub-copy', uid: 'c', mode: 'evict', isGood: true },
  covers: () => 'a login',
  isReferencedBy: () => true,
};

/** `answer`: to an eviction. */
function healing({
  mode = 'evict',
  answer = () => ({}),
  isOpen = () => true,
  onRead = () => undefined,
}: { mode?: HealingCopy['mode']; answer?: () => unknown; isOpen?: () => boolean; onRead?: () => void } = {}) {
  let clock = 1_000;
  const evicted: string[] = [];
  const events: RecordedEvent[] = [];
  const pods = createStore<PendingPod>();
  const { client, calls } = scriptedClient(({ verb, path }) => {
    if (verb === 'create') {
      const done = answer();
      evicted.push(path.replace(/.*namespaces\/(.*)\/eviction/, '$1'));
      return done;
    }
    onRead();
    if (path.includes('serviceaccounts')) return { metadata: {}, imagePullSecrets: [{ name: 'hub-copy' }] };
    return { metadata: { uid: path.split('/').at(-1) }, spec: { template: { spec: {} } } };
  });
  const over = Promise.withResolvers<void>();
  const pause = { on: false, over: () => over.promise };
  const metrics = createMetrics({ version: 'test', processMetrics: false });
  const state = createMemory();
  const parts = createHealing({
    ...{ client, pods, pause, brake: { isOpen }, now: () => clock },
    observe: (name) => scope({ namespace: namespace({ name }) }),
    copies: () => [{ ...COPY, mode }],
    rounds: createRounds(state),
    news: createHealingNews({
      events: { record: (event) => void events.push(event) },
      tenantLog: { line: () => undefined },
      metrics,
    }),
    timings: { gather: 0, owner: 1_000, job: 1_000, left: 60_000 },
  });
  const term = new AbortController();
  const running = parts.run(term.signal);
  return {
    ...{ parts, pods, evicted, events, calls, pause, over, term, running, state },
    metric: async (name: string, labels: object) => (await exposed(metrics)).value(name, labels as never),
    tick: (ms: number) => void (clock += ms),
    /** Until it waits: for time, or for something to do. */
    async idle() {
      for (let quiet = 0, seen = -1; quiet < 5; quiet++) {
        await new Promise((resolve) => setTimeout(resolve, 10));
        if (seen !== calls.length) quiet = 0;
        seen = calls.length;
      }
    },
    add(ns: string, name: string, owner = name, createdAt = 5_000) {
      const identity = { namespace: ns, name, uid: `uid-${name}`, resourceVersion: '1', createdAt };
      pods.put({
        ...identity,
        stuck: {
          ...identity,
          owner: { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: owner, uid: owner },
          ...{ serviceAccount: 'default', pullSecrets: [], images: ['registry.example.com/app'] },
        },
      });
      parts.touch(ns);
    },
    async stop() {
      term.abort();
      await running;
    },
  };
}

test('a pause that begins while the owner is looked at comes before the eviction', async () => {
  const h = healing({ onRead: () => void (h.pause.on = true) });
  h.add('team-a', 'web-1');
  await h.idle();
  expect([h.pause.on, h.evicted]).toEqual([true, []]);
  await h.stop();
});

test('evicts exactly the pod that was seen', async () => {
  const h = healing();
  h.add('team-a', 'web-1');
  await h.idle();
  expect(h.calls.find(({ verb }) => verb === 'create')).toMatchObject({
    path: '/api/v1/namespaces/team-a/pods/web-1/eviction',
    body: {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { namespace: 'team-a', name: 'web-1' },
      deleteOptions: { preconditions: { uid: 'uid-web-1', resourceVersion: '1' } },
    },
  });
  expect(h.events.map(({ reason, regarding }) => [reason, regarding.name])).toEqual([['PodEvicted', 'web-1']]);
  expect(await h.metric('pullpass_pod_evictions_total', { source: 'hub', result: 'evicted' })).toBe(1);
  await h.stop();
});

test('a failure of the whole cluster is no eviction of the whole cluster, and one namespace does not take all', async () => {
  const h = healing();
  for (let i = 0; i < 40; i++) h.add('greedy', `g-${i}`);
  for (let i = 0; i < 40; i++) h.add(`team-${i}`, `t-${i}`);
  await h.idle();
  expect(h.evicted).toHaveLength(20);
  expect(h.evicted.filter((each) => each.startsWith('greedy')).length).toBeLessThanOrEqual(10);
  await h.stop();
});

test('the pods of one owner go one after the other', async () => {
  const h = healing();
  h.add('team-a', 'web-1', 'web');
  h.add('team-a', 'web-2', 'web');
  await h.idle();
  expect(h.evicted).toHaveLength(1);
  h.pods.remove('team-a', h.evicted[0]?.split('/').at(-1) ?? '');
  h.tick(1_001);
  h.parts.touch('team-a');
  await h.idle();
  expect(h.evicted).toHaveLength(2);
  await h.stop();
});

test('what the owner makes after that, and lacks the reference again, stays: also for the next leader', async () => {
  const h = healing();
  h.add('team-a', 'web-1', 'web');
  await h.idle();
  h.pods.remove('team-a', 'web-1');
  h.tick(1_001);
  h.add('team-a', 'web-2', 'web', 6_000);
  await h.idle();
  expect(h.evicted).toHaveLength(1);
  expect(h.events.map(({ reason }) => reason)).toEqual(['PodEvicted', 'PodNotEvicted']);
  expect(h.state.healed().size).toBe(1);
  await h.stop();
});

test('in a pause, and while the brake is closed, nothing is asked and nothing evicted', async () => {
  const paused = healing();
  paused.pause.on = true;
  paused.add('team-a', 'web-1');
  await paused.idle();
  expect(paused.calls).toEqual([]);
  paused.pause.on = false;
  paused.over.resolve();
  await paused.idle();
  expect(paused.evicted).toHaveLength(1);
  await paused.stop();

  const braked = healing({ isOpen: () => false });
  braked.add('team-a', 'web-1');
  await braked.idle();
  expect(braked.calls).toEqual([]);
  await braked.stop();
});

test('dry-run looks, tells once for the owner, counts its pods, and evicts and saves nothing', async () => {
  const h = healing({ mode: 'dry-run' });
  h.add('team-a', 'web-1', 'web');
  h.add('team-a', 'web-2', 'web');
  await h.idle();
  h.tick(60_001);
  h.parts.everything();
  await h.idle();
  expect(h.evicted).toEqual([]);
  expect(h.events.map(({ reason }) => reason)).toEqual(['PodWouldBeEvicted']);
  expect(await h.metric('pullpass_stuck_pods', { source: 'hub', state: 'dry-run' })).toBe(2);
  expect(h.state.healed().size).toBe(0);
  for (const name of ['web-1', 'web-2']) h.pods.remove('team-a', name);
  h.parts.touch('team-a');
  await h.idle();
  expect(await h.metric('pullpass_stuck_pods', { source: 'hub', state: 'dry-run' })).toBeUndefined();
  await h.stop();
});

test.each([429, 500, 403])('an eviction that is refused with %i is tried again, later each time', async (code) => {
  const h = healing({
    answer() {
      throw refusal(code);
    },
  });
  const tries = (): number => h.calls.filter(({ verb }) => verb === 'create').length;
  h.add('team-a', 'web-1');
  await h.idle();
  expect(tries()).toBe(1);
  h.tick(1_001);
  h.parts.touch('team-a');
  await h.idle();
  expect(tries()).toBe(2);
  h.tick(1_001);
  h.parts.touch('team-a');
  await h.idle();
  expect(tries()).toBe(2);
  expect(await h.metric('pullpass_pod_evictions_total', { source: 'hub', result: 'failed' })).toBe(2);
  await h.stop();
});

test('a pod that changed or went is no failure', async () => {
  const h = healing({
    answer() {
      throw refusal(409);
    },
  });
  h.add('team-a', 'web-1');
  await h.idle();
  expect(await h.metric('pullpass_pod_evictions_total', { source: 'hub', result: 'failed' })).toBeUndefined();
  expect(h.events).toEqual([]);
  await h.stop();
});

test('without the state saved, nothing is evicted; and nothing after the term', async () => {
  const h = healing();
  h.state.save = () => Promise.reject(refusal(500));
  h.add('team-a', 'web-1');
  await h.idle();
  expect(h.evicted).toEqual([]);
  await h.stop();
  const asked = h.calls.length;
  h.add('team-a', 'web-2');
  await h.idle();
  expect(h.calls).toHaveLength(asked);
});
