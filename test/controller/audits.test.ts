/** The controller's audits against a server that is the test: who audits, what is told, and what a failure does. */
import { expect, test } from 'vitest';
import { configurationSchema } from '../../src/config/schema.ts';
import type { Configuration } from '../../src/config/schema.ts';
import { createAudits } from '../../src/controller/audits.ts';
import type { AuditsOptions } from '../../src/controller/audits.ts';
import { createLog } from '../../src/log.ts';
import { feedsOf } from '../../src/observe/world.ts';
import { createMetrics } from '../../src/server/metrics.ts';
import { refusal, scriptedClient } from '../kube/scripted-client.ts';
import { createMemory } from '../sources/memory.ts';
import { dockerConfig, putSource, rawSecret, worldFor } from '../sources/worlds.ts';

const configurationWith = (audit?: string, reportObject = false): Configuration =>
  configurationSchema.parse({
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Configuration',
    sources: [{ name: 'hub', secret: { namespace: 'pullpass-system', name: 'hub' }, copyName: 'c' }],
    schedules: { audit },
    audit: { reportObject },
  });

function play(parts: Partial<AuditsOptions> & { pods?: () => unknown } = {}) {
  const { pods = () => ({ metadata: {}, items: [] }), ...options } = parts;
  const w = { now: 0, leading: true, configuration: configurationWith('0 * * * *', true) };
  const lines: { level: string; msg: string }[] = [];
  const published: unknown[] = [];
  const metrics = createMetrics({ version: 'test', processMetrics: false });
  const { client, calls } = scriptedClient(({ path }) => {
    if (path === '/api/v1/pods') return pods();
    if (path.endsWith('selfsubjectaccessreviews')) return { status: { allowed: false } };
    throw refusal(404);
  });
  const audits = createAudits({
    client,
    metrics,
    world: worldFor(w.configuration),
    state: createMemory(),
    namespace: 'pullpass-system',
    stop: new AbortController().signal,
    watches: { isRead: () => true, isSynced: () => true, unread: () => new Map(), problems: () => [] },
    configuration: () => w.configuration,
    leading: () => w.leading,
    term: () => new AbortController().signal,
    idle: () => Promise.resolve(),
    now: () => w.now,
    ticks: () => w.now,
    publisher: { publish: async (report) => (published.push(report), 'written') },
    log: createLog('info', {
      write: (line: string) => void lines.push(JSON.parse(line) as { level: string; msg: string }),
    }),
    ...options,
  });
  return {
    w,
    audits,
    lines,
    published,
    metrics,
    reads: () => calls.filter(({ path }) => path === '/api/v1/pods').length,
  };
}

test('the report object is written in the term as leader only', async () => {
  const { signal } = new AbortController();
  const within: AbortSignal[] = [];
  const publisher = { publish: async (_: unknown, given: AbortSignal) => (within.push(given), 'written' as const) };
  await play({ term: () => signal, publisher }).audits.scheduled();
  expect(within).toHaveLength(1);
  expect(within[0]).toBe(signal);
});

test('the leader says one line, sets the metrics and publishes', async () => {
  const { audits, lines, published, metrics } = play();
  await audits.scheduled();
  expect(lines).toMatchObject([
    {
      level: 'warn',
      msg: 'audit: 1 error: pulls fail, or will.',
      rules: { PP080: 1 },
      findings: { error: 1, warning: 0, info: 0 },
    },
  ]);
  expect(published).toHaveLength(1);
  expect((await metrics.exposition()).body).toContain('pullpass_findings{rule="PP080",severity="error"} 1');
});

test.each<[string, Parameters<typeof play>[0], (w: ReturnType<typeof play>['w']) => void]>([
  [
    'it does not lead',
    {},
    (w) => {
      w.leading = false;
    },
  ],
  [
    'the configuration has no audits',
    {},
    (w) => {
      w.configuration = configurationWith();
    },
  ],
  [
    'it is not in step with the cluster',
    {
      watches: {
        isRead: () => true,
        isSynced: () => true,
        unread: () => new Map(),
        problems: () => ['namespaces: not read yet'],
      },
    },
    () => undefined,
  ],
])('nothing is audited on schedule while %s', async (_, parts, change) => {
  const { w, audits, lines, published, reads } = play(parts);
  change(w);
  await audits.scheduled();
  expect([lines, published, reads()]).toEqual([[], [], 0]);
});

