/** Observes and plans 500 and 5,000 namespaces: ten times the namespaces should cost ten times the time and memory. */
import { randomBytes } from 'node:crypto';
import { configurationSchema } from '../src/config/schema.ts';
import { digestOf } from '../src/credentials/digest.ts';
import { isInSync, planNamespace } from '../src/plan/namespace.ts';
import { createSourceBook } from '../src/sources/book.ts';
import { createWorld, feedsOf, observeNamespace } from '../src/observe/world.ts';
import { keyOf } from '../src/observe/feed-ids.ts';

const ACCOUNTS = 5;

export async function planning(): Promise<void> {
  const [small, large] = [measure(500), measure(5_000)];
  for (const { namespaces, ms, mib } of [small, large])
    console.log(
      `  ${String(namespaces).padStart(5)} namespaces, ${ACCOUNTS} ServiceAccounts each: ${ms.toFixed(1)} ms, ${mib.toFixed(1)} MiB kept`,
    );
  console.log(
    `  10 times the namespaces: ${(large.ms / small.ms).toFixed(1)} times the time, ${(large.mib / small.mib).toFixed(1)} times the memory`,
  );
}

function measure(namespaces: number): { namespaces: number; ms: number; mib: number } {
  const configuration = configurationSchema.parse({
    apiVersion: 'pullpass.dev/v1alpha1',
    kind: 'Configuration',
    sources: [
      {
        name: 'hub',
        secret: { namespace: 'pullpass-system', name: 'hub' },
        copyName: 'hub-copy',
        serviceAccounts: ['*'],
      },
    ],
  });
  const key = randomBytes(32);
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const world = createWorld((content) => digestOf(content, key), 'pullpass-system');
  feedsOf(world, configuration);
  const data = { '.dockerconfigjson': Buffer.from('{"auths":{"registry.corp":{"auth":"dTpw"}}}').toString('base64') };
  world.secrets.get(keyOf({ namespace: 'pullpass-system', name: 'hub' }))?.put({
    namespace: 'pullpass-system',
    name: 'hub',
    uid: 's',
    resourceVersion: '1',
    type: 'kubernetes.io/dockerconfigjson',
    data,
  });
  const book = createSourceBook({
    world,
    state: { mac: world.digest, source: () => undefined, setSource: () => undefined },
  });
  book.configure(configuration);
  book.refresh();
  book.publish();
  const digest = book.observe()[0]?.digest;
  const names = Array.from({ length: namespaces }, (_, i) => `team-${i}`);
  for (const name of names) {
    const at = { uid: name, resourceVersion: '1' };
    world.namespaces.put({
      name,
      ...at,
      terminating: false,
      sync: 'enabled',
      sources: undefined,
      serviceAccounts: undefined,
    });
    world.copies.get('hub-copy')?.put({
      namespace: name,
      name: 'hub-copy',
      ...at,
      type: 'kubernetes.io/dockerconfigjson',
      ours: true,
      instance: 'pullpass-system',
      source: 'hub',
      adopt: false,
      digest,
      terminating: false,
    });
    for (let i = 0; i < ACCOUNTS; i++)
      world.serviceAccounts.put({
        namespace: name,
        name: `account-${i}`,
        ...at,
        pullSecrets: ['hub-copy'],
        sync: undefined,
        added: 'hub-copy',
        annotated: true,
      });
  }
  const pass = (): number => {
    const startedAt = performance.now();
    for (const name of names) {
      const scope = observeNamespace(world, name, book.observe(name), []);
      if (scope === undefined || !isInSync(planNamespace(scope)))
        throw new Error(`${name} is not in sync: the benchmark would measure something else`);
    }
    return performance.now() - startedAt;
  };
  pass();
  const times = Array.from({ length: 5 }, pass).sort((a, b) => a - b);
  globalThis.gc?.();
  return { namespaces, ms: times[2] ?? 0, mib: (process.memoryUsage().heapUsed - before) / 2 ** 20 };
}
