/** Who opts in pulls, who does not is refused; and what is left when one opts out. */
import { beforeAll, expect, test } from 'vitest';
import { eventually } from '../../integration/env/cluster.ts';
import { COPY, onNodes } from '../world.ts';

onNodes((world) => {
  beforeAll(() => world().install());

  test('a private image is refused before its namespace opts in, and runs after', async () => {
    const { pods, cluster, namespace, push, synced } = world();
    await namespace('team-a');
    const image = await push('corp/app');
    expect(await pods.run('team-a', 'before', image)).toBe('refused');

    await cluster.annotateNamespace('team-a', { 'pullpass.dev/sync': 'enabled' });
    await synced('team-a');
    expect(await pods.run('team-a', 'after', image)).toBe('ran');
    // Kubernetes gives the list to pods when they are made: the first one goes on without.
    expect((await pods.get('team-a', 'before')).spec.imagePullSecrets).toBeUndefined();
    expect(await pods.outcome('team-a', 'before')).toBe('refused');
  });
});
