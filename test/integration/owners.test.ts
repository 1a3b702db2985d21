/** One owner an object, whatever a configuration or another tool says of it. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runPrune } from '../../src/commands/prune.ts';
import type { Configuration } from '../../src/config/schema.ts';
import { CONTROLLER_NAMESPACE, configuration, createCluster, eventually } from './env/cluster.ts';
import type { Cluster, Controller } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';

onEachServer((server) => {
  const plain: Configuration = {
    ...configuration({ name: 'hub' }),
    cacheProxies: [
      {
        name: 'cache',
        kind: 'zot',
        source: 'hub',
        registry: 'registry.corp',
        secret: { namespace: 'cache', name: 'cache-login' },
        key: 'credentials.json',
      },
    ],
  };
  let cluster: Cluster;
  const secret = async (namespace: string, name: string) => (await cluster.getSecret(namespace, name))?.metadata;
  const label = (namespace: string, name: string, labels: Record<string, string | null>) =>
    cluster.patchSecret(namespace, name, { metadata: { labels } });
  const deletes = ({ calls }: Controller): number => calls.filter(({ verb }) => verb === 'delete').length;

  beforeAll(async () => {
    cluster = await createCluster(server());
    await cluster.namespace('cache');
    await cluster.applyRbac(plain);
    await cluster.source({ namespace: CONTROLLER_NAMESPACE, name: 'hub' }, { 'registry.corp': 'pw-1' });
    await cluster.namespace('team', { annotations: { 'pullpass.dev/sync': 'enabled' } });
  });
  afterAll(async () => cluster.close());

  test('what a configuration retires by mistake stays: the login of a cache proxy, and the state', async () => {
    // `validate` refuses it; here it comes past that.
    const controller = await cluster.controller({ ...plain, retiredCopyNames: ['cache-login', 'pullpass-state'] });
    await eventually(async () =>
      expect([
        await secret('cache', 'cache-login'),
        await secret(CONTROLLER_NAMESPACE, 'pullpass-state'),
      ]).not.toContain(undefined),
    );
    const [login, state] = [await secret('cache', 'cache-login'), await secret(CONTROLLER_NAMESPACE, 'pullpass-state')];
    await cluster.annotateNamespace('cache', { unrelated: 'change' });
    await delay(1_000);
    expect((await secret('cache', 'cache-login'))?.uid).toBe(login?.uid);
    expect((await secret(CONTROLLER_NAMESPACE, 'pullpass-state'))?.uid).toBe(state?.uid);
    expect(deletes(controller)).toBe(0);
    await controller.stop();
  });

  test('a copy is ours whatever tool calls itself its manager: it gets the new login, and goes when the namespace opts out', async () => {
    const controller = await cluster.controller(plain);
    await cluster.settled(plain);
    await label('team', 'hub-copy', { 'app.kubernetes.io/managed-by': 'Helm' });
    await cluster.source({ namespace: CONTROLLER_NAMESPACE, name: 'hub' }, { 'registry.corp': 'pw-2' });
    await eventually(async () => expect(await cluster.login('team', 'hub-copy')).toEqual({ 'registry.corp': 'pw-2' }));
    await label('team', 'hub-copy', { 'app.kubernetes.io/managed-by': 'argocd' });
    await cluster.annotateNamespace('team', { 'pullpass.dev/sync': 'disabled' });
    await eventually(async () => expect(await secret('team', 'hub-copy')).toBeUndefined());
    expect(JSON.stringify(await cluster.events('team'))).not.toContain('SecretNotOurs');
    await controller.stop();
  });

  test('what carries the labels of two is told, and not removed', async () => {
    const controller = await cluster.controller(plain);
    await cluster.annotateNamespace('team', { 'pullpass.dev/sync': 'enabled' });
    await eventually(async () => expect(await secret('team', 'hub-copy')).toBeDefined());
    await label('team', 'hub-copy', { 'pullpass.dev/cache-proxy': 'cache' });
    await eventually(async () =>
      expect(await cluster.events('team')).toContainEqual(
        expect.objectContaining({
          reason: 'SecretNotOurs',
          note: expect.stringContaining('it is unclear whose it is') as string,
        }),
      ),
    );
    const before = await secret('team', 'hub-copy');
    await cluster.annotateNamespace('team', { 'pullpass.dev/sync': 'disabled' });
    await eventually(async () => expect(await cluster.pullSecrets('team')).toEqual([]));
    await delay(300);
    expect(await secret('team', 'hub-copy')).toEqual(before);
    await controller.stop();
  });

  test("prune removes what it looked at, and nothing that became somebody else's since", async () => {
    const lines: string[] = [];
    const prune = (confirm: () => Promise<void>) =>
      runPrune({
        client: cluster.admin,
        configuration: plain,
        namespace: CONTROLLER_NAMESPACE,
        write: (line) => lines.push(line),
        confirm: () => confirm().then(() => true),
        signal: new AbortController().signal,
      });
    await expect(
      prune(() => label('cache', 'cache-login', { 'pullpass.dev/cache-proxy': null, 'their.own/label': 'x' })),
    ).rejects.toThrow(/^prune: 1 change failed; run it again/);
    expect(await secret('cache', 'cache-login')).toMatchObject({ labels: { 'their.own/label': 'x' } });
    expect(lines).toContainEqual(
      expect.stringMatching(/^login of cache proxy cache \(Secret cache-login\): not removed: /),
    );
    // The state of the first version has no label of its own.
    await cluster.secret(CONTROLLER_NAMESPACE, 'pullpass-state', {
      metadata: { labels: { 'app.kubernetes.io/managed-by': 'pullpass' } },
    });
    expect(await prune(() => Promise.resolve())).toBe(0);
    expect(await secret(CONTROLLER_NAMESPACE, 'pullpass-state')).toBeUndefined();
    expect(await secret('cache', 'cache-login')).toBeDefined();
  });
});
