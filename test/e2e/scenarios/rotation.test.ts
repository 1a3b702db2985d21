/** A login is rotated and the old one revoked, while pods are made all the time: no pull of theirs fails. */
import { beforeAll, expect, test } from 'vitest';
import { rotateUnder, startPuller } from '../puller.ts';
import { FIRST, onNodes, SECOND } from '../world.ts';

onNodes((world) => {
  beforeAll(() => world().install());

  test('no pull fails while a login is rotated, waited for and revoked under pods that are made all the time', async () => {
    const { namespace, pods, push, synced, userIn } = world();
    await namespace('team-busy', { optIn: true });
    await synced('team-busy');
    const image = await push('corp/app');
    const puller = startPuller(pods, 'team-busy', async () => image);
    await puller.more(10);
    expect(await userIn('team-busy')).toBe(FIRST.username);

    const usersSince = await rotateUnder(puller, world(), SECOND, 30);
    const { pods: count, ...failed } = await puller.stop();
    console.log(`${count} pods, each with a pull of its own`);
    expect(failed).toEqual({ refused: 0, failedPulls: [] });
    expect(usersSince()).toContain(SECOND.username);
    expect(usersSince()).not.toContain(FIRST.username);
    expect(await userIn('team-busy')).toBe(SECOND.username);
    // An image that nobody has pulled yet, to show that the old login was not what carried the others.
    expect(await pods.run('team-busy', 'new-image', await push('corp/other'))).toBe('ran');
  });

  test('a login that the registry refuses reaches no namespace, and pods go on with the last good one', async () => {
    const { cli, config, login, namespace, pods, push, synced, userIn } = world();
    await namespace('team-safe', { optIn: true });
    await synced('team-safe');
    const before = await userIn('team-safe');
    await login({ username: 'robot-3', password: 'mistyped' }, { isKnown: false });
    const waited = await cli.pullpass('wait', '--config', config, '--source', 'upstream', '--timeout', '20s');
    expect(waited.status).toBe(1);
    expect(await userIn('team-safe')).toBe(before);
    expect(await pods.run('team-safe', 'app', await push('corp/app'))).toBe('ran');
  });
});
