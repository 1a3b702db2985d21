/** What ConfigMap `pullpass-status` is made of: one look at one content of each source. */
import { expect, test } from 'vitest';
import { configurationSchema } from '../../src/config/schema.ts';
import { createRotationStatus } from '../../src/controller/rotation-status.ts';
import { scriptedClient } from '../kube/scripted-client.ts';
import { createMemory } from '../sources/memory.ts';
import { dockerConfig, putSource, rawSecret, worldFor } from '../sources/worlds.ts';

const HERE = 'pullpass-system';
const configuration = configurationSchema.parse({
  apiVersion: 'pullpass.dev/v1alpha1',
  kind: 'Configuration',
  sources: [{ name: 'hub', secret: { namespace: HERE, name: 'hub' }, copyName: 'c' }],
});
const source = (content: string, resourceVersion: string) => {
  const secret = rawSecret({ namespace: HERE, name: 'hub', uid: 'u', content: dockerConfig(content) });
  return { ...secret, metadata: { ...secret.metadata, resourceVersion } };
};

test('a look in which the source changed is not told: its copies were compared with two contents', async () => {
  const world = worldFor(configuration);
  putSource(world, source('one', '1'));
  const stop = new AbortController();
  let looks = 0;
  /** Looks that had begun when something was written. */
  const told: number[] = [];
  const status = createRotationStatus({
    client: scriptedClient(() => ({ metadata: {}, items: [] })).client,
    world,
    state: createMemory(),
    watches: {
      problems() {
        looks++;
        return [];
      },
      isRead() {
        if (looks === 1) putSource(world, source('two', '2'));
        return true;
      },
    },
    configuration: () => configuration,
    events: { record: () => undefined },
    identity: 'a',
    isBusy: () => false,
    everyMs: 1,
    object: {
      read: () => Promise.resolve({}),
      write() {
        told.push(looks);
        stop.abort();
        return Promise.resolve(true);
      },
    },
  });
  await status.run(stop.signal);
  expect(told).toEqual([2]);
});

test('while much is under way it looks less often, and goes on looking', async () => {
  const stop = new AbortController();
  const looks: number[] = [];
  const status = createRotationStatus({
    client: scriptedClient(() => ({ metadata: {}, items: [] })).client,
    world: worldFor(configuration),
    state: createMemory(),
    watches: { problems: () => [], isRead: () => true },
    configuration: () => configuration,
    events: { record: () => undefined },
    identity: 'a',
    isBusy: () => true,
    everyMs: 20,
    object: {
      read: () => Promise.resolve({}),
      write() {
        looks.push(performance.now());
        if (looks.length === 2) stop.abort();
        else status.touch();
        // Not written: the next look is due at once.
        return Promise.resolve(false);
      },
    },
  });
  await status.run(stop.signal);
  const [first = 0, second = 0] = looks;
  expect(second - first).toBeGreaterThan(5 * 20);
});
