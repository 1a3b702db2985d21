/** A canary: a few namespaces get a new content first, and the rest waits until nothing fails there. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CONTROLLER_NAMESPACE, configuration, createCluster, eventually } from './env/cluster.ts';
import type { Cluster } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';

onEachServer((server) => {
  const config = configuration({ name: 'hub', canary: { namespaces: 1, seconds: 1 } });
  const source = { namespace: CONTROLLER_NAMESPACE, name: 'hub' };
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await createCluster(server());
    await cluster.applyRbac(config);
    await cluster.source(source, { 'registry.corp': 'pw-1' });
    for (const name of ['team-a', 'team-b', 'team-c']) await cluster.namespace(name, { annotations: { 'pullpass.dev/sync': 'enabled' } });
    await cluster.controller(config);
    await cluster.settled(config);
  });
  afterAll(async () => cluster.close());

  const passwords = async (): Promise<(string | undefined)[]> =>
    Promise.all(['team-a', 'team-b', 'team-c'].map(async (name) => (await cluster.login(name, 'hub-copy'))?.['registry.corp']));

  async function failingPod(namespace: string, name: string): Promise<void> {
    const path = `/api/v1/namespaces/${namespace}/pods`;
    await cluster.admin.create(path, { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers: [{ name: 'app', image: 'registry.corp/app:1' }] } });
    await cluster.admin.patch(`${path}/${name}/status`, 'application/merge-patch+json', {
      status: { containerStatuses: [{ name: 'app', image: 'registry.corp/app:1', imageID: '', ready: false, restartCount: 0, state: { waiting: { reason: 'ImagePullBackOff' } } }] },
    });
  }

  test('gets the new content first, and the rest follows when all is well; what failed before does not count', async () => {
    await failingPod('team-a', 'failed-before');
    await cluster.source(source, { 'registry.corp': 'pw-2' });
    await eventually(async () => expect(await passwords()).toEqual(['pw-2', 'pw-1', 'pw-1']));
    await eventually(async () => expect(await passwords()).toEqual(['pw-2', 'pw-2', 'pw-2']));
  });

  test('whose pulls start to fail halts the rotation: the rest keeps the content before, and drift there is put right with it', async () => {
    await cluster.source(source, { 'registry.corp': 'pw-3' });
    await eventually(async () => expect(await passwords()).toEqual(['pw-3', 'pw-2', 'pw-2']));
    await failingPod('team-a', 'fails-now');
    await eventually(async () => expect(await cluster.events(CONTROLLER_NAMESPACE)).toContainEqual(expect.objectContaining({ reason: 'SourceInvalid', note: expect.stringMatching(/halted at the canaries: pod team-a\/fails-now/) as string })));
    await cluster.deleteSecret('team-b', 'hub-copy');
    await eventually(async () => expect(await passwords()).toEqual(['pw-3', 'pw-2', 'pw-2']));
    await delay(300);
    expect(await passwords()).toEqual(['pw-3', 'pw-2', 'pw-2']);
  });

  test('a source that changes again starts anew', async () => {
    await cluster.source(source, { 'registry.corp': 'pw-4' });
    await eventually(async () => expect(await passwords()).toEqual(['pw-4', 'pw-4', 'pw-4']));
  });
});
