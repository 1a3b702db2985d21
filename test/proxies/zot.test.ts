/** zot's credentials file, read as zot's sync extension reads it. */
import { describe, expect, test } from 'vitest';
import { zot } from '../../src/proxies/zot.ts';
import { describeCacheProxy } from '../conformance/cache-proxy.ts';
import { onEachServer } from '../integration/env/servers.ts';
import { openBench, renderFixture, shared, workloadIn } from './render-fixture.ts';

const config = (namespace: string) => ({
  ...shared(namespace),
  kind: 'zot' as const,
  key: 'credentials.json',
  workload: workloadIn(namespace),
});

/** `getFileCredentials` and `newClient` of zot: the file is one map, its keys are the `url.Host` of the sync URLs. */
function credentialsFor(url: string, file: string | undefined): { username: string; password: string } | undefined {
  return file === undefined
    ? undefined
    : (JSON.parse(file) as Record<string, { username: string; password: string }>)[new URL(url).host];
}

onEachServer((server) => {
  describeCacheProxy('zot', () =>
    renderFixture(server(), config, zot, ({ data, rolledTo }) => {
      // zot reads the file when it starts, hence at each roll, and never again.
      let running: { revision: string | undefined; file: string | undefined } | undefined;
      return async () => {
        const revision = await rolledTo();
        if (running?.revision !== revision || running === undefined)
          running = { revision, file: (await data())?.['credentials.json'] };
        return credentialsFor('https://registry-1.docker.io', running.file);
      };
    }),
  );

  describe('the hosts of the file', () => {
    const fileOf = async (hosts: string[] | undefined, registry: string): Promise<unknown> => {
      const bench = await openBench(server(), config);
      await zot({ ...config(bench.namespace), hosts }).apply(
        { registry, username: 'robot', password: 'pw' },
        bench.context,
      );
      const file = (await bench.data())?.['credentials.json'] ?? '';
      await bench.close();
      return JSON.parse(file);
    };
    const login = { username: 'robot', password: 'pw' };

    test('are the registry, by the name that its API has', async () => {
      expect(await fileOf(undefined, 'registry.corp:5000')).toEqual({ 'registry.corp:5000': login });
      expect(await fileOf(undefined, 'docker.io')).toEqual({ 'registry-1.docker.io': login });
    });

    test('or those of the configuration, also when they are pasted as URLs', async () => {
      expect(await fileOf(['docker.io', 'https://mirror.corp:8443/hub'], 'docker.io')).toEqual({
        'docker.io': login,
        'mirror.corp:8443': login,
      });
    });
  });
});
