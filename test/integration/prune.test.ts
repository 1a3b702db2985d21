/** `pullpass prune`: takes out exactly what Pullpass put in, and nothing while a controller would put it back. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runPrune } from '../../src/commands/prune.ts';
import type { PruneOptions } from '../../src/commands/prune.ts';
import { CONTROLLER_NAMESPACE, configuration, createCluster, dockerConfig } from './env/cluster.ts';
import type { Cluster } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';

onEachServer((server) => {
  const config = {
    ...configuration({ name: 'hub' }, { name: 'kept', onOptOut: 'retain' }),
    cacheProxies: [
      {
        name: 'cache',
        kind: 'zot' as const,
        source: 'hub',
        registry: 'registry.corp',
        secret: { namespace: 'cache', name: 'cache-login' },
        key: 'credentials.json',
      },
    ],
  };
  let cluster: Cluster;
  const lines: string[] = [];
  const prune = (parts: Partial<PruneOptions> = {}): Promise<number> =>
    runPrune({
      client: cluster.admin,
      configuration: config,
      namespace: CONTROLLER_NAMESPACE,
      write: (line) => lines.push(line),
      confirm: () => Promise.resolve(true),
      signal: new AbortController().signal,
      ...parts,
    });

  beforeAll(async () => {
    cluster = await createCluster(server());
    await cluster.namespace('cache');
    await cluster.applyRbac(config);
    for (const name of ['hub', 'kept'])
      await cluster.source({ namespace: CONTROLLER_NAMESPACE, name }, { 'registry.corp': 'pw-1' });
    await cluster.namespace('team', { annotations: { 'pullpass.dev/sync': 'enabled' } });
    await cluster.namespace('other', { annotations: { 'pullpass.dev/sync': 'enabled' } });
    await cluster.secret('other', 'hub-copy', {
      type: 'kubernetes.io/dockerconfigjson',
      data: dockerConfig({ theirs: 'theirs' }),
    });
    await cluster.serviceAccount('team', 'app', {
      imagePullSecrets: [{ name: 'their-own' }],
      annotations: { theirs: 'stays' },
    });
    await cluster.annotateNamespace('team', { 'pullpass.dev/service-accounts': '*' });
  });
  afterAll(async () => cluster.close());

  test('is refused while a controller leads, in one line that says what to do first', async () => {
    const controller = await cluster.controller(config, { leaderElection: true });
    await cluster.settled(config);
    await expect.poll(() => cluster.getSecret('cache', 'cache-login'), { timeout: 20_000 }).toBeDefined();
    await expect(prune()).rejects.toThrow(
      /^prune: the controller is running \(test\).*scale deployment pullpass --replicas=0$/,
    );
    await controller.stop();
  });

  test('asks first, and changes nothing when the answer is no', async () => {
    let asked = '';
    expect(
      await prune({
        confirm: (question) => {
          asked = question;
          return Promise.resolve(false);
        },
      }),
    ).toBe(1);
    expect(asked).toMatch(
      // The status is there some seconds after the start.
      /^Remove 3 copies and the references of 3 ServiceAccounts in 2 namespaces, and 2 other Secrets(?: and 1 ConfigMap)?\?/,
    );
    expect(await cluster.getSecret('team', 'hub-copy')).toBeDefined();
  });

  test('removes copies, references, rendered logins and its state, retained ones too, and nothing of others', async () => {
    expect(await prune()).toBe(0);
    expect(await cluster.getSecret('team', 'hub-copy')).toBeUndefined();
    expect(await cluster.getSecret('team', 'kept-copy')).toBeUndefined();
    expect(await cluster.pullSecrets('team')).toEqual([]);
    expect(await cluster.pullSecrets('team', 'app')).toEqual(['their-own']);
    expect((await cluster.getServiceAccount('team', 'app')).metadata?.annotations).toEqual({ theirs: 'stays' });
    expect(await cluster.getSecret('cache', 'cache-login')).toBeUndefined();
    expect(await cluster.getSecret(CONTROLLER_NAMESPACE, 'pullpass-state')).toBeUndefined();
    // Not ours: the sources, and a Secret that only has the name.
    expect(await cluster.getSecret(CONTROLLER_NAMESPACE, 'hub')).toBeDefined();
    expect(await cluster.login('other', 'hub-copy')).toEqual({ theirs: 'theirs' });
  });

  test('leaves a Secret that only has the name of a login, and the login of another cache proxy', async () => {
    const labels = { 'pullpass.dev/cache-proxy': 'another' };
    await cluster.secret('cache', 'theirs', { data: dockerConfig({ theirs: 'theirs' }) });
    await cluster.secret('cache', 'cache-login', { metadata: { labels }, data: dockerConfig({ another: 'theirs' }) });
    const theirs = config.cacheProxies.map((proxy) => ({
      ...proxy,
      name: 'second',
      secret: { namespace: 'cache', name: 'theirs' },
    }));
    const cacheProxies = [...config.cacheProxies, ...theirs];
    lines.length = 0;
    expect(await prune({ configuration: { ...config, cacheProxies } })).toBe(0);
    expect(lines).toEqual(['Nothing to remove: no copy and no reference of Pullpass is left.']);
    expect(await cluster.getSecret('cache', 'theirs')).toBeDefined();
    expect(await cluster.getSecret('cache', 'cache-login')).toBeDefined();
  });

  test('has nothing to do the second time', async () => {
    lines.length = 0;
    expect(await prune()).toBe(0);
    expect(lines).toEqual(['Nothing to remove: no copy and no reference of Pullpass is left.']);
  });
});
