/** A canary: a few namespaces get a new content first, and the rest waits until nothing fails there. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CONTROLLER_NAMESPACE, configuration, createCluster, eventually } from './env/cluster.ts';
import type { Cluster, Controller } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';

onEachServer((server) => {
  const config = configuration({ name: 'hub', canary: { namespaces: 1, seconds: 1 } });
  const source = { namespace: CONTROLLER_NAMESPACE, name: 'hub' };
  let cluster: Cluster;
  let controller: Controller;

  beforeAll(async () => {
    cluster = await createCluster(server());
    await cluster.applyRbac(config);
    await cluster.source(source, { 'registry.corp': 'pw-1' });
    for (const name of ['team-a', 'team-b', 'team-c'])
      await cluster.namespace(name, { annotations: { 'pullpass.dev/sync': 'enabled' } });
    controller = await cluster.controller(config);
    await cluster.settled(config);
  });
  afterAll(async () => cluster.close());

  const passwords = async (): Promise<(string | undefined)[]> =>
    Promise.all(
      ['team-a', 'team-b', 'team-c'].map(async (name) => (await cluster.login(name, 'hub-copy'))?.['registry.corp']),
    );

  async function failingPod(namespace: string, name: string, image: string): Promise<void> {
    const path = `/api/v1/namespaces/${namespace}/pods`;
    await cluster.admin.create(path, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: { containers: [{ name: 'app', image }] },
    });
    await cluster.admin.patch(`${path}/${name}/status`, 'application/merge-patch+json', {
      status: {
        containerStatuses: [
          {
            name: 'app',
            image,
            imageID: '',
            ready: false,
            restartCount: 0,
            state: { waiting: { reason: 'ImagePullBackOff' } },
          },
        ],
      },
    });
  }

  test('gets the new content first, and the rest follows when all is well; what failed before does not count', async () => {
    await failingPod('team-a', 'failed-before', 'registry.corp/gone:1');
    await cluster.source(source, { 'registry.corp': 'pw-2' });
    await eventually(async () => expect(await passwords()).toEqual(['pw-2', 'pw-1', 'pw-1']));
    await eventually(async () => expect(await passwords()).toEqual(['pw-2', 'pw-2', 'pw-2']));
  });

  test('whose pulls start to fail halts the rotation: the rest keeps the content before, and drift there is put right with it', async () => {
    await cluster.source(source, { 'registry.corp': 'pw-3' });
    await eventually(async () => expect(await passwords()).toEqual(['pw-3', 'pw-2', 'pw-2']));
    // A typing error in an image of another registry, and another pod of what failed before, are not the login's doing.
    await failingPod('team-a', 'typo', 'registry.other/appp:1');
    await failingPod('team-a', 'failed-before-2', 'registry.corp/gone:1');
    await failingPod('team-a', 'fails-now', 'registry.corp/app:1');
    await eventually(async () =>
      expect(await cluster.events(CONTROLLER_NAMESPACE)).toContainEqual(
        expect.objectContaining({
          reason: 'SourceInvalid',
          note: expect.stringMatching(
            /halted at the canaries: namespace team-a: image "registry.corp\/app:1" cannot be pulled/,
          ) as string,
        }),
      ),
    );
    await cluster.deleteSecret('team-b', 'hub-copy');
    await eventually(async () => expect(await passwords()).toEqual(['pw-3', 'pw-2', 'pw-2']));
    await delay(300);
    expect(await passwords()).toEqual(['pw-3', 'pw-2', 'pw-2']);
  });

  test('mended with another login it is tried anew, and the rest keeps what last passed: never what was halted', async () => {
    await cluster.source(source, { 'registry.corp': 'pw-4' });
    await eventually(async () => expect(await passwords()).toEqual(['pw-4', 'pw-2', 'pw-2']));
    await cluster.source(source, { 'registry.corp': 'pw-5' });
    await eventually(async () => expect(await passwords()).toEqual(['pw-5', 'pw-2', 'pw-2']));
    // What failed while it was halted fails before the next one, too: that one passes.
    await eventually(async () => expect(await passwords()).toEqual(['pw-5', 'pw-5', 'pw-5']));
  });

  test('halted and taken back, everybody has what last passed at once', async () => {
    await cluster.source(source, { 'registry.corp': 'pw-6' });
    await eventually(async () => expect(await passwords()).toEqual(['pw-6', 'pw-5', 'pw-5']));
    await failingPod('team-a', 'fails-again', 'registry.corp/another:1');
    await eventually(async () =>
      expect((await cluster.events(CONTROLLER_NAMESPACE)).map(({ note }) => note).join()).toContain(
        'registry.corp/another:1',
      ),
    );
    await cluster.source(source, { 'registry.corp': 'pw-5' });
    await eventually(async () => expect(await passwords()).toEqual(['pw-5', 'pw-5', 'pw-5']));
  });

  test('halted, it stays so over a restart; without a canary in the configuration it is released', async () => {
    await cluster.source(source, { 'registry.corp': 'pw-7' });
    await eventually(async () => expect(await passwords()).toEqual(['pw-7', 'pw-5', 'pw-5']));
    await failingPod('team-a', 'fails-a-third-time', 'registry.corp/third:1');
    await eventually(async () =>
      expect((await cluster.events(CONTROLLER_NAMESPACE)).map(({ note }) => note).join()).toContain(
        'registry.corp/third:1',
      ),
    );
    await controller.stop();
    controller = await cluster.controller(config);
    await cluster.deleteSecret('team-b', 'hub-copy');
    await eventually(async () => expect(await passwords()).toEqual(['pw-7', 'pw-5', 'pw-5']));
    await delay(1_500);
    expect(await passwords()).toEqual(['pw-7', 'pw-5', 'pw-5']);
    await controller.stop();
    controller = await cluster.controller(configuration({ name: 'hub' }));
    await eventually(async () => expect(await passwords()).toEqual(['pw-7', 'pw-7', 'pw-7']));
  });
});
