/** A stop is bounded, with and without the election of a leader. */
import { expect, test } from 'vitest';
import { configurationDocument } from '../integration/env/cluster.ts';
import { configurationSchema } from '../../src/config/schema.ts';
import { startProgram } from '../integration/env/program.ts';
import { onSandbox } from './on-sandbox.ts';

const on = onSandbox();

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
    await on.cluster.applyRbac(configurationSchema.parse(document));
    await on.cluster.source({ namespace: 'pullpass-system', name: 'hub' }, { 'registry.corp': 'pw' });
    await on.cluster.namespace(tenant);
    for (let i = 0; i < 200; i++) await on.cluster.serviceAccount(tenant, `app-${i}`);
    // Each write takes 300 ms, one after the other in a namespace: a minute in all.
    const slow = on.sandbox.faults.add({
      match: { verb: 'patch', resource: 'serviceaccounts' },
      kind: 'slow',
      milliseconds: 300,
    });
    const program = await startProgram(on.sandbox, { configuration: document, args });
    await program.ready();
    await on.cluster.annotateNamespace(tenant, {
      'pullpass.dev/sync': 'enabled',
      'pullpass.dev/service-accounts': '*',
    });
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
