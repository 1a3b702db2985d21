/**
 * Real caches as pods, and containerd that asks them first (`hosts.toml`). The pods are in a namespace that did not opt in: they have no login
 * at all, so whatever they pull of a private registry came through the cache, by the login that Pullpass gave it.
 */
import { expect, test } from 'vitest';
import { environmentCache, findRegistry3, referenceCache } from '../caches.ts';
import { rotateUnder, startPuller } from '../puller.ts';
import { FIRST, onNodes, SECOND } from '../world.ts';

const CASES = [
  {
    title: 'the reference cache (Distribution, credential helper)',
    make: referenceCache,
    ip: '10.96.0.51',
    login: SECOND,
  },
  {
    title: 'Distribution with its login in the environment, rolled',
    make: environmentCache,
    ip: '10.96.0.52',
    login: { username: 'robot-3', password: 'third-password' },
  },
];

onNodes((world, settings) => {
  const registry3 = findRegistry3(settings.path);
  const missing =
    settings.node === undefined
      ? "the node's hosts.toml is out of reach"
      : 'missing' in registry3
        ? registry3.missing
        : '';
  if (missing !== '') test.skip(`real caches behind containerd: ${missing}`, () => undefined);
  test.skipIf(missing !== '').each(CASES)(
    'pods without any login pull new private images through $title, before, during and after a rotation with revocation',
    async ({ make, ip, login: next, title }) => {
      const { cli, config, install, login, mirror, namespace, pods, push } = world();
      const cache = make(world(), ip);
      await push('corp/probe');
      await cache.start();
      await install({ cacheProxies: [cache.entry] });
      await login(FIRST);
      expect(await cli.pullpass('wait', '--config', config, '--source', 'upstream', '--timeout', '5m')).toMatchObject({
        status: 0,
      });
      const team = `team-mirror-${ip.split('.').at(-1)}`;
      await namespace(team);
      expect(await pods.run(team, 'past-the-mirror', await push('corp/app'))).toBe('refused');

      await mirror(cache.url);
      const refusals = (await pods.failedPulls(team)).length;
      expect(refusals).toBeGreaterThan(0);
      expect(await pods.run(team, 'through-the-mirror', await push('corp/app'))).toBe('ran');
      const puller = startPuller(pods, team, () => push('corp/app'));
      await puller.more(6);
      const usersSince = await rotateUnder(puller, world(), next, 16);
      const { pods: count, refused } = await puller.stop();
      console.log(`${title}: ${count} pods, each with an image that nobody pulled before`);
      expect({ refused, failed: (await pods.failedPulls(team)).slice(refusals) }).toEqual({ refused: 0, failed: [] });
      expect(usersSince()).toContain(next.username);
      expect(usersSince()).not.toContain(FIRST.username);

      // Off again: it was the cache.
      await mirror();
      expect(await pods.run(team, 'past-it-again', await push('corp/app'))).toBe('refused');
    },
    900_000,
  );
});
