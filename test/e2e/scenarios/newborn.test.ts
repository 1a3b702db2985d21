/** Pods that are made in the same moment as their namespace. Prints the figures of docs/e2e.md. */
import { beforeAll, expect, test } from 'vitest';
import { setTimeout as delay } from 'node:timers/promises';
import type { PodOptions } from '../pods.ts';
import { COPY, onNodes } from '../world.ts';
import type { World } from '../world.ts';

const TRIES = 20;

onNodes((world) => {
  beforeAll(() => world().install());

  test('a namespace that opts in runs its first private image within seconds', async () => {
    const { cluster, namespace, pods, push, synced } = world();
    const times: number[] = [];
    for (let number = 0; number < 10; number++) {
      const name = `team-timed-${number}`;
      await namespace(name);
      const image = await push('corp/app');
      const began = performance.now();
      await cluster.annotateNamespace(name, { 'pullpass.dev/sync': 'enabled' });
      while (!(await cluster.pullSecrets(name)).includes(COPY)) await delay(5);
      const synced = performance.now() - began;
      await pods.create(name, 'app', image);
      await pods.ran(name, 'app');
      times.push(performance.now() - began);
      if (number === 0) console.log(`copy and reference after ${synced.toFixed(0)} ms`);
    }
    await synced('team-timed-0');
    console.log(`from the opt-in to the first pod that ran: ${spread(times)}`);
    expect(Math.max(...times)).toBeLessThan(60_000);
  });

  test('a pod made with its namespace, without a reference of its own: it has the reference, or is refused for good', async () => {
    const results = await born(world(), 'team-born', {});
    const referenced = results.filter(({ hasReference }) => hasReference);
    console.log(`with the reference: ${referenced.length} of ${results.length}; ran: ${count(results)}`);
    for (const { hasReference, ran } of results) expect(ran).toBe(hasReference);
  });

  test('a pod made with its namespace that names the copy runs: at its first pull, or after the back-off', async () => {
    const results = await born(world(), 'team-named', { imagePullSecrets: [{ name: COPY }] });
    const [first, late] = [results.filter(({ refused }) => !refused), results.filter(({ refused }) => refused)];
    console.log(
      `the copy was there at the first pull: ${first.length} of ${results.length}, ran after ${spread(first.map(({ ms }) => ms))}; ` +
        `after a failed pull: ${late.length}${late.length === 0 ? '' : `, ran after ${spread(late.map(({ ms }) => ms))}`}`,
    );
    expect(count(results)).toBe(TRIES);
  });
});

interface Born {
  readonly hasReference: boolean;
  readonly refused: boolean;
  readonly ran: boolean;
  readonly ms: number;
}

/** One after the other: namespace with its opt-in, then the pod as soon as the API server takes it, which is when the ServiceAccount is there. */
async function born(world: World, prefix: string, options: PodOptions): Promise<Born[]> {
  const { cluster, pods, push } = world;
  const results: Born[] = [];
  for (let number = 0; number < TRIES; number++) {
    const name = `${prefix}-${number}`;
    const image = await push('corp/app');
    world.forgetLater(name);
    const began = performance.now();
    await cluster.admin.create('/api/v1/namespaces', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, annotations: { 'pullpass.dev/sync': 'enabled' } },
    });
    for (let isMade = false; !isMade;)
      isMade = await pods.create(name, 'app', image, options).then(
        () => true,
        async (error: unknown) => {
          if (!/error looking up service account/.test(String(error))) throw error;
          await delay(2);
          return false;
        },
      );
    const hasReference = (await pods.get(name, 'app')).spec.imagePullSecrets?.some((entry) => entry.name === COPY);
    if (hasReference === true) await pods.ran(name, 'app');
    else await pods.outcome(name, 'app');
    const { phase } = (await pods.get(name, 'app')).status;
    const refused = (await pods.failedPulls(name)).length > 0;
    results.push({
      hasReference: hasReference === true,
      refused,
      ran: phase === 'Succeeded',
      ms: performance.now() - began,
    });
  }
  return results;
}

const count = (results: readonly Born[]): number => results.filter(({ ran }) => ran).length;

function spread(times: readonly number[]): string {
  const sorted = [...times].sort((a, b) => a - b).map((ms) => (ms / 1000).toFixed(1));
  return `${sorted[0]} to ${sorted.at(-1)} s, median ${sorted[Math.floor(sorted.length / 2)]} s`;
}