test('what is just being mended is waited for, for a while', async () => {
  const busy = Promise.withResolvers<void>();
  const { audits, reads } = play({ idle: () => busy.promise });
  const running = audits.scheduled();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(reads()).toBe(0);
  busy.resolve();
  await running;
  expect(reads()).toBe(1);

  const stuck = play({ idle: () => new Promise<void>(() => undefined), patienceMs: 10 });
  await stuck.audits.scheduled();
  expect(stuck.reads()).toBe(1);
});

test('a term that ends during the wait leaves the audit to the next leader', async () => {
  const busy = Promise.withResolvers<void>();
  const { w, audits, reads, lines } = play({ idle: () => busy.promise });
  const running = audits.scheduled();
  w.leading = false;
  busy.resolve();
  await running;
  expect([reads(), lines]).toEqual([0, []]);
});

test('nothing is published unless the configuration says so', async () => {
  const { w, audits, published } = play();
  w.configuration = configurationWith('0 * * * *');
  await audits.scheduled();
  expect(published).toEqual([]);
});

test('a failure is one line and one in the metric; what the last good audit said stays', async () => {
  let fails = false;
  const { audits, lines, metrics } = play({
    pods: () => {
      if (fails) throw refusal(500);
      return { metadata: {}, items: [] };
    },
  });
  await audits.scheduled();
  fails = true;
  await audits.scheduled();
  expect(lines[1]).toMatchObject({ level: 'error', msg: expect.stringMatching(/^audit: failed: /) as string });
  expect(lines).toHaveLength(2);
  expect(lines[1]).not.toHaveProperty('stack');
  const { body } = await metrics.exposition();
  expect(body).toMatch(/pullpass_audit_failures_total 1/);
  expect(body).toContain('pullpass_findings{rule="PP080",severity="error"} 1');
});

test('a page gets what is young enough, and a new one after that or after a reload', async () => {
  const { w, audits, reads } = play();
  const first = await audits.recent(1_000);
  w.now = 1_000;
  expect(await audits.recent(1_000)).toBe(first);
  w.now = 1_001;
  const second = await audits.recent(1_000);
  expect(second).not.toBe(first);
  w.configuration = configurationWith('1 * * * *');
  expect(await audits.recent(1_000)).not.toBe(second);
  expect(reads()).toBe(3);
});

test('a report is as old as what it saw first, however long it took', async () => {
  const w = { now: 0 };
  const { audits, reads } = play({
    now: () => w.now,
    ticks: () => w.now,
    pods: () => {
      w.now += 900;
      return { metadata: {}, items: [] };
    },
  });
  await audits.recent(1_000);
  w.now = 1_001;
  await audits.recent(1_000);
  expect(reads()).toBe(2);
});

