/** One zot with two upstreams from two sources: what becomes of one source never takes the other's login out of the file. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findLeftovers } from '../../src/commands/leftovers.ts';
import { configurationSchema } from '../../src/config/schema.ts';
import { observeRotations } from '../../src/rotation/progress.ts';
import { readCluster } from '../../src/sources/snapshot.ts';
import { CONTROLLER_NAMESPACE, createCluster, eventually } from './env/cluster.ts';
import type { Cluster, Controller } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';

const NAMESPACE = 'zot';
const SECRET = { namespace: NAMESPACE, name: 'zot-login' };
/** An entry that kubelets cannot use is held back. */
const EMPTY = '{"auths":{"r.corp:5000":{"username":"robot","password":""}}}';
const data = (content: string) => ({ '.dockerconfigjson': Buffer.from(content).toString('base64') });

onEachServer((server) => {
  const zot = (name: string, source: string, registry: string) => ({
    ...{ name, kind: 'zot', source, registry, secret: SECRET },
    ...{ workload: { namespace: NAMESPACE, name: 'zot' } },
  });
  const source = (name: string) => ({
    ...{ name, secret: { namespace: CONTROLLER_NAMESPACE, name }, copyName: `${name}-copy`, verify: 'off' },
  });
  const config = configurationSchema.parse({
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Configuration',
    sources: [source('hub'), source('corp')],
    cacheProxies: [zot('zot-hub', 'hub', 'docker.io'), zot('zot-corp', 'corp', 'r.corp:5000')],
  });
  let cluster: Cluster;
  let controller: Controller;
  beforeAll(async () => {
    cluster = await createCluster(server());
    await cluster.namespace(NAMESPACE);
    const labels = { app: 'zot' };
    await cluster.admin.create(`/apis/apps/v1/namespaces/${NAMESPACE}/deployments`, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'zot' },
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'zot', image: 'zot' }] } },
      },
    });
    await cluster.applyRbac(config);
    // Commands know what is in force of a broken source from its copies.
    await cluster.namespace('team', { annotations: { 'pullpass.dev/sync': 'enabled' } });
    await put('hub', 'docker.io', 'hub-1');
    await put('corp', 'r.corp:5000', 'corp-1');
    controller = await cluster.controller(config);
  });
  afterAll(async () => cluster.close());

  const put = (name: string, registry: string, password: string): Promise<void> =>
    cluster.source({ namespace: CONTROLLER_NAMESPACE, name }, { [registry]: password });
  const file = async (): Promise<string> =>
    Buffer.from(
      (await cluster.getSecret(NAMESPACE, SECRET.name))?.data?.['credentials.json'] ?? '',
      'base64',
    ).toString();
  const has = (hub: string, corp: string): Promise<void> =>
    eventually(async () => {
      const found = Object.entries(JSON.parse((await file()) || '{}') as Record<string, { password: string }>);
      expect(Object.fromEntries(found.map(([host, { password }]) => [host, password]))).toEqual({
        'registry-1.docker.io': hub,
        'r.corp:5000': corp,
      });
    });
  const progress = async () => {
    const snapshot = await readCluster(cluster.admin, config, CONTROLLER_NAMESPACE);
    return (await observeRotations({ client: cluster.admin, configuration: config, snapshot })).map((each) => ({
      source: each.source,
      held: each.heldBack.length > 0,
      proxies: each.proxies.map(({ name, applied }) => [name, applied]),
    }));
  };
  const row = (name: string, applied: boolean, held = false) => ({
    source: name,
    held,
    proxies: [[`zot-${name}`, applied]],
  });

  test('both logins are in the one file, each is known by its source, and nothing is written again', async () => {
    await has('hub-1', 'corp-1');
    await eventually(async () => expect(await progress()).toEqual([row('hub', true), row('corp', true)]));
    await cluster.settled(config);
    controller.forget();
    await put('hub', 'docker.io', 'hub-2');
    await has('hub-2', 'corp-1');
    await eventually(async () => expect(await progress()).toEqual([row('hub', true), row('corp', true)]));
    // One write of the file and one roll, whatever the other cache proxy makes of them.
    expect(
      controller
        .writes()
        .filter((write) => / (?:secrets|deployments) /.test(write))
        .sort(),
    ).toEqual(expect.arrayContaining(['patch deployments 200', 'patch secrets 200']));
    expect(controller.writes().filter((write) => write === 'patch deployments 200')).toHaveLength(1);
  });

  test('a broken source keeps its last login in the file while the other rotates, over a restart, too', async () => {
    await cluster.patchSecret(CONTROLLER_NAMESPACE, 'corp', { data: data(EMPTY) });
    await eventually(async () => expect(await progress()).toEqual([row('hub', true), row('corp', true, true)]));
    await put('hub', 'docker.io', 'hub-3');
    await has('hub-3', 'corp-1');
    await controller.stop();
    await cluster.deleteSecret(CONTROLLER_NAMESPACE, 'corp');
    controller = await cluster.controller(config);
    await put('hub', 'docker.io', 'hub-4');
    await has('hub-4', 'corp-1');
    await put('corp', 'r.corp:5000', 'corp-2');
    await has('hub-4', 'corp-2');
  });

  test('prune finds the Secret once', async () => {
    const found = await findLeftovers(cluster.admin, config, CONTROLLER_NAMESPACE);
    expect(found.filter(({ namespace }) => namespace === NAMESPACE).map(({ what }) => what)).toEqual([
      'login of cache proxy zot-hub (Secret zot-login)',
    ]);
  });

  test('an upstream that is taken out of the configuration leaves the file', async () => {
    await controller.stop();
    const [hub] = config.cacheProxies;
    if (hub === undefined) return expect.fail();
    controller = await cluster.controller({ ...config, cacheProxies: [hub] });
    await eventually(async () =>
      expect(Object.keys(JSON.parse(await file()) as object)).toEqual(['registry-1.docker.io']),
    );
  });
});
