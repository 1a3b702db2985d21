/** A controller that dies at any write of a rotation, an opt-in and an opt-out: the next one finishes the work. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CONTROLLER_NAMESPACE, configuration, createCluster, eventually } from './env/cluster.ts';
import type { Cluster } from './env/cluster.ts';
import type { CrashPlan } from './env/crashing-controller.ts';
import { onEachServer } from './env/servers.ts';

/** One rotation, one opt-in and one opt-out: an update; a copy and a reference; a reference and a deletion. */
const WRITES = 5;

onEachServer((server) => {
  const config = configuration({ name: 'hub', namespaces: { allow: ['crash-*'] } });
  const secret = { namespace: CONTROLLER_NAMESPACE, name: 'hub' };
  let cluster: Cluster;
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'pullpass-crash-'));
    cluster = await createCluster(server());
    await cluster.applyRbac(config);
    await cluster.source(secret, { 'registry.corp': 'pw-0' });
    await cluster.namespace('crash-stays', { annotations: { 'pullpass.dev/sync': 'enabled' } });
    await cluster.namespace('crash-flips-a');
    await cluster.namespace('crash-flips-b', { annotations: { 'pullpass.dev/sync': 'enabled' } });
    const first = await cluster.controller(config);
    await cluster.settled(config);
    await first.stop();
  });
  afterAll(async () => {
    await cluster.close();
    await rm(directory, { recursive: true, force: true });
  });

  async function crash(at: number, when: CrashPlan['when']): Promise<string | null> {
    const kubeconfig = path.join(directory, 'kubeconfig');
    await writeFile(kubeconfig, await server().kubeconfigFor({ namespace: CONTROLLER_NAMESPACE, name: 'pullpass' }));
    const plan = path.join(directory, 'plan.json');
    await writeFile(plan, JSON.stringify({ kubeconfig, configuration: config, at, when } satisfies CrashPlan));
    const child = spawn(process.execPath, [path.join(import.meta.dirname, 'env', 'crashing-controller.ts'), plan], {
      stdio: 'inherit',
    });
    return new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  }

  const cases = Array.from({ length: WRITES }, (_, i) =>
    (['before', 'after'] as const).map((when) => [when, i + 1] as const),
  ).flat();
  test.each(cases)('killed %s write %i, the next one converges', { timeout: 90_000 }, async (when, at) => {
    const password = `pw-${when}-${at}`;
    await cluster.source(secret, { 'registry.corp': password });
    const [joins, leaves] =
      (await cluster.getSecret('crash-flips-a', 'hub-copy')) === undefined
        ? ['crash-flips-a', 'crash-flips-b']
        : ['crash-flips-b', 'crash-flips-a'];
    await cluster.annotateNamespace(joins, { 'pullpass.dev/sync': 'enabled' });
    await cluster.annotateNamespace(leaves, { 'pullpass.dev/sync': null });
    const uid = (await cluster.getSecret('crash-stays', 'hub-copy'))?.metadata?.uid;

    // Dying by anything else would mean that the write was never reached, and that this shows nothing.
    const signal = await crash(at, when);
    expect(signal).toBe('SIGKILL');

    // In between: whatever is referenced is there.
    for (const namespace of ['crash-stays', joins, leaves]) {
      if ((await cluster.pullSecrets(namespace)).includes('hub-copy'))
        expect(await cluster.getSecret(namespace, 'hub-copy')).toBeDefined();
    }

    const next = await cluster.controller(config);
    await eventually(async () => {
      expect(await cluster.login('crash-stays', 'hub-copy')).toEqual({ 'registry.corp': password });
      expect(await cluster.login(joins, 'hub-copy')).toEqual({ 'registry.corp': password });
      expect(await cluster.getSecret(leaves, 'hub-copy')).toBeUndefined();
      expect(await cluster.pullSecrets('crash-stays')).toEqual(['hub-copy']);
      expect(await cluster.pullSecrets(joins)).toEqual(['hub-copy']);
      expect(await cluster.pullSecrets(leaves)).toEqual([]);
    });
    await cluster.settled(config);
    await next.stop();
    expect((await cluster.getSecret('crash-stays', 'hub-copy'))?.metadata?.uid).toBe(uid);
  });
});
