/** ConfigMap `pullpass-status`: the state of a rotation for kubectl alone. It never says more than `pullpass wait`. */
import type { V1ConfigMap } from '@kubernetes/client-node';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { awaitRotation } from '../../src/commands/wait.ts';
import { paths } from '../../src/kube/paths.ts';
import { findOnPath } from '../sandbox/registry/on-path.ts';
import { CONTROLLER_NAMESPACE, configuration, createCluster, eventually } from './env/cluster.ts';
import type { Cluster, Controller } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';

const kubectl = findOnPath('kubectl', 'install kubectl');
if ('missing' in kubectl) test.skip(kubectl.missing, () => undefined);

const ENABLED = { annotations: { 'pullpass.dev/sync': 'enabled' } };
const STATUS = paths.configMaps(CONTROLLER_NAMESPACE, 'pullpass-status');

onEachServer((server) => {
  const config = configuration({ name: 'hub', namespaces: { allow: ['st-*'] } });
  let cluster: Cluster;
  let controller: Controller;
  let directory: string;

  const data = async (): Promise<Record<string, string>> => (await cluster.admin.get<V1ConfigMap>(STATUS)).data ?? {};
  const sourceVersion = async (): Promise<string | undefined> =>
    (await cluster.getSecret(CONTROLLER_NAMESPACE, 'hub'))?.metadata?.resourceVersion;
  const wait = (): Promise<0 | 1> =>
    awaitRotation(
      { writeOut: () => undefined, writeErr: () => undefined },
      {
        client: cluster.admin,
        configuration: config,
        source: 'hub',
        namespace: CONTROLLER_NAMESPACE,
        timeoutMs: 0,
        signal: new AbortController().signal,
      },
    );

  beforeAll(async () => {
    cluster = await createCluster(server());
    await cluster.applyRbac(config);
    await cluster.source({ namespace: CONTROLLER_NAMESPACE, name: 'hub' }, { 'registry.corp': 'pw-1' });
    for (const name of ['st-a', 'st-b']) await cluster.namespace(name, ENABLED);
    directory = await mkdtemp(path.join(tmpdir(), 'pullpass-status-'));
    await writeFile(path.join(directory, 'kubeconfig'), server().adminKubeconfig());
    controller = await cluster.controller(config, { timings: { statusMs: 100 } });
  });
  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
    await cluster.close();
  });

  test('says of each source how far it is, what it was judged by, by whom, and until when that holds', async () => {
    await eventually(async () => expect(await data()).toMatchObject({ hub: 'complete' }));
    const now = await data();
    expect(now).toMatchObject({
      'hub.copies': '2/2',
      'hub.complete-for': await sourceVersion(),
      'hub.why': 'the old credential can be revoked, everywhere Pullpass manages',
      'observed.by': 'test',
    });
    const [at, until, since] = ['observed.at', 'observed.until', 'hub.since'].map((key) => Date.parse(now[key] ?? ''));
    expect([Number(until) > Number(at), Number(since) <= Number(at)]).toEqual([true, true]);
    expect(JSON.stringify(await cluster.admin.get(STATUS))).not.toContain('pw-1');
  });

  test('is not written again while nothing changes', async () => {
    controller.forget();
    await delay(1_000);
    expect(controller.calls.filter(({ resource }) => resource === 'configmaps')).toEqual([]);
  });

  test('says incomplete, and why, as long as `wait` does; then complete, with an Event on the source', async () => {
    const before = await sourceVersion();
    // It can only be replaced, and what keeps it from going is not Pullpass's.
    await cluster.patchSecret('st-b', 'hub-copy', { immutable: true, metadata: { finalizers: ['test/keep'] } });
    await cluster.source({ namespace: CONTROLLER_NAMESPACE, name: 'hub' }, { 'registry.corp': 'pw-2' });
    await eventually(async () => expect(await cluster.login('st-a', 'hub-copy')).toEqual({ 'registry.corp': 'pw-2' }));
    await eventually(async () => expect(await data()).toMatchObject({ hub: 'incomplete', 'hub.copies': '1/2' }));
    await eventually(async () =>
      expect((await data())['hub.why']).toMatch(/^do not revoke the old credential yet\n.*st-b.*test\/keep/),
    );
    expect((await data())['hub.complete-for']).toBeUndefined();
    expect(await wait()).toBe(1);
    expect((await cluster.events(CONTROLLER_NAMESPACE)).map(({ reason }) => reason)).not.toContain('RotationComplete');

    await cluster.patchSecret('st-b', 'hub-copy', { metadata: { finalizers: null } });
    await eventually(async () => expect(await data()).toMatchObject({ hub: 'complete', 'hub.copies': '2/2' }));
    expect(await wait()).toBe(0);
    expect((await data())['hub.complete-for']).toBe(await sourceVersion());
    expect(await sourceVersion()).not.toBe(before);
    await eventually(async () =>
      expect(await cluster.events(CONTROLLER_NAMESPACE)).toContainEqual(
        expect.objectContaining({
          reason: 'RotationComplete',
          type: 'Normal',
          note: expect.stringContaining('2/2 copies') as string,
        }),
      ),
    );
  });

  test.skipIf('missing' in kubectl)('kubectl wait waits for it, also for one version of the source', async () => {
    const run = (value: string): Promise<{ stdout: string }> =>
      promisify(execFile)('kubectl', [
        ...['--kubeconfig', path.join(directory, 'kubeconfig'), '--namespace', CONTROLLER_NAMESPACE, 'wait'],
        ...[`--for=jsonpath=${value}`, 'configmap/pullpass-status', '--timeout', '5s'],
      ]);
    expect((await run('{.data.hub}=complete')).stdout).toContain('condition met');
    expect((await run(`{.data.hub\\.complete-for}=${await sourceVersion()}`)).stdout).toContain('condition met');
    await expect(run('{.data.hub}=incomplete')).rejects.toThrow('timed out');
  });

  test('what others change in it is put right with the next write; a ConfigMap that is not ours is left alone', async () => {
    await cluster.admin.patch(STATUS, 'application/merge-patch+json', { data: { hub: 'incomplete' } });
    await cluster.namespace('st-c', ENABLED);
    await eventually(async () => expect(await data()).toMatchObject({ hub: 'complete', 'hub.copies': '3/3' }));

    await cluster.admin.delete(STATUS);
    await cluster.admin.create(paths.configMaps(CONTROLLER_NAMESPACE), {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'pullpass-status' },
      data: { theirs: 'stays' },
    });
    await cluster.namespace('st-d', ENABLED);
    await eventually(() => {
      expect(controller.logs.map(({ msg }) => msg)).toContainEqual(
        expect.stringMatching(/^ConfigMap pullpass-system\/pullpass-status: .*did not make it/),
      );
      return Promise.resolve();
    });
    expect(await data()).toEqual({ theirs: 'stays' });
  });
});
