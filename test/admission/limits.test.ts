/** The API server ends an expression that costs too much, and then refuses the write: the longest lists that are managed must pass. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderPolicies } from '../../src/commands/policies-text.ts';
import { paths } from '../../src/kube/paths.ts';
import { MAX_PULL_SECRETS } from '../../src/plan/bounds.ts';
import { configuration, createCluster, IDENTITY } from '../integration/env/cluster.ts';
import type { Cluster } from '../integration/env/cluster.ts';
import type { ApiServer } from '../integration/env/api-server.ts';
import { applyPolicies } from '../integration/env/policies.ts';
import { findRealApi, startRealApi } from '../integration/env/real-api.ts';

const real = findRealApi();
if ('missing' in real) test.skip(real.missing, () => undefined);

describe.skipIf('missing' in real)('on kube-apiserver, with 200 sources', () => {
  const names = Array.from({ length: 200 }, (_, i) => `source-number-${i}`);
  const copies = names.map((name) => `${name}-copy`);
  // 256 entries have room for about 4,096 characters.
  const others = Array.from({ length: MAX_PULL_SECRETS }, (_, i) => `other-${i}`);
  const config = configuration(
    ...names.map((name, i) => ({ name, namespaces: { allow: ['team', `team-${i}-*`, '*-x'], deny: [`kube-${i}*`] } })),
  );
  let server: ApiServer;
  let cluster: Cluster;
  beforeAll(async () => {
    if ('missing' in real) return;
    server = await startRealApi(real.found);
    cluster = await createCluster(server);
    await cluster.applyRbac(config);
    await cluster.namespace('team');
    const { client } = await cluster.asController();
    await applyPolicies(cluster.admin, renderPolicies(config, IDENTITY), client);
  }, 60_000);
  afterAll(async () => {
    await cluster.close();
    await server.stop();
  });

  const account = paths.serviceAccounts('team', 'default');
  const write = async (imagePullSecrets: string[], record: string[]): Promise<unknown> => {
    const { client } = await cluster.asController();
    return client.patch(account, 'application/merge-patch+json', {
      metadata: { annotations: { 'pullpass.dev/added-pull-secrets': record.join(',') } },
      imagePullSecrets: imagePullSecrets.map((name) => ({ name })),
    });
  };

  test('an account gets all of them, and loses them again', async () => {
    await write(copies, copies.slice(0, 170));
    await write([], []);
  });

  test('an account with as many entries of others as are managed gets one, and loses it again', async () => {
    const list = others.slice(1).map((name) => ({ name }));
    await cluster.admin.patch(account, 'application/merge-patch+json', { imagePullSecrets: list });
    await write([...others.slice(1), 'source-number-7-copy'], ['source-number-7-copy']);
    await write(others.slice(1), []);
    expect(await cluster.pullSecrets('team')).toEqual(others.slice(1));
  });

  test('a record that a tenant has filled up to its limit costs no more than may be spent', async () => {
    const forged = Array.from({ length: 2_048 }, (_, i) => String.fromCharCode(97 + (i % 26))).join(',');
    await cluster.annotateServiceAccount('team', 'default', { 'pullpass.dev/added-pull-secrets': forged });
    await write([...others.slice(1), 'source-number-7-copy'], ['source-number-7-copy']);
  });
});
