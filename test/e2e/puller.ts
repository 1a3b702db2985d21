/** Makes pods all the time, each with a pull of its own, as a busy cluster does. */
import { expect } from 'vitest';
import type { Login } from '../proof/upstream.ts';
import type { Pods } from './pods.ts';
import { FIRST } from './world.ts';
import type { World } from './world.ts';

export interface Puller {
  /** How many pods have ended so far. */
  readonly count: () => number;
  /** Resolves when so many more have ended. */
  more(pods: number): Promise<void>;
  stop(): Promise<{ readonly pods: number; readonly refused: number; readonly failedPulls: readonly string[] }>;
}

/** `image`: of each pod anew. A cache answers by itself for one that it holds. */
export function startPuller(pods: Pods, namespace: string, image: () => Promise<string>, atOnce = 2): Puller {
  let made = 0;
  let ended = 0;
  let refused = 0;
  let isStopped = false;
  let failure: Error | undefined;

  async function loop(): Promise<void> {
    while (!isStopped) {
      const name = `puller-${++made}`;
      if ((await pods.run(namespace, name, await image())) === 'refused') refused++;
      ended++;
      await pods.delete(namespace, name);
    }
  }
  const loops = Promise.all(Array.from({ length: atOnce }, loop)).catch((error: unknown) => {
    failure = error as Error;
    isStopped = true;
  });
  return {
    count: () => ended,
    async more(count) {
      const goal = ended + count;
      while (ended < goal && failure === undefined) await new Promise((resolve) => setTimeout(resolve, 100));
      if (failure !== undefined) throw failure;
    },
    async stop() {
      isStopped = true;
      await loops;
      if (failure !== undefined) throw failure;
      return { pods: ended, refused, failedPulls: await pods.failedPulls(namespace) };
    },
  };
}

/**
 * From the first login to this one while pods are made; when Pullpass says that the old one can be revoked, it is, and so many more
 * pods are made. Gives the users that the registry has seen since.
 */
export async function rotateUnder(
  puller: Puller,
  world: World,
  next: Login,
  podsAfter: number,
): Promise<() => Set<string | undefined>> {
  const { cli, config, login, upstream } = world;
  await login(next);
  const waited = await cli.pullpass('wait', '--config', config, '--source', 'upstream', '--timeout', '5m');
  expect(waited).toMatchObject({ status: 0 });
  expect(waited.output).toContain('complete: the old credential can be revoked');
  // Those that are under way have read the old login already: docs/operations.md#rotate says that they may still fail.
  await puller.more(4);
  upstream.revoke(FIRST.username);
  const asked = upstream.requests.length;
  await puller.more(podsAfter);
  return () => new Set(upstream.requests.slice(asked).map(({ user }) => user));
}
