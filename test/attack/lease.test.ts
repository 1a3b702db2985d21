/** A stranger wrote the Lease. The program leads all the same, soon. */
import path from 'node:path';
import { expect, test } from 'vitest';
import { configurationSchema } from '../../src/config/schema.ts';
import { CONTROLLER_NAMESPACE, configurationDocument } from '../integration/env/cluster.ts';
import { startProgram } from '../integration/env/program.ts';
import { onSandbox } from './on-sandbox.ts';

const runtime = [process.execPath, '--import', path.join(import.meta.dirname, 'quick-terms.ts')];

const on = onSandbox();

test(
  'a Lease for 63 years with as many transitions as there can be runs out after twice our own duration, and is told',
  { timeout: 120_000 },
  async () => {
    const document = configurationDocument({ name: 'hub', namespaces: { allow: ['*'] } });
    await on.cluster.applyRbac(configurationSchema.parse(document));
    await on.cluster.source({ namespace: CONTROLLER_NAMESPACE, name: 'hub' }, { 'registry.corp': 'pw' });
    const leases = `/apis/coordination.k8s.io/v1/namespaces/${CONTROLLER_NAMESPACE}/leases`;
    await on.cluster.admin.create(leases, {
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
    const program = await startProgram(on.sandbox, { configuration: document, runtime });
    try {
      await program.logged('leading', 20_000);
      expect(program.logs.filter(({ msg }) => String(msg).includes('which is not trusted'))).toMatchObject([
        { holder: 'stranger', lease: `${CONTROLLER_NAMESPACE}/pullpass-controller` },
      ]);
      expect(await on.cluster.admin.get(`${leases}/pullpass-controller`)).toMatchObject({
        spec: { holderIdentity: 'program', leaseDurationSeconds: 3, leaseTransitions: 2 ** 31 - 1 },
      });
    } finally {
      await program.stop();
    }
  },
);
