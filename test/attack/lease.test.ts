/** A stranger wrote the Lease. The program leads all the same, soon. */
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { configurationSchema } from '../../src/config/schema.ts';
import { CONTROLLER_NAMESPACE, configurationDocument, createCluster } from '../integration/env/cluster.ts';
import type { Cluster } from '../integration/env/cluster.ts';
import { startProgram } from '../integration/env/program.ts';
import { startSandbox } from '../sandbox/kube-api/index.ts';
import type { Sandbox } from '../sandbox/kube-api/index.ts';

const runtime = [process.execPath, '--import', path.join(import.meta.dirname, 'quick-terms.ts')];
let sandbox: Sandbox;
let cluster: Cluster;

beforeAll(async () => {
  sandbox = await startSandbox();
  cluster = await createCluster(sandbox);
});
afterAll(async () => {
  await cluster.close();
  await sandbox.stop();
});

test(
  'a Lease for 63 years with as many transitions as there can be runs out after twice our own duration, and is told',
  { timeout: 120_000 },
  async () => {
    const document = configurationDocument({ name: 'hub', namespaces: { allow: ['*'] } });
    await cluster.applyRbac(configurationSchema.parse(document));
    await cluster.source({ namespace: CONTROLLER_NAMESPACE, name: 'hub' }, { 'registry.corp': 'pw' });
    const leases = `/apis/coordination.k8s.io/v1/namespaces/${CONTROLLER_NAMESPACE}/leases`;
    await cluster.admin.create(leases, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { namespace: CONTROLLER_NAMESPACE, name: 'pullpass-controller' },
      spec: {
        holderIdentity: 'stranger',
        leaseDurationSeconds: 2_000_000_000,
        leaseTransitions: 2 ** 31 - 1,
        renewTime: '9999-12-31T23:59:59.000000Z',
      },
    });
    const program = await startProgram(sandbox, { configuration: document, runtime });
    try {
      await program.logged('leading', 20_000);
      expect(program.logs.filter(({ msg }) => String(msg).includes('which is not trusted'))).toMatchObject([
        { holder: 'stranger', lease: `${CONTROLLER_NAMESPACE}/pullpass-controller` },
      ]);
      expect(await cluster.admin.get(`${leases}/pullpass-controller`)).toMatchObject({
        spec: { holderIdentity: 'program', leaseDurationSeconds: 3, leaseTransitions: 2 ** 31 - 1 },
      });
    } finally {
      await program.stop();
    }
  },
);
