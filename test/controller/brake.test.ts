/** When the leader counts, what it waits for, and when removals go on: the brake with a world that is the test's. */
import { afterEach, describe, expect, test } from 'vitest';
import { confirmationOf } from '../../src/config/confirmation.ts';
import type { Configuration } from '../../src/config/schema.ts';
import { createBrakeNews } from '../../src/controller/brake-news.ts';
import { createBrake } from '../../src/controller/brake.ts';
import { createLog } from '../../src/log.ts';
import { planNamespace } from '../../src/plan/namespace.ts';
import { observeNamespace } from '../../src/observe/world.ts';
import type { World } from '../../src/observe/world.ts';
import { createMetrics } from '../../src/server/metrics.ts';
import { exposed } from '../monitoring/exposition.ts';
import { account, configuration, copy, namespace, source, sourceConfig } from '../plan/observations.ts';
import { worldFor } from '../sources/worlds.ts';

const GOOD = configuration([sourceConfig()]);
const SLIP = configuration([sourceConfig({ namespaces: { allow: [], deny: [] } })]);
const LABELLED = configuration([
  sourceConfig({ namespaces: { allow: ['*'], deny: [], selector: { matchLabels: { env: 'prod' } } } }),
]);
const confirmed = (config: Configuration): Configuration => ({
  ...config,
  confirmRemoval: confirmationOf(config).value,
});

function fill(world: World, count: number): string[] {
  const names = Array.from({ length: count }, (_, i) => `team-${String(i).padStart(5, '0')}`);
  for (const name of names) {
    world.namespaces.put(namespace({ name, uid: name }));
    world.serviceAccounts.put(
      account({ namespace: name, pullSecrets: ['regcred'], added: 'regcred', annotated: true }),
    );
    world.copies.get('regcred')?.put(copy({ namespace: name }));
  }
  return names;
}

const terms: AbortController[] = [];
afterEach(() => {
  for (const term of terms.splice(0)) term.abort();
});

function braking({ namespaces = 11, starting = GOOD }: { namespaces?: number; starting?: Configuration } = {}) {
  const world = worldFor(configuration([sourceConfig()], ['old']));
  const names = fill(world, namespaces);
  const w = {
    configuration: starting,
    synced: ['namespaces', 'serviceaccounts', 'copy/regcred'],
    settled: Promise.resolve(),
    read: true,
    settledSources: true,
  };
  const lines: { level: string; msg: string }[] = [];
  const events: string[] = [];
  const queued: string[] = [];
  const metrics = createMetrics({ version: 'test', processMetrics: false });
  let observed = 0;
  const observe = (name: string) => {
    observed++;
    return observeNamespace(
      world,
      name,
      w.configuration.sources.map((config) => source({ config, read: w.read })),
      w.configuration.retiredCopyNames,
    );
  };
  const brake = createBrake({
    world,
    observe,
    watches: {
      synced: () => w.synced,
      hasOthers: (known) => w.synced.some((id) => !known.has(id)),
      settled: () => w.settled,
    },
    sources: {
      settled: () => w.settledSources,
      book: {
        inForce: () => (w.read ? w.configuration.sources.map(({ name }) => name) : []),
        hasOthers: (known) => w.read && w.configuration.sources.some(({ name }) => !known.has(name)),
      },
    },
    configuration: () => w.configuration,
    enqueue: (name) => queued.push(name),
    news: createBrakeNews({
      metrics,
      namespace: 'pullpass-system',
      log: createLog('info', {
        write: (line: string) => void lines.push(JSON.parse(line) as { level: string; msg: string }),
      }),
      events: {
        record: ({ reason, regarding, note }) =>
          void events.push(`${reason} ${regarding.kind}/${regarding.name}: ${note}`),
        resolve: ({ name }, reason) => void events.push(`mended: ${reason} ${name}`),
      },
    }),
  });
  /** As the controller does it when a key comes up. */
  const reconcile = (name: string): boolean => {
    const scope = observe(name);
    const plan = scope && planNamespace(scope, { hold: !brake.isOpen() });
    brake.settle(name, plan);
    return (plan?.deleteCopies.length ?? 0) > 0;
  };
  return {
    world,
    names,
    w,
    brake,
    observe,
    observed: () => observed,
    events,
    queued,
    reconcile,
    said: () => lines.splice(0).map(({ level, msg }) => `${level}: ${msg}`),
    held: async () => (await exposed(metrics)).value('pullpass_removals_held'),
    begin() {
      const term = new AbortController();
      terms.push(term);
      brake.begin(term.signal);
      return term;
    },
    reload(next: Configuration) {
      w.configuration = next;
      brake.look();
    },
  };
}
const pass = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};

