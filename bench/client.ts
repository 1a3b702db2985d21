/** Sends the same 500 patches of a ServiceAccount through our client and through client-node's typed one, to one sandbox. */
import { CoreV1Api, KubeConfig, PatchStrategy, setHeaderOptions } from '@kubernetes/client-node';
import { createClient } from '../src/kube/client.ts';
import { connect } from '../src/kube/connection.ts';
import { paths } from '../src/kube/paths.ts';
import { startSandbox } from '../test/sandbox/kube-api/index.ts';

const PATCHES = 500;
const CONCURRENCY = 32;

export async function client(): Promise<void> {
  await using sandbox = await startSandbox();
  const config = new KubeConfig();
  config.loadFromString(sandbox.adminKubeconfig());
  const connection = connect(config);
  const ours = createClient(connection);
  const theirs = config.makeApiClient(CoreV1Api);
  await ours.create(paths.serviceAccounts('default'), {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'bench' },
  });

  const patch = (i: number): object => ({ metadata: { annotations: { bench: String(i) } } });
  const rounds = { ours: [] as Cost[], theirs: [] as Cost[] };
  for (let round = 0; round < 3; round++) {
    rounds.ours.push(
      await cost((i) =>
        ours.patch(paths.serviceAccounts('default', 'bench'), 'application/merge-patch+json', patch(i)),
      ),
    );
    rounds.theirs.push(
      await cost((i) =>
        theirs.patchNamespacedServiceAccount(
          { namespace: 'default', name: 'bench', body: patch(i) },
          setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
        ),
      ),
    );
  }
  await connection.close();
  const [us, them] = [median(rounds.ours), median(rounds.theirs)];
  console.log(
    `  ours: ${(PATCHES / us.seconds).toFixed(0)}/s; client-node as shipped: ${(PATCHES / them.seconds).toFixed(0)}/s (server in the same process)`,
  );
  console.log(
    `  client-node takes ${(them.seconds / us.seconds).toFixed(1)} times the time and ${(them.cpu / us.cpu).toFixed(1)} times the CPU`,
  );
}

interface Cost {
  readonly seconds: number;
  readonly cpu: number;
}

async function cost(call: (i: number) => Promise<unknown>): Promise<Cost> {
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  let next = 0;
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      while (next < PATCHES) await call(next++);
    }),
  );
  const { user, system } = process.cpuUsage(cpu);
  return { seconds: (performance.now() - startedAt) / 1000, cpu: (user + system) / 1e6 };
}

function median(costs: readonly Cost[]): Cost {
  const sorted = [...costs].sort((a, b) => a.seconds - b.seconds);
  return sorted[Math.floor(sorted.length / 2)] ?? { seconds: Number.NaN, cpu: Number.NaN };
}
