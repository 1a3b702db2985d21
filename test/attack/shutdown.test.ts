/** A stop is bounded, with and without the election of a leader. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { configurationDocument, createCluster } from '../integration/env/cluster.ts';
import { configurationSchema } from '../../src/config/schema.ts';
import type { Cluster } from '../integration/env/cluster.ts';
import { startProgram } from '../integration/env/program.ts';
import { startSandbox } from '../sandbox/kube-api/index.ts';
import type { Sandbox } from '../sandbox/kube-api/index.ts';

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

const WAYS: [string, string[]][] = [
  ['without an election', ['--no-leader-election']],
  ...(process.env['PULLPASS_ATTACK'] === 'long' ? [['with one', []] as [string, string[]]] : []),
];

test.each(WAYS)(
  'SIGTERM while a tenant keeps one namespace busy, %s: it stops writing',
  { timeout: 120_000 },
  async (_, args) => {
    const document = configurationDocument({ name: 'hub', namespaces: { allow: ['*'] } });
    const tenant = `busy-${args.length}`;
    await cluster.applyRbac(configurationSchema.parse(document));
    await cluster.source({ namespace: 'pullpass-system', name: 'hub' }, { 'registry.corp': 'pw' });
    await cluster.namespace(tenant);
    for (let i = 0; i < 200; i++) await cluster.serviceAccount(tenant, `app-${i}`);
    // Each write takes 300 ms, one after the other in a namespace: a minute in all.
    const slow = sandbox.faults.add({
      match: { verb: 'patch', resource: 'serviceaccounts' },
      kind: 'slow',
      milliseconds: 300,
    });
    const program = await startProgram(sandbox, { configuration: document, args });
    await program.ready();
    await cluster.annotateNamespace(tenant, { 'pullpass.dev/sync': 'enabled', 'pullpass.dev/service-accounts': '*' });
    await program.logged('leading', 10_000).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const askedAt = performance.now();
    program.kill('SIGTERM');
    const status = await program.exited;
    slow.remove();
    expect(status).toBe(0);
    // 20 seconds for writes in flight, and what comes after them; the manifests allow 30 s.
    expect(performance.now() - askedAt).toBeLessThan(28_000);
  },
);
