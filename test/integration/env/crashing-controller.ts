/**
 * The controller in a process of its own that kills itself (SIGKILL: no handler, no goodbye) at one chosen write:
 * before it is sent, or after the server has answered it. Arguments: a JSON of {kubeconfig, configuration, at, when}.
 */
import { readFileSync } from 'node:fs';
import { configurationSchema } from '../../../src/config/schema.ts';
import { runManager } from '../../../src/controller/manager.ts';
import { createClient } from '../../../src/kube/client.ts';
import type { KubeClient } from '../../../src/kube/client.ts';
import { connect } from '../../../src/kube/connection.ts';
import { loadKubeConfig } from '../../../src/kube/kubeconfig.ts';
import { createLog } from '../../../src/log.ts';
import { createReach } from '../../../src/proxies/reach.ts';
import { createMetrics } from '../../../src/server/metrics.ts';

export interface CrashPlan {
  kubeconfig: string;
  configuration: unknown;
  /** Number of the write, from 1; Events and access reviews do not count. */
  at: number;
  when: 'before' | 'after';
}

const { kubeconfig, configuration, at, when } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as CrashPlan;
const client = createClient(connect(loadKubeConfig({ kubeconfig })));
let writes = 0;

async function counted<T>(path: string, call: () => Promise<T>): Promise<T> {
  const counts = /\/(secrets|serviceaccounts)\//.test(path);
  if (counts && ++writes === at && when === 'before') process.kill(process.pid, 'SIGKILL');
  const mine = writes;
  const answer = await call();
  if (counts && mine === at && when === 'after') process.kill(process.pid, 'SIGKILL');
  return answer;
}
const crashing: KubeClient = {
  ...client,
  patch: (path, ...rest) => counted(path, () => client.patch(path, ...rest)),
  delete: (path, ...rest) => counted(path, () => client.delete(path, ...rest)),
};

await runManager(
  {
    client: crashing,
    configuration: configurationSchema.parse(configuration),
    namespace: 'pullpass-system',
    identity: `crash-${at}-${when}`,
    leaderElection: false,
    // One after the other: which write is the n-th must not depend on luck.
    concurrency: 1,
    address: '0',
    metrics: createMetrics({ version: 'test', processMetrics: false }),
    reach: createReach({ userAgent: 'test' }),
    log: createLog('silent'),
  },
  AbortSignal.timeout(60_000),
);
