/** An API server of its own for a file of tests that run the program. */
import { afterAll, beforeAll } from 'vitest';
import { createCluster } from '../integration/env/cluster.ts';
import type { Cluster } from '../integration/env/cluster.ts';
import { startSandbox } from '../sandbox/kube-api/index.ts';
import type { Sandbox } from '../sandbox/kube-api/index.ts';

/** `prepare`: before the first test. What is returned can be used from then on. */
export function onSandbox(prepare?: (cluster: Cluster) => Promise<unknown>): { sandbox: Sandbox; cluster: Cluster } {
  const started = {} as { sandbox: Sandbox; cluster: Cluster };
  beforeAll(async () => {
    started.sandbox = await startSandbox();
    started.cluster = await createCluster(started.sandbox);
    await prepare?.(started.cluster);
  });
  afterAll(async () => {
    await started.cluster.close();
    await started.sandbox.stop();
  });
  return started;
}
