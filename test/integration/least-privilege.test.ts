/** Guarantee 7: with what `pullpass rbac` prints, the controller does its work and is denied everything else. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missingRights } from '../../src/controller/missing-rights.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { paths } from '../../src/kube/paths.ts';
import { CONTROLLER_NAMESPACE, configuration, createCluster, dockerConfig, eventually } from './env/cluster.ts';
import type { Cluster } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';

onEachServer((server) => {
  const config = configuration({ name: 'hub' });
  let cluster: Cluster;
  let client: KubeClient;

  beforeAll(async () => {
    cluster = await createCluster(server());
    await cluster.applyRbac(config);
    await cluster.source({ namespace: CONTROLLER_NAMESPACE, name: 'hub' }, { 'registry.corp': 'pw-1' });
    await cluster.secret(CONTROLLER_NAMESPACE, 'other', { type: 'Opaque', stringData: { key: 'value' } });
    await cluster.namespace('team');
    await cluster.secret('team', 'other', { type: 'Opaque', stringData: { key: 'value' } });
    ({ client } = await cluster.asController());
  });
  afterAll(async () => cluster.close());

  const forbidden = { code: 403, reason: 'Forbidden' };
  const options = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/dockerconfigjson',
    data: dockerConfig({ 'a.corp': 'pw' }),
  };
  const apply = { query: { fieldManager: 'pullpass' } };

  test('the self-check finds nothing missing', async () => {
    expect(await missingRights(client, config, CONTROLLER_NAMESPACE, new AbortController().signal)).toEqual([]);
  });

  test('the self-check names each right that is missing, one line each', async () => {
    const more = configuration({ name: 'hub' }, { name: 'second' });
    const missing = await missingRights(client, more, CONTROLLER_NAMESPACE, new AbortController().signal);
    expect(missing.length).toBeGreaterThan(5);
    for (const line of missing) expect(line).toMatch(/^cannot \w+ .*second.*pullpass rbac[^\n]*$/);
  });

  describe('on Secrets', () => {
    test.each(['team', CONTROLLER_NAMESPACE, 'default'])(
      'every name but the copy is denied in %s, for every verb',
      async (namespace) => {
        const path = paths.secrets(namespace, 'other');
        await expect(client.get(path)).rejects.toMatchObject(forbidden);
        await expect(
          client.patch(
            path,
            'application/apply-patch+yaml',
            { ...options, metadata: { name: 'other', namespace } },
            apply,
          ),
        ).rejects.toMatchObject(forbidden);
        await expect(client.patch(path, 'application/merge-patch+json', {})).rejects.toMatchObject(forbidden);
        await expect(client.replace(path, { ...options, metadata: { name: 'other' } })).rejects.toMatchObject(
          forbidden,
        );
        await expect(client.delete(path)).rejects.toMatchObject(forbidden);
        await expect(client.get(paths.secrets(namespace))).rejects.toMatchObject(forbidden);
        await expect(
          client.create(paths.secrets(namespace), { ...options, metadata: { name: 'other' } }),
        ).rejects.toMatchObject(forbidden);
      },
    );

    test('listing or watching more than the copy is denied, whatever the selector', async () => {
      for (const query of [
        {},
        { fieldSelector: 'metadata.name=other' },
        { labelSelector: 'app.kubernetes.io/managed-by=pullpass' },
        { fieldSelector: 'metadata.name!=hub-copy' },
      ]) {
        await expect(client.get(paths.secrets(), { query })).rejects.toMatchObject(forbidden);
        await expect(
          client.get(paths.secrets(), { query: { ...query, watch: 'true', timeoutSeconds: 1 } }),
        ).rejects.toMatchObject(forbidden);
      }
    });

    test('the source can be read and not be written', async () => {
      const path = paths.secrets(CONTROLLER_NAMESPACE, 'hub');
      await expect(client.get(path)).resolves.toMatchObject({ metadata: { name: 'hub' } });
      await expect(client.patch(path, 'application/merge-patch+json', {})).rejects.toMatchObject(forbidden);
      await expect(client.delete(path)).rejects.toMatchObject(forbidden);
    });

    test('the copy can be created by server-side apply, listed by its name, and deleted', async () => {
      const path = paths.secrets('team', 'hub-copy');
      await client.patch(
        path,
        'application/apply-patch+yaml',
        {
          ...options,
          metadata: {
            name: 'hub-copy',
            namespace: 'team',
            labels: { 'app.kubernetes.io/managed-by': 'pullpass', 'pullpass.dev/source': 'hub' },
          },
        },
        apply,
      );
      await expect(
        client.get(paths.secrets(), { query: { fieldSelector: 'metadata.name=hub-copy' } }),
      ).resolves.toMatchObject({ items: [{ metadata: { namespace: 'team' } }] });
      await client.delete(path);
    });
  });

  test.each([
    ['pods', '/api/v1/pods'],
    ['config maps', '/api/v1/configmaps'],
    ['roles', '/apis/rbac.authorization.k8s.io/v1/clusterroles'],
    ['nodes', '/api/v1/nodes'],
  ])('%s are none of its business', async (_, path) => {
    await expect(client.get(path)).rejects.toMatchObject(forbidden);
  });

  test('ServiceAccounts can be patched and nothing more', async () => {
    await expect(
      client.create(paths.serviceAccounts('team'), {
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name: 'x' },
      }),
    ).rejects.toMatchObject(forbidden);
    await expect(client.delete(paths.serviceAccounts('team', 'default'))).rejects.toMatchObject(forbidden);
    await expect(
      client.create(`${paths.serviceAccounts('team', 'default')}/token`, {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: {},
      }),
    ).rejects.toMatchObject(forbidden);
  });

  test('a source whose rights are missing holds up no other source, and starts by itself once they are there', async () => {
    const more = configuration({ name: 'hub' }, { name: 'second' });
    await cluster.source({ namespace: CONTROLLER_NAMESPACE, name: 'second' }, { 'second.corp': 'pw-2' });
    const controller = await cluster.controller(config); // applies the rights of the first source only
    await controller.stop();
    const late = await startWithout(more);
    await cluster.annotateNamespace('team', { 'pullpass.dev/sync': 'enabled' });
    await eventually(async () => expect(await cluster.pullSecrets('team')).toEqual(['hub-copy']));
    expect(late.logs.filter((l) => l['level'] === 'error').map((l) => l['msg'])).toContainEqual(
      expect.stringMatching(/^cannot patch .*second-copy/),
    );
    await cluster.applyRbac(more);
    await eventually(
      async () => expect(await cluster.pullSecrets('team')).toEqual(['hub-copy', 'second-copy']),
      60_000,
    );
  });

  /** The configuration is ahead of the RBAC, as when somebody forgets to apply it. */
  async function startWithout(more: ReturnType<typeof configuration>): ReturnType<Cluster['controller']> {
    const real = cluster.applyRbac;
    cluster.applyRbac = () => Promise.resolve();
    try {
      return await cluster.controller(more, { timings: { reflector: { maxBackoffMs: 500 } } });
    } finally {
      cluster.applyRbac = real;
    }
  }
});
