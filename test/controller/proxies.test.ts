/** The cache proxies of a configuration, with stores that a test fills and a product that a test plays. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { configurationSchema } from '../../src/config/schema.ts';
import { createLeaving } from '../../src/controller/leaving.ts';
import { createProxyController } from '../../src/controller/proxies.ts';
import type { ProxyStanding } from '../../src/controller/proxies.ts';
import type { Retry } from '../../src/retry.ts';
import { createLog } from '../../src/log.ts';
import type { ProxyRecord } from '../../src/plan/proxy.ts';
import type { Verdict } from '../../src/proxies/adapter.ts';
import { createRefusals } from '../../src/observe/refusals.ts';
import { createReach } from '../../src/proxies/reach.ts';
import { createMetrics } from '../../src/server/metrics.ts';
import { createMemory } from '../sources/memory.ts';

/** For a product that no kubelet and no token delays. */
const AT_ONCE = { mountSeconds: 0, lifetimeSeconds: 0, tokenSeconds: 0 };
const SECRET = { namespace: 'n', name: 'login' };
const fence = new AbortController().signal;
const configured = (...proxies: object[]) =>
  configurationSchema.parse({
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Configuration',
    sources: ['hub', 'other'].map((name) => ({
      name,
      secret: { namespace: 'pullpass-system', name },
      copyName: `${name}-copy`,
    })),
    cacheProxies: proxies,
  });
const zot = (more: object = {}) => ({
  name: 'cache',
  kind: 'zot',
  source: 'hub',
  registry: 'docker.io',
  secret: SECRET,
  settle: AT_ONCE,
  probe: { url: 'http://cache.test', repository: 'r', reference: '1' },
  ...more,
});

