/** The feeds of a configuration: what holds everything up, and what only its own source. */
import { afterEach, describe, expect, test } from 'vitest';
import { createLog } from '../../src/log.ts';
import { createMetrics } from '../../src/server/metrics.ts';
import { createWatches } from '../../src/controller/watches.ts';
import { createWorld } from '../../src/observe/world.ts';
import type { Call } from '../kube/scripted-client.ts';
import { refusal, scriptedClient } from '../kube/scripted-client.ts';
import { configuration, sourceConfig } from '../plan/observations.ts';

const SOURCE = 'source/pullpass-system/upstream-registry';
let open: { stop(): Promise<void> } | undefined;
afterEach(() => open?.stop());

/** A server that has nothing, and refuses to list at the paths that `refused` says. */
async function start(
  refused: (call: Call) => boolean = () => false,
  listed?: readonly string[],
  namespaces: readonly object[] = [],
) {
  const answer = (call: Call): unknown => {
    if (refused(call)) throw refusal(403, { reason: 'Forbidden', message: 'may not list' });
    return { metadata: { resourceVersion: '1' }, items: call.path === '/api/v1/namespaces' ? namespaces : [] };
  };
  // Without watch lists: everything is listed first.
  const { client } = scriptedClient(answer, ({ sendInitialEvents }) => {
    if (sendInitialEvents) throw refusal(422, { reason: 'Invalid' });
  });
  const seen: string[] = [];
  const world = createWorld((text) => text, 'pullpass-system', listed);
  const watches = createWatches({
    client,
    world,
    log: createLog('silent'),
    metrics: createMetrics({ version: 'test', processMetrics: false }),
  });
  const listener: Parameters<typeof watches.configure>[2] = {
    onStart: ({ id }) => void seen.push(`start ${id}`),
    onSynced: ({ id }) => void seen.push(`synced ${id}`),
  };
  open = watches;
  const source = sourceConfig();
  await watches.configure(configuration([source]), [], listener);
  return { watches, source, seen, listener, world };
}

/** Whether it is settled within a moment. */
async function isSettled(watches: { settled(signal: AbortSignal): Promise<void> }): Promise<boolean> {
  const signal = AbortSignal.timeout(400);
  await watches.settled(signal).catch(() => undefined);
  return !signal.aborted;
}

test('with every feed read it is settled, and nothing keeps it from its work', async () => {
  const { watches, source, seen } = await start();
  expect(await isSettled(watches)).toBe(true);
  expect(watches.synced()).toEqual(['namespaces', 'serviceaccounts', 'copy/regcred', SOURCE]);
  const all = new Set(watches.synced());
  expect([watches.hasOthers(all), watches.hasOthers(new Set([...all].slice(1)))]).toEqual([false, true]);
  expect([watches.isRead(source), watches.problems(), watches.stuck()]).toEqual([true, [], []]);
  expect(seen.filter((line) => line.startsWith('start'))).toHaveLength(4);
  expect(seen.filter((line) => line.startsWith('synced'))).toHaveLength(4);
});

test('a right that one source lacks is its own trouble, and holds up nothing else', async () => {
  const { watches, source } = await start(({ path }) => path.includes('/namespaces/pullpass-system/secrets'));
  expect(await isSettled(watches)).toBe(true);
  expect([watches.problems(), watches.isRead(source)]).toEqual([[], false]);
  expect(watches.problemOf(SOURCE)).toContain('may not list');
  expect([...watches.unread()].map(([{ id }, why]) => [id, why])).toEqual([
    [SOURCE, expect.stringContaining('may not list')],
  ]);
});

test.each(['namespaces', 'serviceaccounts'])(
  'without %s nothing can be planned: it waits, and says why',
  async (id) => {
    const { watches } = await start(({ path }) => path === `/api/v1/${id}`);
    expect(await isSettled(watches)).toBe(false);
    expect(watches.problems()).toEqual([expect.stringMatching(new RegExp(`^${id}: .*may not list`))]);
  },
);

