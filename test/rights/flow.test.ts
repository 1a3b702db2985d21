/** The controller under policies, on a real API server: that a policy is behind the configuration is told, and heals by itself. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderPolicies } from '../../src/commands/policies-text.ts';
import {
  configuration,
  CONTROLLER_NAMESPACE,
  createCluster,
  eventually,
  IDENTITY,
} from '../integration/env/cluster.ts';
import type { Cluster } from '../integration/env/cluster.ts';
import type { ApiServer } from '../integration/env/api-server.ts';
import { applyPolicies } from '../integration/env/policies.ts';
import { findRealApi, startRealApi } from '../integration/env/real-api.ts';

const real = findRealApi();
if ('missing' in real) test.skip(real.missing, () => undefined);

describe.skipIf('missing' in real)('on kube-apiserver', () => {
  const config = configuration({ name: 'hub' });
  const before = configuration({ name: 'hub', namespaces: { allow: ['elsewhere'] } });
  let server: ApiServer;
  let cluster: Cluster;
  const put = async (of: typeof config): Promise<void> => {
    const { client } = await cluster.asController();
    await applyPolicies(cluster.admin, renderPolicies(of, IDENTITY), client);
  };
  beforeAll(async () => {
    if ('missing' in real) return;
    server = await startRealApi(real.found);
    cluster = await createCluster(server);
    await cluster.applyRbac(config);
    await cluster.source({ namespace: CONTROLLER_NAMESPACE, name: 'hub' }, { 'registry.corp': 'pw-1' });
    await cluster.namespace('team');
  }, 60_000);
  afterAll(async () => {
    await cluster.close();
    await server.stop();
  });

  test('policies of an older configuration: an Event names the policy; the new ones, and the copy is there', async () => {
    await put(before);
    const controller = await cluster.controller(config);
    await cluster.annotateNamespace('team', { 'pullpass.dev/sync': 'enabled' });
    await eventually(async () => {
      expect(await cluster.events('team')).toContainEqual(
        expect.objectContaining({
          reason: 'WriteRefused',
          note: expect.stringMatching(/the policy pullpass-secrets denies it; .* `pullpass rbac --policies`/) as string,
        }),
      );
    });
    expect(await cluster.pullSecrets('team')).toEqual([]);
    await put(config);
    await eventually(async () => expect(await cluster.pullSecrets('team')).toEqual(['hub-copy']), 60_000);
    await controller.stop();
  }, 120_000);

  test('opting out passes where the guard has come to say no, and leaves the entries of others', async () => {
    const controller = await cluster.controller(config);
    await eventually(async () => expect(await cluster.pullSecrets('team')).toEqual(['hub-copy']));
    const both = { imagePullSecrets: [{ name: 'theirs' }, { name: 'hub-copy' }, { name: 'second' }] };
    await cluster.admin.patch('/api/v1/namespaces/team/serviceaccounts/default', 'application/merge-patch+json', both);
    await put(before);
    await cluster.annotateNamespace('team', { 'pullpass.dev/sync': null });
    await eventually(async () => expect(await cluster.getSecret('team', 'hub-copy')).toBeUndefined());
    expect(await cluster.pullSecrets('team')).toEqual(['theirs', 'second']);
    await controller.stop();
  }, 120_000);
});