describe('before it has counted, nothing goes:', () => {
  test('not before the first term, not between its start and the count, not between a reload and the count', async () => {
    const b = braking();
    expect(b.brake.isOpen()).toBe(false);
    b.begin();
    expect(b.brake.isOpen()).toBe(false);
    await pass();
    expect(b.brake.isOpen()).toBe(true);
    b.reload(confirmed(SLIP));
    expect(b.brake.isOpen()).toBe(false);
    await pass();
    expect(b.brake.isOpen()).toBe(true);
  });

  test('not while a feed is still being read for the first time', async () => {
    const b = braking({ starting: confirmed(SLIP) });
    const read = Promise.withResolvers<void>();
    b.w.settled = read.promise;
    b.begin();
    await pass();
    expect(b.brake.isOpen()).toBe(false);
    read.resolve();
    await pass();
    expect(b.brake.isOpen()).toBe(true);
  });

  test('not before the sources are in force in this term, nor when one is at last', async () => {
    const b = braking({ starting: SLIP });
    Object.assign(b.w, { read: false, settledSources: false });
    b.begin();
    await pass();
    expect(b.brake.isOpen()).toBe(false);
    // One of them cannot be read yet, and so nothing is known of what it would remove.
    b.w.settledSources = true;
    b.brake.look();
    await pass();
    expect(b.brake.isOpen()).toBe(true);
    b.w.read = true;
    expect(b.reconcile('team-00000')).toBe(false);
    await pass();
    expect([b.brake.isOpen(), await b.held()]).toEqual([false, 11]);
  });

  test('not after a feed was read at last that could not be before: what it holds counts', async () => {
    const late = configuration([sourceConfig()], ['old']);
    const b = braking({ starting: late });
    b.begin();
    await pass();
    expect(b.brake.isOpen()).toBe(true);
    for (const name of b.names) b.world.copies.get('old')?.put(copy({ namespace: name, name: 'old' }));
    b.w.synced = [...b.w.synced, 'copy/old'];
    expect(b.brake.isOpen()).toBe(false);
    b.brake.look();
    await pass();
    expect([b.brake.isOpen(), await b.held()]).toEqual([false, 11]);
  });

  test('what was kept until then is looked at again, once it may go', async () => {
    const b = braking({ starting: confirmed(SLIP) });
    b.begin();
    expect(b.reconcile('team-00003')).toBe(false);
    await pass();
    expect(b.queued).toEqual(['team-00003']);
    expect(b.reconcile('team-00003')).toBe(true);
  });

  test('also what was planned before it was decided, and told after', async () => {
    const b = braking({ starting: confirmed(SLIP) });
    const scope = b.observe('team-00001');
    const plan = scope && planNamespace(scope, { hold: true });
    b.begin();
    await pass();
    b.brake.settle('team-00001', plan);
    expect(b.queued).toEqual(['team-00001']);
  });
});

describe('a slip', () => {
  test('is held, told on a log line, in an Event and in a metric, all with the word that confirms it', async () => {
    const b = braking();
    b.begin();
    b.reload(SLIP);
    await pass();
    const { value } = confirmationOf(SLIP);
    expect([b.brake.isOpen(), await b.held()]).toEqual([false, 11]);
    expect(b.said()).toEqual([
      expect.stringMatching(
        new RegExp(`^warn: removal held: .* away from 11 namespaces .*confirmRemoval: "${value}"$`),
      ),
    ]);
    expect(b.events).toEqual([
      expect.stringMatching(new RegExp(`^RemovalHeld Namespace/pullpass-system: removal held: .*"${value}"$`)),
    ]);
  });

  test('that is taken back has removed nothing, and is held no longer', async () => {
    const b = braking();
    b.begin();
    await pass();
    b.reload(SLIP);
    const removed: string[] = [];
    const steps: (() => Promise<void>)[] = [
      () => Promise.resolve(),
      pass,
      async () => {
        b.reload(GOOD);
        return Promise.resolve();
      },
      pass,
    ];
    for (const step of steps) {
      await step();
      removed.push(...b.names.filter((name) => b.reconcile(name)));
    }
    expect(removed).toEqual([]);
    expect([b.brake.isOpen(), await b.held(), b.events.at(-1)]).toEqual([
      true,
      0,
      'mended: RemovalHeld pullpass-system',
    ]);
    expect(b.said().at(-1)).toBe('info: removals are no longer held');
  });

  test('followed by another one stays held, and the word for the first one confirms nothing', async () => {
    const b = braking();
    b.begin();
    b.reload(SLIP);
    await pass();
    const worse = {
      ...SLIP,
      sources: [sourceConfig({ serviceAccounts: [], namespaces: { allow: [], deny: [] } })],
      confirmRemoval: confirmationOf(SLIP).value,
    };
    b.said();
    b.reload(worse);
    await pass();
    expect(b.brake.isOpen()).toBe(false);
    expect(b.said()).toEqual([
      'warn: confirmRemoval confirms another configuration than this one, and nothing here: take it out',
      expect.stringContaining(confirmationOf(worse).value) as string,
    ]);
  });

  test('that is confirmed goes through, and is told; so it is after a restart', async () => {
    for (const fresh of [false, true]) {
      const b = braking({ starting: fresh ? confirmed(SLIP) : SLIP });
      b.begin();
      await pass();
      if (!fresh) b.reload(confirmed(SLIP));
      await pass();
      expect([b.brake.isOpen(), await b.held()]).toEqual([true, 0]);
      expect(b.said()).toContain('warn: removal confirmed by the configuration: copies or references go');
    }
  });

  test('is held by the next leader, too', async () => {
    const b = braking({ starting: SLIP });
    const first = b.begin();
    await pass();
    first.abort();
    b.said();
    b.begin();
    expect(b.brake.isOpen()).toBe(false);
    await pass();
    expect([b.brake.isOpen(), b.said().length]).toEqual([false, 1]);
  });

  test('from as few as ten is none', async () => {
    const b = braking({ namespaces: 10, starting: SLIP });
    b.begin();
    await pass();
    expect([b.brake.isOpen(), b.events]).toEqual([true, []]);
  });
});