test('what a new configuration no longer names is stopped, and the rest runs on', async () => {
  const { watches, seen, listener } = await start();
  await isSettled(watches);
  await watches.configure(configuration([sourceConfig({ copyName: 'other' })]), [], listener);
  expect(await isSettled(watches)).toBe(true);
  expect(watches.synced()).toEqual(['namespaces', 'serviceaccounts', SOURCE, 'copy/other']);
  expect(seen.filter((line) => line.startsWith('start'))).toHaveLength(5);
});

test('a selector that asks for further labels has all namespaces read anew; until then nothing is decided by it', async () => {
  const metadata = { name: 'team-a', uid: 'u', resourceVersion: '1', labels: { env: 'prod', tier: 'web' } };
  let isDown = false;
  const { watches, listener, world } = await start(({ path }) => isDown && path === '/api/v1/namespaces', undefined, [
    { metadata },
  ]);
  const labels = () => world.namespaces.get('', 'team-a')?.labels;
  const asking = (...keys: string[]) => {
    const matchExpressions = keys.map((key) => ({ key, operator: 'Exists' as const }));
    return sourceConfig({ namespaces: { allow: ['*'], deny: [], selector: { matchExpressions } } });
  };
  await isSettled(watches);
  expect(labels()).toBeUndefined();

  isDown = true;
  await watches.configure(configuration([asking('env')]), [], listener);
  expect(await isSettled(watches)).toBe(false);
  expect([watches.isRead(asking('env')), watches.isRead(sourceConfig()), labels()]).toEqual([false, true, undefined]);
  isDown = false;
  await expect.poll(() => watches.isRead(asking('env'))).toBe(true);
  // Its version has not changed since.
  expect(labels()).toEqual({ env: 'prod' });

  await watches.configure(configuration([asking('env', 'tier')]), [], listener);
  expect(await isSettled(watches)).toBe(true);
  expect(labels()).toEqual({ env: 'prod', tier: 'web' });
  // What is kept already needs no further list.
  await watches.configure(configuration([asking('tier')]), [], listener);
  expect(watches.isRead(asking('tier'))).toBe(true);
});

describe('with a list of namespaces', () => {
  const inside = (name: string) => (call: Call) => call.path.includes(`/namespaces/${name}/`);

  test('each has feeds of its own, and nothing is read of the cluster', async () => {
    const paths = new Set<string>();
    const { watches, source } = await start(
      ({ path }) => {
        paths.add(path);
        return false;
      },
      ['a', 'b'],
    );
    expect(await isSettled(watches)).toBe(true);
    expect(watches.synced()).toEqual([
      'serviceaccounts in a',
      'serviceaccounts in b',
      'copy/regcred in a',
      'copy/regcred in b',
      SOURCE,
    ]);
    expect([watches.isRead(source), watches.problems()]).toEqual([true, []]);
    expect(
      [...paths].filter((path) => !/^\/api\/v1\/namespaces\/[^/]+\/(?:secrets|serviceaccounts)$/.test(path)),
    ).toEqual([]);
  });

  test('one that may not be read is its own trouble: the others are ready, and the source is read', async () => {
    const { watches, source } = await start(inside('b'), ['a', 'b']);
    expect(await isSettled(watches)).toBe(true);
    expect([watches.isRead(source), watches.problems()]).toEqual([true, []]);
    expect([...watches.unread().keys()].map(({ id }) => id)).toEqual(['serviceaccounts in b', 'copy/regcred in b']);
    expect(watches.silentForMs('serviceaccounts')).toBeLessThan(60_000);
  });

  test('if none may be read it is not ready, and of no copy anything is known', async () => {
    const { watches, source } = await start((call) => inside('a')(call) || inside('b')(call), ['a', 'b']);
    expect(await isSettled(watches)).toBe(true);
    expect(watches.isRead(source)).toBe(false);
    expect(watches.problems()).toEqual([
      expect.stringMatching(/^none of the 2 namespaces listed may be read: .*may not list/),
    ]);
  });
});
