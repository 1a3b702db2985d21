/** Who opts in pulls, who does not is refused; which ServiceAccounts; and what is left when one opts out. */
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

  test.each([
    { choice: 'none given', runs: ['default'] },
    { choice: 'ci-*', runs: ['ci-build'] },
    { choice: 'default, web', runs: ['default', 'web'] },
    { choice: '*', runs: ['default', 'ci-build', 'web'] },
    { choice: '*, !ci-*', runs: ['default', 'web'] },
  ])('with service-accounts: $choice, pods of $runs run, and those of the others are refused', async (row) => {
    const { pods, cluster, namespace, push, synced } = world();
    const name = `team-${row.choice.replaceAll(/[^a-z]+/g, '-')}x${row.runs.length}`;
    await namespace(name);
    const accounts = ['default', 'ci-build', 'web'];
    for (const account of accounts.slice(1)) await cluster.serviceAccount(name, account);
    await cluster.annotateNamespace(name, {
      'pullpass.dev/sync': 'enabled',
      ...(row.choice !== 'none given' && { 'pullpass.dev/service-accounts': row.choice }),
    });
    await synced(name);
    const image = await push('corp/app');
    const outcomes = await Promise.all(
      accounts.map(async (serviceAccountName) => ({
        serviceAccountName,
        outcome: await pods.run(name, serviceAccountName, image, { serviceAccountName }),
      })),
    );
    const ran = outcomes.filter(({ outcome }) => outcome === 'ran').map((each) => each.serviceAccountName);
    expect(ran).toEqual(row.runs);
  });

  test("a ServiceAccount's own sync overrides its namespace's choice", async () => {
    const { pods, cluster, namespace, push, synced } = world();
    await namespace('team-own');
    await cluster.serviceAccount('team-own', 'web', { annotations: { 'pullpass.dev/sync': 'enabled' } });
    await cluster.annotateServiceAccount('team-own', 'default', { 'pullpass.dev/sync': 'disabled' });
    await cluster.annotateNamespace('team-own', { 'pullpass.dev/sync': 'enabled' });
    await synced('team-own');
    const image = await push('corp/app');
    expect(await pods.run('team-own', 'default', image)).toBe('refused');
    expect(await pods.run('team-own', 'web', image, { serviceAccountName: 'web' })).toBe('ran');
  });

  test('an image that a node holds is refused to a namespace without a copy, and runs in another one with its own', async () => {
    const { pods, namespace, push, synced } = world();
    for (const name of ['team-first', 'team-second']) {
      await namespace(name, { optIn: true });
      await synced(name);
    }
    await namespace('team-without');
    const image = await push('corp/app');
    const held = { imagePullPolicy: 'IfNotPresent' } as const;
    expect(await pods.run('team-first', 'pulls', image, held)).toBe('ran');
    expect(await pods.run('team-without', 'tries', image, held)).toBe('refused');
    expect(await pods.run('team-second', 'holds', image, held)).toBe('ran');
  });

  test('who opts out loses reference and copy, pods there are refused again, and the entries of others stay', async () => {
    const { pods, cluster, namespace, push, synced, userIn } = world();
    await namespace('team-out', { optIn: true });
    await synced('team-out');
    await cluster.admin.patch('/api/v1/namespaces/team-out/serviceaccounts/default', 'application/json-patch+json', [
      { op: 'add', path: '/imagePullSecrets/-', value: { name: 'of-the-team' } },
    ]);
    expect(await pods.run('team-out', 'before', await push('corp/app'))).toBe('ran');
    await cluster.annotateNamespace('team-out', { 'pullpass.dev/sync': null });
    await eventually(async () => {
      expect(await userIn('team-out')).toBeUndefined();
      expect(await cluster.pullSecrets('team-out')).toEqual(['of-the-team']);
    });
    expect(await pods.run('team-out', 'after', await push('corp/app'))).toBe('refused');
  });

  // The last one: it stops the controller.
  test('prune leaves nothing of Pullpass in any namespace, and what was not its own', async () => {
    const { cli, cluster, config, pods, namespace, push, synced } = world();
    await namespace('team-last', { optIn: true });
    await synced('team-last');
    const copies = async (): Promise<string[]> =>
      (
        await cli.kubectl([
          ...['get', 'secrets', '--all-namespaces', '--output'],
          `jsonpath={range .items[?(@.metadata.name=="${COPY}")]}{.metadata.namespace} {end}`,
        ])
      )
        .trim()
        .split(' ');
    expect((await copies()).length).toBeGreaterThan(1);
    const { status, output } = await cli.pullpass('prune', '--config', config, '--stop-controller', '--yes');
    expect({ status, output }).toMatchObject({ status: 0 });
    expect(await copies()).toEqual(['pullpass-system']);
    const accounts = await cli.kubectl(['get', 'serviceaccounts', '--all-namespaces', '--output', 'json']);
    const naming = (
      JSON.parse(accounts) as { items: { metadata: { namespace: string }; imagePullSecrets?: { name: string }[] }[] }
    ).items.filter(({ imagePullSecrets = [] }) => imagePullSecrets.some(({ name }) => name === COPY));
    // The controller's own is of the installation.
    expect(naming.map(({ metadata }) => metadata.namespace).filter((name) => name !== 'pullpass-system')).toEqual([]);
    expect(await cluster.pullSecrets('team-out')).toEqual(['of-the-team']);
    expect(await pods.run('team-last', 'after', await push('corp/app'))).toBe('refused');
  });
});