describe('what is held', () => {
  test('goes on by itself when it is small enough: a namespace fewer is seen at once', async () => {
    const b = braking({ starting: SLIP });
    b.begin();
    await pass();
    for (const name of b.names) b.reconcile(name);
    b.world.namespaces.remove('', 'team-00004');
    b.reconcile('team-00004');
    await pass();
    expect([b.brake.isOpen(), await b.held(), b.queued.length]).toEqual([true, 0, 10]);
  });

  test('is counted anew at the resync, whatever was missed; the Event is told again', async () => {
    const b = braking({ starting: SLIP });
    b.begin();
    await pass();
    b.brake.again();
    await pass();
    expect([b.events.length, b.said().length]).toEqual([2, 1]);
    for (const name of b.names.slice(0, 5)) b.world.copies.get('regcred')?.remove(name, 'regcred');
    for (const name of b.names.slice(0, 5)) b.world.serviceAccounts.remove(name, 'default');
    b.brake.again();
    await pass();
    expect(b.brake.isOpen()).toBe(true);
  });

  test('grows with each tenant who opts out meanwhile: they wait too', async () => {
    const b = braking({
      namespaces: 12,
      starting: configuration([sourceConfig({ namespaces: { allow: ['team-00000'], deny: [] } })]),
    });
    b.begin();
    await pass();
    expect(await b.held()).toBe(11);
    b.world.namespaces.put(
      namespace({ name: 'team-00000', uid: 'team-00000', resourceVersion: '2', sync: 'disabled' }),
    );
    expect(b.reconcile('team-00000')).toBe(false);
    expect(await b.held()).toBe(12);
  });
});

test('once it is open, as many may opt out as like, until the next start or reload', async () => {
  const b = braking();
  b.begin();
  await pass();
  for (const name of b.names)
    b.world.namespaces.put(namespace({ name, uid: name, resourceVersion: '2', sync: 'disabled' }));
  expect(b.names.filter((name) => b.reconcile(name))).toHaveLength(11);
  b.reload({ ...GOOD });
  await pass();
  expect(b.brake.isOpen()).toBe(false);
});

test('labels are as annotations: a selector that nobody fits is held, and so is a loss of labels that is seen at a start', async () => {
  const b = braking();
  const first = b.begin();
  await pass();
  b.reload(LABELLED);
  await pass();
  expect([b.brake.isOpen(), b.said().filter((line) => line.includes('from 11 namespaces')).length]).toEqual([false, 1]);
  for (const name of b.names)
    b.world.namespaces.put(namespace({ name, uid: name, resourceVersion: '2', labels: { env: 'prod' } }));
  b.brake.again();
  await pass();
  expect(b.brake.isOpen()).toBe(true);
  for (const name of b.names) b.world.namespaces.put(namespace({ name, uid: name, resourceVersion: '3' }));
  expect(b.names.filter((name) => b.reconcile(name))).toHaveLength(11);
  first.abort();
  b.begin();
  await pass();
  expect(b.brake.isOpen()).toBe(false);
});

test('a configuration that comes while another is counted is the one that counts', async () => {
  const b = braking({ namespaces: 3_000 });
  b.begin();
  b.reload(SLIP);
  await new Promise((resolve) => setImmediate(resolve));
  b.reload(GOOD);
  while (!b.brake.isOpen()) await pass();
  expect(b.events).toEqual([]);
});

test('5,000 namespaces cost less than two seconds of CPU, and others have their turn all the while', async () => {
  const b = braking({ namespaces: 5_000, starting: SLIP });
  const before = process.cpuUsage();
  let most = 0;
  b.begin();
  for (let since = 0; b.events.length === 0; since = b.observed()) {
    await new Promise((resolve) => setImmediate(resolve));
    most = Math.max(most, b.observed() - since);
  }
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1e6).toBeLessThan(2);
  expect(b.observed()).toBe(5_000);
  // In slices of five milliseconds: in one turn, whatever the machine, only a part of them.
  expect(most).toBeLessThan(2_500);
  expect(await b.held()).toBe(5_000);
});