function controller() {
  const records = new Map<string, ProxyRecord>();
  const applied: string[] = [];
  const arrived: string[] = [];
  const events: string[] = [];
  const lines: string[] = [];
  const metrics = createMetrics({ version: 'test', processMetrics: false });
  const w = {
    now: 0,
    key: 'k',
    read: true,
    unreadable: undefined as string | undefined,
    workload: undefined as object | undefined,
    password: 'one',
    pulls: 0,
    /** What happens while it is pulled through. */
    meanwhile: (): void => undefined,
    verdict: { state: 'verified', why: 'pulled' } as Verdict,
    data: {} as Record<string, string>,
  };
  const state = createMemory({
    mac: (text) => createHash('sha256').update(`${w.key}:${text}`).digest('hex'),
    proxy: (name) => records.get(name) ?? {},
    setProxy: (name, record) => void records.set(name, record ?? {}),
  });
  const reach = createReach({ userAgent: 'test' });
  const standings = new Map<string, ProxyStanding>();
  const log = createLog('info', { write: (line) => void lines.push(line) });
  const proxies = createProxyController({
    standings,
    leaving: createLeaving({ log }),
    state,
    instance: 'pullpass-system',
    refusals: createRefusals(state, () => w.now),
    metrics,
    log,
    events: {
      record: ({ reason, note }) => void events.push(`${reason}: ${note}`),
      resolve: (_, reason) => void events.push(`resolved ${reason}`),
    },
    isGoing: () => false,
    isSynced: () => w.read,
    feedProblem: () => w.unreadable,
    credentials: () => [{ key: 'docker.io', username: 'robot', password: w.password }],
    context: (_, signal) => ({
      kube: {
        applySecret: ({ name, data }) => {
          applied.push(name);
          w.data = { ...data };
          return Promise.resolve();
        },
        readSecret: () => Promise.resolve({}),
        get: <T>(path: string) =>
          Promise.resolve((path.includes('/deployments/') ? w.workload : undefined) as T | undefined),
        patch: () => Promise.resolve(),
      },
      http: reach.http(),
      mac: state.mac,
      signal,
      copyName: 'hub-copy',
    }),
    tokenSeconds: () => Promise.resolve(undefined),
    prove: () => {
      w.pulls++;
      w.meanwhile();
      return Promise.resolve(w.verdict);
    },
    now: () => w.now,
    onDone: (source, name) => arrived.push(`${source} ${name}`),
  });
  const feedsOf = (...entries: object[]) => proxies.configure(configured(...entries));
  return Object.assign(w, {
    proxies,
    standings,
    applied,
    arrived,
    events,
    lines,
    metrics,
    feedsOf,
    /** The watch sees what was written. */
    see(feeds: ReturnType<typeof feedsOf>, version = '5', managedFields: object[] = []): void {
      for (const { store, project } of feeds) {
        store.put(
          project({
            metadata: {
              ...SECRET,
              uid: 'u',
              resourceVersion: version,
              managedFields,
              labels: { 'app.kubernetes.io/managed-by': 'pullpass', 'pullpass.dev/cache-proxy': 'cache' },
            },
            type: 'Opaque',
            data: Object.fromEntries(
              Object.entries(w.data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
            ),
          } as Parameters<typeof project>[0]),
        );
      }
    },
  });
}

const msOf = (retry: Retry): number => (typeof retry === 'object' ? retry.afterMs : NaN);

test('is given its login, and once the watch shows it, left alone', async () => {
  const c = controller();
  const feeds = c.feedsOf(zot());
  expect(feeds.map(({ selector }) => selector)).toEqual([
    { path: '/api/v1/namespaces/n/secrets', fieldSelector: 'metadata.name=login' },
  ]);
  expect(await c.proxies.handle('cache', fence)).toBe('done');
  c.see(feeds);
  expect(await c.proxies.handle('cache', fence)).toBe('done');
  expect([c.applied, c.pulls, c.arrived[0]]).toEqual([['login'], 1, 'hub cache']);
  expect([...c.standings.values()]).toMatchObject([
    { name: 'cache', source: 'hub', applied: true, verified: { state: 'verified' } },
  ]);
  expect(c.lines.join()).not.toContain('one');
});

test('nothing is done before its targets were read, and nothing for a name that is not there', async () => {
  const c = controller();
  c.feedsOf(zot());
  c.read = false;
  await c.proxies.handle('cache', fence);
  expect(await c.proxies.handle('gone', fence)).toBe('done');
  expect([c.applied, c.arrived]).toEqual([[], []]);
});

test('another key of the macs is no drift', async () => {
  const c = controller();
  const feeds = c.feedsOf(zot());
  await c.proxies.handle('cache', fence);
  c.see(feeds);
  c.key = 'another';
  await c.proxies.handle('cache', fence);
  expect(c.applied).toHaveLength(1);
});

test('a failing pull is tried again ever more rarely, whatever wakes it meanwhile, and at once for a new login', async () => {
  const c = controller();
  const feeds = c.feedsOf(zot());
  c.verdict = { state: 'refused', why: 'not found' };
  const waits: unknown[] = [];
  for (let i = 0; i < 7; i++) {
    const outcome = await c.proxies.handle('cache', fence);
    c.see(feeds);
    waits.push(msOf(outcome) / 1_000);
    const pulls = c.pulls;
    c.now += 1_000;
    expect(await c.proxies.handle('cache', fence)).toEqual({ afterMs: msOf(outcome) - 1_000 });
    expect(c.pulls).toBe(pulls);
    c.now += msOf(outcome);
  }
  expect(waits).toEqual([20, 40, 80, 160, 320, 640, 900]);
  expect(c.events.filter((event) => !event.startsWith('ProxyNotVerified: Cache proxy cache: not found'))).toEqual([]);
  expect(c.lines.filter((line) => line.includes('not found'))).toHaveLength(1);

  c.password = 'two';
  const pulls = c.pulls;
  expect(await c.proxies.handle('cache', fence)).toEqual({ afterMs: 20_000 });
  expect(c.pulls).toBe(pulls + 1);
  c.see(feeds, '6');
  c.now += 20_000;
  c.verdict = { state: 'verified', why: 'pulled' };
  c.events.length = 0;
  expect(await c.proxies.handle('cache', fence)).toBe('done');
  expect(c.events).toEqual([
    'resolved ProxyNotApplied',
    'resolved ProxyLoginRefused',
    'resolved ProxyNotVerified',
    'resolved WriteUndone',
  ]);
});

test('the schedule has each verified once more', async () => {
  const c = controller();
  const feeds = c.feedsOf(zot());
  await c.proxies.handle('cache', fence);
  c.see(feeds);
  c.proxies.verifyAgain();
  await c.proxies.handle('cache', fence);
  await c.proxies.handle('cache', fence);
  expect(c.pulls).toBe(2);
});

test('what it stood like goes with it, and with the source that it had', async () => {
  const c = controller();
  c.feedsOf(zot());
  await c.proxies.handle('cache', fence);
  expect((await c.metrics.exposition()).body).toMatch(/proxy="cache",source="hub"/);
  c.feedsOf(zot({ source: 'other' }));
  expect((await c.metrics.exposition()).body).not.toMatch(/proxy="cache",source="hub"/);
  await c.proxies.handle('cache', fence);
  c.feedsOf();
  expect(c.standings.size).toBe(0);
  expect((await c.metrics.exposition()).body).not.toMatch(/proxy="cache"/);
});

test('a store is kept while what is watched stays, and another place gets another', () => {
  const c = controller();
  const [first] = c.feedsOf(zot());
  const [same] = c.feedsOf(zot({ registry: 'ghcr.io' }));
  const [moved] = c.feedsOf(zot({ secret: { ...SECRET, name: 'elsewhere' } }));
  expect(same?.store).toBe(first?.store);
  expect(moved?.store).not.toBe(first?.store);
  expect(moved?.id).not.toBe(first?.id);
});

test('not leading any more: nothing is told', async () => {
  const c = controller();
  c.feedsOf(zot());
  expect(await c.proxies.handle('cache', AbortSignal.abort())).toBe('done');
  expect([c.applied, c.events, [...c.standings.values()]]).toEqual([[], [], []]);
});

test('what is merely not there yet is waited for without a word, and becomes a problem with its reason when it lasts', async () => {
  const c = controller();
  c.feedsOf(zot());
  c.read = false;
  c.unreadable = 'forbidden';
  const waits: unknown[] = [];
  for (let i = 0; i < 4; i++) {
    expect(c.events).toEqual([]);
    const outcome = await c.proxies.handle('cache', fence);
    waits.push(msOf(outcome));
  }
  expect(waits).toEqual([2_000, 4_000, 8_000, 16_000]);
  expect(c.events).toEqual([
    expect.stringMatching(/^ProxyNotApplied: Cache proxy cache: .*cannot be read: forbidden$/),
  ]);
  c.read = true;
  expect(await c.proxies.handle('cache', fence)).toBe('done');
  expect(c.events.slice(1)).toContain('resolved ProxyNotApplied');
});

test('a workload that is still rolling is not pulled through: the pod before would answer', async () => {
  const c = controller();
  const status = { observedGeneration: 2, replicas: 2, updatedReplicas: 1, readyReplicas: 1 };
  c.workload = { metadata: { name: 'cache', generation: 2 }, status };
  c.feedsOf(zot({ workload: { namespace: 'n', name: 'cache' } }));
  expect(await c.proxies.handle('cache', fence)).toEqual({ afterMs: 1_000 });
  expect([c.applied, c.pulls]).toEqual([['login'], 0]);
  expect([...c.standings.values()]).toMatchObject([
    {
      applied: true,
      verified: {
        state: 'unknown',
        reason: 'settling',
        why: 'Deployment n/cache: 1 pods with the login before are still there',
      },
    },
  ]);
  expect(c.arrived).toEqual([]);
  c.workload = { metadata: { name: 'cache', generation: 2 }, status: { ...status, replicas: 1 } };
  c.now += 60_000;
  await c.proxies.handle('cache', fence);
  expect([c.pulls, c.arrived]).toEqual([1, ['hub cache']]);
});

test('is asked in the second in which it has settled, whatever wakes it before, and arrives only then', async () => {
  const c = controller();
  const feeds = c.feedsOf(zot({ settle: { mountSeconds: 90, lifetimeSeconds: 10, tokenSeconds: 0 } }));
  expect(await c.proxies.handle('cache', fence)).toEqual({ afterMs: 100_000 });
  c.see(feeds);
  c.now += 99_000;
  c.proxies.verifyAgain();
  expect(await c.proxies.handle('cache', fence)).toEqual({ afterMs: 1_000 });
  expect([c.pulls, c.arrived]).toEqual([0, []]);
  expect([...c.standings.values()]).toMatchObject([{ applied: true, verified: { reason: 'settling' } }]);
  c.now += 1_000;
  expect(await c.proxies.handle('cache', fence)).toBe('done');
  expect([c.pulls, c.arrived]).toEqual([1, ['hub cache']]);
});

test('where a probe is configured, only a proof makes it arrive', async () => {
  const c = controller();
  c.feedsOf(zot());
  c.verdict = { state: 'unknown', reason: 'held already', why: 'w' };
  expect(await c.proxies.handle('cache', fence)).toEqual({ afterMs: 1_000 });
  expect(c.arrived).toEqual([]);
  const exposed = (await c.metrics.exposition()).body;
  expect(exposed).toMatch(/proxy_unknown\{proxy="cache",source="hub",reason="held-already"\} 1/);
  expect(exposed).toMatch(/proxy_done\{proxy="cache",source="hub"\} 0/);

  const without = controller();
  without.feedsOf({ ...zot(), probe: undefined });
  without.verdict = { state: 'unknown', reason: 'no probe', why: 'w' };
  expect(await without.proxies.handle('cache', fence)).toBe('done');
  expect(without.arrived).toEqual(['hub cache']);
});

test('of a cache proxy that goes, or gets another source, while it is looked at, nothing is kept', async () => {
  for (const next of [[], [zot({ source: 'other' })]]) {
    const c = controller();
    c.feedsOf(zot());
    c.meanwhile = () => void c.feedsOf(...next);
    expect(await c.proxies.handle('cache', fence)).toBe('done');
    expect([c.standings.size, c.arrived]).toEqual([0, []]);
    expect((await c.metrics.exposition()).body).not.toMatch(/proxy="cache",source="hub"/);
  }
});

test('a Secret that another writer writes back each time is written ever more rarely, and told once; a new login is not delayed', async () => {
  const c = controller();
  const feeds = c.feedsOf(zot());
  let version = 10;
  const fields = { 'f:data': { 'f:config.json': {} } };
  const theirs = [{ manager: 'replicator', operation: 'Update', time: '2030-01-01T00:00:00Z', fieldsV1: fields }];
  const undo = (): void => {
    c.data = { theirs: 'x' };
    c.see(feeds, String(version++), theirs);
  };
  const written = async (): Promise<number> => {
    const before = c.applied.length;
    await c.proxies.handle('cache', fence);
    return c.applied.length - before;
  };
  for (let i = 0; i < 4; i++) {
    undo();
    expect(await written()).toBe(1);
  }
  c.lines.length = 0;
  c.events.length = 0;
  undo();
  expect(msOf(await c.proxies.handle('cache', fence))).toBe(1_000);
  for (let i = 0; i < 20; i++) expect(await written()).toBe(0);
  expect(c.standings.get('cache')?.applied).toBe(false);
  expect([new Set(c.events).size, c.events[0], c.lines.length]).toEqual([
    1,
    expect.stringContaining(
      'another writer undoes each write of Pullpass to n/login: field manager "replicator", Update, 2030-01-01 00:00 UTC',
    ),
    1,
  ]);
  expect((await c.metrics.exposition()).body).toContain('pullpass_contested_objects{kind="CacheProxy"} 1');

  // A rotation is news.
  c.password = 'two';
  expect(await written()).toBe(1);
  undo();
  expect(await written()).toBe(0);
  c.now += 2_000;
  expect(await written()).toBe(1);

  // The other leaves it alone.
  c.see(feeds, String(version++));
  const { afterMs } = (await c.proxies.handle('cache', fence)) as { afterMs: number };
  c.now += afterMs;
  c.events.length = 0;
  expect(await c.proxies.handle('cache', fence)).toBe('done');
  expect(c.events).toContain('resolved WriteUndone');
  expect((await c.metrics.exposition()).body).toContain('pullpass_contested_objects{kind="CacheProxy"} 0');
});