test('a term that ends during an audit leaves no line, no metric and no object', async () => {
  for (const fails of [false, true]) {
    const played = play({
      pods: () => {
        played.w.leading = false;
        if (fails) throw refusal(500);
        return { metadata: {}, items: [] };
      },
    });
    await played.audits.scheduled();
    expect([played.lines, played.published]).toEqual([[], []]);
    expect((await played.metrics.exposition()).body).not.toMatch(
      /pullpass_findings\{|pullpass_audit_failures_total [1-9]/,
    );
  }
});

test('those that come together get the same one; those that come after a failure get a new one', async () => {
  let fails = true;
  const { audits, reads } = play({
    pods: () => {
      if (fails) throw refusal(500);
      return { metadata: {}, items: [] };
    },
  });
  const results = await Promise.allSettled([audits.recent(0), audits.recent(0), audits.recent(0)]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  expect(reads()).toBe(1);
  fails = false;
  const [a, b] = await Promise.all([audits.recent(0), audits.recent(0)]);
  expect(a).toBe(b);
});

test('a right that is missing is a gap of the report, and no failure', async () => {
  const { audits, lines } = play({
    pods: () => {
      throw refusal(403);
    },
  });
  const report = await audits.recent(0);
  expect(report.couldNotSee).toEqual([
    expect.stringMatching(/^Pods, so nothing is said about images and pulls: /),
    expect.stringMatching(/^All pull Secrets, so nothing is said about /),
  ]);
  await audits.scheduled();
  expect(lines).toMatchObject([{ couldNotSee: 2 }]);
});

test('the line counts what each rule found, and the metrics tell how long it took and what it could not see', async () => {
  const { w, audits, lines, metrics } = play({
    pods: () => {
      w.now += 2_500;
      throw refusal(403);
    },
  });
  w.configuration = configurationSchema.parse({
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Configuration',
    schedules: { audit: '0 * * * *' },
    sources: ['hub', 'corp'].map((name) => ({ name, secret: { namespace: 'pullpass-system', name }, copyName: name })),
  });
  await audits.scheduled();
  expect(lines).toMatchObject([{ rules: { PP080: 2 } }]);
  const { body } = await metrics.exposition();
  expect(body).toContain('pullpass_audit_last_success_duration_seconds 2.5\n');
  expect(body).toContain('pullpass_audit_gaps 2\n');
});

test('a page of a replica that does not lead leaves the metrics alone', async () => {
  const { w, audits, metrics } = play();
  w.leading = false;
  expect((await audits.recent(0)).findings).toHaveLength(1);
  expect((await metrics.exposition()).body).not.toContain('pullpass_findings{');
});

test('a term that ends during an audit publishes nothing, and counts no failure', async () => {
  let fails = false;
  const { w, audits, published, metrics } = play({
    pods: () => {
      w.leading = false;
      if (fails) throw refusal(500);
      return { metadata: {}, items: [] };
    },
  });
  await audits.scheduled();
  w.leading = true;
  fails = true;
  await audits.scheduled();
  expect(published).toEqual([]);
  const { body } = await metrics.exposition();
  expect(body).not.toContain('pullpass_findings{');
  expect(body).toMatch(/pullpass_audit_failures_total 0/);
});

test('a stop is no failure, and ends the wait for what is being mended', async () => {
  const stopping = new AbortController();
  const during = play({
    stop: stopping.signal,
    pods: () => {
      stopping.abort();
      return new Promise(() => undefined);
    },
  });
  await during.audits.scheduled();
  expect(during.lines).toEqual([]);
  expect((await during.metrics.exposition()).body).toMatch(/pullpass_audit_failures_total 0/);

  const later = new AbortController();
  const waiting = play({ stop: later.signal, idle: () => new Promise<void>(() => undefined) });
  const running = waiting.audits.scheduled();
  later.abort();
  await running;
  expect([waiting.reads(), waiting.lines]).toEqual([0, []]);
});

test('a report that was begun before a reload is not shown after it', async () => {
  const { w, audits, reads } = play({
    pods: () => {
      w.configuration = after;
      return { metadata: {}, items: [] };
    },
  });
  const after = configurationWith('1 * * * *');
  await audits.recent(1_000);
  await audits.recent(1_000);
  expect(reads()).toBe(2);
});

test('others have their turn again and again while the report is worked out', async () => {
  const { audits } = play();
  let turns = 0;
  let over = false;
  const others = (): void => {
    turns++;
    if (!over) setImmediate(others);
  };
  setImmediate(others);
  await audits.recent(0).finally(() => {
    over = true;
  });
  expect(turns).toBeGreaterThan(10);
});

test('a configuration that comes in the middle of an audit is the one that is audited, and what is watched for it stays', async () => {
  const next = configurationSchema.parse({
    ...configurationWith('0 * * * *'),
    sources: [{ name: 'other', secret: { namespace: 'pullpass-system', name: 'other' }, copyName: 'd' }],
  });
  const world = worldFor(configurationWith('0 * * * *'));
  let watched: unknown;
  const isRead = (): boolean => {
    if (watched !== undefined) return true;
    w.configuration = next;
    feedsOf(world, next);
    watched = world.copies.get('d');
    return true;
  };
  const { w, audits } = play({
    world,
    watches: { isRead, isSynced: () => true, unread: () => new Map(), problems: () => [] },
  });
  const { sources } = await audits.recent(0);
  expect(sources.map(({ name }) => name)).toEqual(['other']);
  expect(watched).toBeDefined();
  expect(world.copies.get('d')).toBe(watched);
});

test('a source that changes in the middle of an audit is audited as it is then', async () => {
  const world = worldFor(configurationWith('0 * * * *'));
  let reads = 0;
  const isRead = (): boolean => {
    if (++reads === 2)
      putSource(world, rawSecret({ namespace: 'pullpass-system', name: 'hub', content: dockerConfig('one') }));
    return true;
  };
  const { audits } = play({
    world,
    watches: { isRead, isSynced: () => true, unread: () => new Map(), problems: () => [] },
  });
  const { sources } = await audits.recent(0);
  expect(sources.map(({ state }) => state)).toEqual(['good']);
});
