/**
 * A source on the real plugin of ECR lives through ten lives of its token, these shortened to seconds, with restarts and failures of the
 * plugin on the way, while somebody pulls all the time with the copy of a namespace.
 */
import { spawnSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ecrPlugin, makeFolder } from '../provider/programs.ts';
import { startSandbox } from '../sandbox/kube-api/index.ts';
import { ECR_REGISTRY, startEcr } from '../sandbox/registry/ecr.ts';
import type { Ecr } from '../sandbox/registry/ecr.ts';
import type { ApiServer } from './env/api-server.ts';
import { configuration, CONTROLLER_NAMESPACE, createCluster, eventually } from './env/cluster.ts';
import type { Cluster } from './env/cluster.ts';
import { providerConfig, startProvider } from './env/provider.ts';
import { findRealApi, startRealApi } from './env/real-api.ts';

const LIVES = 10;
/** Of a busy machine lives are longer: a renewal, which takes a few starts of the plugin, must fit into a part of one. */
const TOKEN_MS = Math.min(15_000, Math.max(3_000, 30 * slowestStart()));
/** The test cannot tell a late renewal from a machine that stood still for so long. */
const STALL_MS = TOKEN_MS / 8;
/** Of one run of the provider: the next one finds what this one left. */
const RUN_MS = 2.5 * TOKEN_MS;
const TIMINGS = { lookMs: 100, soonestMs: 100, retryMs: [50, 200] as const };

// On one server only: time passes as slowly on each.
const real = findRealApi();
const start = (): Promise<ApiServer> => ('found' in real ? startRealApi(real.found) : startSandbox());

describe.skipIf('missing' in ecrPlugin)(
  'found' in ecrPlugin ? `on ${'found' in real ? 'kube-apiserver' : 'the sandbox'}` : ecrPlugin.missing,
  () => {
    const folder = makeFolder();
    let ecr: Ecr;
    let server: ApiServer;
    let cluster: Cluster;
    beforeAll(async () => {
      folder.link(ecrPlugin);
      [ecr, server] = await Promise.all([startEcr({ tokenMs: TOKEN_MS }), start()]);
      ecr.registry.putImage('corp/app', '1.0');
      cluster = await createCluster(server);
    });
    afterAll(async () => {
      folder.remove();
      await cluster.close();
      await Promise.all([ecr.stop(), server.stop()]);
    });

    /** HTTP status of a pull by this password. */
    async function pull(password: string): Promise<number> {
      const authorization = `Basic ${Buffer.from(`AWS:${password}`).toString('base64')}`;
      const { status } = await fetch(`${ecr.registry.url}/v2/corp/app/manifests/1.0`, { headers: { authorization } });
      return status;
    }
    const copy = async (): Promise<string | undefined> => (await cluster.login('team', 'ecr-copy'))?.[ECR_REGISTRY];

    test(
      `no pull fails in ${LIVES} lives of a token`,
      async ({ skip }) => {
        await cluster.namespace(CONTROLLER_NAMESPACE);
        await cluster.namespace('team', { annotations: { 'pullpass.dev/sync': 'enabled' } });
        await cluster.controller(configuration({ name: 'ecr' }));
        const config = providerConfig('ecr', {
          plugin: 'ecr-credential-provider',
          image: `${ECR_REGISTRY}/corp/app`,
          env: Object.keys(ecr.env).map((name) => ({ name })),
        });
        const provider = () =>
          startProvider(server, cluster, config, { folder: folder.path, timings: TIMINGS, variables: ecr.env });

        let running = await provider();
        await eventually(async () => expect(await copy()).toBeDefined());
        const startedAt = Date.now();
        const endsAt = startedAt + LIVES * TOKEN_MS;
        const pulls: number[] = [];
        let stalledMs = 0;
        const seen = new Set<string>();
        const puller = (async () => {
          while (Date.now() < endsAt) {
            const password = (await copy()) ?? '';
            seen.add(password);
            pulls.push(await pull(password));
            const resting = performance.now();
            await delay(20);
            stalledMs = Math.max(stalledMs, performance.now() - resting - 20);
          }
        })();

        let [runs, failures] = [1, 0];
        while (Date.now() < endsAt) {
          // The cloud fails for a while in each run, also while a renewal is due.
          await delay(RUN_MS / 2);
          ecr.fail(500);
          await delay(TOKEN_MS / 4);
          ecr.fail();
          await delay(RUN_MS / 2 - TOKEN_MS / 4);
          failures += running.logs.filter(({ msg }) => msg === 'the login is not renewed').length;
          await running.stop();
          running = await provider();
          runs++;
        }
        await puller;
        await running.stop();

        const failed = pulls.filter((status) => status !== 200);
        if (failed.length > 0 && stalledMs > STALL_MS) skip(`the machine stood still for ${stalledMs.toFixed(0)} ms`);
        expect(failed).toEqual([]);
        expect(pulls.length).toBeGreaterThan(10 * LIVES);
        expect({ runs: runs > 3, failures: failures > 0 }).toEqual({ runs: true, failures: true });
        // Each was used, and not one more than needed: half of a life each, and one after a failure or so.
        expect(seen.size).toBeGreaterThanOrEqual(LIVES);
        expect(ecr.issued.length).toBeLessThan(4 * LIVES);
        // The registry does end them: without renewals all of that would have failed.
        expect(await pull(ecr.issued[0] ?? '')).toBe(401);
      },
      4 * LIVES * TOKEN_MS,
    );
  },
);

/** In milliseconds, of three. */
function slowestStart(): number {
  if ('missing' in ecrPlugin) return 0;
  const plugin = ecrPlugin.found;
  const times = [1, 2, 3].map(() => {
    const began = performance.now();
    spawnSync(plugin, ['--help'], { stdio: 'ignore' });
    return performance.now() - began;
  });
  return Math.max(...times);
}
