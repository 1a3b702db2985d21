/** Whatever order things happen in, a namespace ends in the state that its final inputs ask for. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CONTROLLER_NAMESPACE, configuration, createCluster, dockerConfig, eventually } from './env/cluster.ts';
import type { Cluster } from './env/cluster.ts';
import { onEachServer } from './env/servers.ts';

onEachServer((server) => {
  const config = configuration({ name: 'hub' }, { name: 'corp', serviceAccounts: ['app'] });
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await createCluster(server());
    await cluster.applyRbac(config);
    for (const name of ['hub', 'corp'])
      await cluster.source({ namespace: CONTROLLER_NAMESPACE, name }, { [`${name}.corp`]: 'pw' });
    await cluster.controller(config);
  });
  afterAll(async () => cluster.close());

  const ignoring =
    (...codes: number[]) =>
    (error: unknown): void => {
      if (!codes.includes((error as { code?: number }).code ?? 0)) throw error;
    };
  /** Each is done once, in any order; the last state of each input is the same in all orders. */
  const operations: Record<string, (namespace: string) => Promise<unknown>> = {
    'opts in': (ns) => cluster.annotateNamespace(ns, { 'pullpass.dev/sync': 'enabled' }),
    'names patterns': (ns) => cluster.annotateNamespace(ns, { 'pullpass.dev/service-accounts': 'a*,!away' }),
    'creates app': (ns) => cluster.serviceAccount(ns, 'app', { imagePullSecrets: [{ name: 'their-own' }] }),
    'creates away': (ns) => cluster.serviceAccount(ns, 'away'),
    'creates extra and picks it': (ns) =>
      cluster.serviceAccount(ns, 'extra', { annotations: { 'pullpass.dev/sync': 'enabled' } }),
    'recreates default': async (ns) => {
      await cluster.admin.delete(`/api/v1/namespaces/${ns}/serviceaccounts/default`);
      await cluster.serviceAccount(ns, 'default').catch(ignoring(409));
    },
    'deletes a copy by hand': (ns) => cluster.deleteSecret(ns, 'hub-copy').catch(ignoring(404, 403)),
    'spoils a copy by hand': (ns) =>
      cluster.patchSecret(ns, 'corp-copy', { data: dockerConfig({ wrong: 'wrong' }) }).catch(ignoring(404, 403)),
    'spoils the list of default': (ns) =>
      cluster.admin
        .patch(`/api/v1/namespaces/${ns}/serviceaccounts/default`, 'application/merge-patch+json', {
          imagePullSecrets: null,
        })
        .catch(ignoring(404)),
  };

  let runs = 0;
  test('every order ends in the same state', { timeout: 180_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(Object.keys(operations), { minLength: Object.keys(operations).length }),
        fc.array(fc.nat({ max: 15 }), { minLength: 9, maxLength: 9 }),
        async (order, pauses) => {
          const namespace = `order-${++runs}`;
          await cluster.namespace(namespace);
          for (const [i, name] of order.entries()) {
            await operations[name]?.(namespace);
            await new Promise((resolve) => setTimeout(resolve, pauses[i]));
          }
          await eventually(async () => {
            const lists = await Promise.all(
              ['default', 'app', 'away', 'extra'].map(async (name) => [
                name,
                [...(await cluster.pullSecrets(namespace, name))].sort(),
              ]),
            );
            expect(Object.fromEntries(lists)).toEqual({
              default: [],
              app: ['corp-copy', 'hub-copy', 'their-own'],
              away: [],
              extra: ['corp-copy', 'hub-copy'],
            });
            expect(await cluster.login(namespace, 'hub-copy')).toEqual({ 'hub.corp': 'pw' });
            expect(await cluster.login(namespace, 'corp-copy')).toEqual({ 'corp.corp': 'pw' });
          });
          // And it stays so: nothing swings.
          await cluster.settled(config);
        },
      ),
      { numRuns: 25 },
    );
  });
});
